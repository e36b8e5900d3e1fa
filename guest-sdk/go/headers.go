package boathook

import (
	"bytes"
	"strings"
)

// Headers are those that were read, with their names in lower case.
type Headers []Header

// A Header is one field.
type Header struct{ Name, Value string }

// Get is the value of one header; several are joined by `, `. Empty where there is none.
func (h Headers) Get(name string) string {
	between := ", "
	if strings.EqualFold(name, "cookie") {
		between = "; "
	}
	return strings.Join(h.Values(name), between)
}

// Values are those of one header, one by one.
func (h Headers) Values(name string) []string {
	var found []string
	for _, header := range h {
		if strings.EqualFold(header.Name, name) {
			found = append(found, header.Value)
		}
	}
	return found
}

// parsed reads a block: `name: value` and CRLF, one field after the other.
func parsed(block []byte) Headers {
	var headers Headers
	for line := range bytes.SplitSeq(block, []byte("\n")) {
		if name, value, found := bytes.Cut(line, []byte(":")); found && len(name) > 0 {
			headers = append(headers, Header{strings.ToLower(string(name)), string(bytes.TrimSpace(value))})
		}
	}
	return headers
}

// A fields is a block in the making, with the first thing that was wrong with it.
type fields struct {
	list Headers
	err  error
}

// add adds a field. What could end one early is refused here: in a block the server could no longer tell.
func (f *fields) add(name, value string) {
	isOdd := func(r rune) bool { return r <= ' ' || r > '~' || r == ':' }
	switch {
	case name == "" || strings.ContainsFunc(name, isOdd):
		f.fail("not the name of a header: `%s`", name)
	case strings.ContainsAny(value, "\r\n\x00"):
		f.fail("header `%s`: line break or NUL in the value", name)
	default:
		f.list = append(f.list, Header{strings.ToLower(name), value})
	}
}

func (f *fields) fail(format, name string) {
	if f.err == nil {
		failed := Errorf(502, format, name)
		failed.Code = "E_HOOK_BAD_RESPONSE"
		f.err = failed
	}
}

func (f *fields) remove(name string) {
	kept := f.list[:0]
	for _, field := range f.list {
		if !strings.EqualFold(field.Name, name) {
			kept = append(kept, field)
		}
	}
	f.list = kept
}

func (f *fields) has(name string) bool { return f.list.Get(name) != "" }

// take is the block; there is nothing in it afterwards.
func (f *fields) take() []byte {
	var block []byte
	for _, field := range f.list {
		block = append(block, field.Name...)
		block = append(block, ": "...)
		block = append(block, field.Value...)
		block = append(block, "\r\n"...)
	}
	f.list = f.list[:0]
	return block
}
