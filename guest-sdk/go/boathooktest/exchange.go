package boathooktest

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"boathook"
	"boathook/internal/host"
)

// An exchange is one request with its response in the making.
type exchange struct {
	method, path, query, ip, protocol string

	header    boathook.Headers
	input     []byte
	params    []host.Pair
	readsBody bool

	status int
	sent   boathook.Headers
	body   []byte
	isOut  bool

	locals, session, flashes map[string]json.RawMessage
}

func begun(t testing.TB, method, path string, with With) *exchange {
	t.Helper()
	at := &exchange{
		method: strings.ToUpper(method), header: with.Header, input: with.Body, status: 200,
		ip: with.IP, protocol: with.Protocol, flashes: map[string]json.RawMessage{},
	}
	at.path, at.query, _ = strings.Cut(path, "?")
	if at.ip == "" {
		at.ip = "127.0.0.1"
	}
	if at.protocol == "" {
		at.protocol = "http"
	}
	if with.JSON != nil {
		at.input = []byte(encoded(t, with.JSON))
	}
	at.locals, at.session = values(t, with.Locals), values(t, with.Session)
	return at
}

func values(t testing.TB, of map[string]any) map[string]json.RawMessage {
	t.Helper()
	made := map[string]json.RawMessage{}
	for key, value := range of {
		made[key] = json.RawMessage(encoded(t, value))
	}
	return made
}

// answerAs answers as the app does: its status wins and so do its headers, but for `set-cookie`, which adds.
func (e *exchange) answerAs(target Target) {
	for _, header := range target.Header {
		if !strings.EqualFold(header.Name, "set-cookie") {
			e.sent = without(e.sent, header.Name)
		}
	}
	e.sent = append(e.sent, target.Header...)
	if e.status = target.Status; e.status == 0 {
		e.status = 200
	}
	e.body = target.Body
}

func (e *exchange) fail(err error) {
	e.status, e.body = 500, []byte(err.Error())
	var failed *boathook.Error
	if errors.As(err, &failed) && failed.Status != 0 {
		e.status = failed.Status
	}
}

// An ambient finds the exchange at hand.
type ambient struct{ *memory }

func (a *ambient) at() *exchange {
	if a.exchange == nil {
		a.t.Fatal("there is no request at hand: this works while one is handled")
	}
	return a.exchange
}

type request struct{ *ambient }

func (r request) Method() string      { return r.at().method }
func (r request) Path() string        { return r.at().path }
func (r request) Query() string       { return r.at().query }
func (r request) Params() []host.Pair { return r.at().params }
func (r request) Headers() []byte     { return block(r.at().header) }
func (r request) IP() string          { return r.at().ip }
func (r request) Protocol() string    { return r.at().protocol }
func (r request) ID() string          { return "test" }
func (r request) Options() string     { return "{}" }

func (r request) Param(name string) (string, bool) { return of(r.at().params, name) }

func (r request) Header(name string) ([]byte, bool) { return header(r.at().header, name) }

func (r request) Cookie(name string) (string, bool) { return of(r.Cookies(), name) }

func (r request) Cookies() []host.Pair {
	var pairs []host.Pair
	for pair := range strings.SplitSeq(r.at().header.Get("cookie"), ";") {
		if name, value, isPair := strings.Cut(strings.TrimSpace(pair), "="); isPair {
			pairs = append(pairs, host.Pair{Name: name, Value: value})
		}
	}
	return pairs
}

func (r request) Body() ([]byte, error) {
	if !r.at().readsBody {
		return nil, refused("", "request.body: the route does not say ReadBody")
	}
	return r.at().input, nil
}

func (r request) Local(name string) (string, bool) {
	found, isThere := r.at().locals[name]
	return string(found), isThere
}

func (r request) SetLocal(name, value string) error {
	r.at().locals[name] = json.RawMessage(value)
	return nil
}

func (r request) SetHeader(name string, value []byte) error {
	at := r.at()
	at.header = append(without(at.header, name), boathook.Header{Name: name, Value: string(value)})
	return nil
}

func (r request) RemoveHeader(name string) error {
	r.at().header = without(r.at().header, name)
	return nil
}

func (r request) SetPath(path string) error {
	r.at().path = path
	return nil
}

func (r request) SetQuery(query string) error {
	r.at().query = query
	return nil
}

func (r request) SetBody(body []byte) error {
	r.at().input = body
	return nil
}

type session struct{ *ambient }

func (s session) Get(key string) (string, bool, error) {
	found, isThere := s.at().session[key]
	return string(found), isThere, nil
}

func (s session) All() (string, error) { return encoded(s.t, s.at().session), nil }

func (s session) Set(key, value string) error {
	s.at().session[key] = json.RawMessage(value)
	return nil
}

func (s session) Delete(key string) error {
	delete(s.at().session, key)
	return nil
}

func (s session) Destroy() error {
	clear(s.at().session)
	return nil
}

func (s session) Regenerate() error { return nil }

func (s session) Flash(key, value string) error {
	s.at().flashes[key] = json.RawMessage(value)
	return nil
}

func (s session) ReadFlash(key string) (string, bool, error) {
	found, isThere := s.at().flashes[key]
	delete(s.at().flashes, key)
	return string(found), isThere, nil
}

func of(pairs []host.Pair, name string) (string, bool) {
	for _, pair := range pairs {
		if pair.Name == name {
			return pair.Value, true
		}
	}
	return "", false
}
