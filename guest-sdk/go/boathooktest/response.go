package boathooktest

import (
	"net/http"
	"slices"
	"strings"

	"boathook"
	"boathook/internal/host"
)

// connection has the headers that no hook may set.
var connection = []string{"connection", "transfer-encoding", "content-length", "host"}

type response struct{ *ambient }

func (r response) Status() int { return r.at().status }

func (r response) SetStatus(status int) error {
	if status < 200 || status > 599 {
		return refused("E_HOOK_BAD_RESPONSE", "%d is no status", status)
	}
	r.at().status = status
	return nil
}

func (r response) Header(name string) ([]byte, bool) { return header(r.at().sent, name) }

func (r response) Headers() []byte { return block(r.at().sent) }

func (r response) SetHeaders(given []byte) error {
	for _, field := range fields(given) {
		r.at().sent = without(r.at().sent, field.Name)
	}
	return r.AppendHeaders(given)
}

func (r response) AppendHeaders(given []byte) error {
	for _, field := range fields(given) {
		if slices.Contains(connection, field.Name) {
			return refused("E_HOOK_BAD_RESPONSE", "header `%s` belongs to the connection", field.Name)
		}
		r.at().sent = append(r.at().sent, field)
	}
	return nil
}

func (r response) RemoveHeader(name string) error {
	r.at().sent = without(r.at().sent, name)
	return nil
}

func (r response) SetBody(body []byte) error {
	r.at().body = body
	return nil
}

func (r response) WriteBody(chunk []byte) error {
	r.at().body = append(slices.Clip(r.at().body), chunk...)
	return nil
}

func (r response) Body() ([]byte, error) { return r.at().body, nil }

func (r response) Redirect(location string, status int) error {
	at := r.at()
	if at.status = status; status == 0 {
		at.status = 302
	}
	at.sent = append(without(at.sent, "location"), boathook.Header{Name: "location", Value: location})
	return nil
}

func (r response) Helper(kind host.Helper, data string) error {
	at := r.at()
	at.status = []int{200, 400, 401, 403, 404, 500}[kind]
	at.body = []byte(data)
	if data == "" {
		at.body = []byte(http.StatusText(at.status))
	}
	return nil
}

func (r response) BytesSent() uint64 {
	if !r.at().isOut {
		return 0
	}
	return uint64(len(r.at().body))
}

func (r response) Elapsed() uint64 { return 0 }

func (r response) Completed() bool { return r.at().isOut }

func header(of boathook.Headers, name string) ([]byte, bool) {
	if len(of.Values(name)) == 0 {
		return nil, false
	}
	return []byte(of.Get(name)), true
}

func without(of boathook.Headers, name string) boathook.Headers {
	isNamed := func(field boathook.Header) bool { return strings.EqualFold(field.Name, name) }
	return slices.DeleteFunc(slices.Clone(of), isNamed)
}

func block(of boathook.Headers) []byte {
	var made []byte
	for _, field := range of {
		made = append(made, strings.ToLower(field.Name)+": "+field.Value+"\r\n"...)
	}
	return made
}

func fields(of []byte) boathook.Headers {
	var made boathook.Headers
	for line := range strings.SplitSeq(string(of), "\r\n") {
		if name, value, isField := strings.Cut(line, ": "); isField {
			made = append(made, boathook.Header{Name: name, Value: value})
		}
	}
	return made
}
