package boathook

import (
	"encoding/json"
	"unicode/utf8"

	"boathook/internal/host"
)

// A Request is the request of the exchange at hand. Each function asks the server for that one thing, so a hook
// pays for what it reads.
type Request struct{}

// Method is in capitals: `GET`.
func (*Request) Method() string { return host.At.Request.Method() }

// Path is the path, without the query.
func (*Request) Path() string { return host.At.Request.Path() }

// Query is what stood behind the `?`, undecoded: url.ParseQuery reads it.
func (*Request) Query() string { return host.At.Request.Query() }

// Param is a parameter of the route's address, decoded: `id` of `/users/:id`, `0` for the first `*`. Empty where
// there is none.
func (*Request) Param(name string) string {
	found, _ := host.At.Request.Param(name)
	return found
}

// Params are all parameters of the route's address.
func (*Request) Params() map[string]string { return table(host.At.Request.Params()) }

// Header is one header. Empty where it is missing, or no UTF-8.
func (*Request) Header(name string) string {
	found, _ := host.At.Request.Header(name)
	return valid(found)
}

// Headers are all headers, in one crossing.
func (*Request) Headers() Headers { return parsed(host.At.Request.Headers()) }

// Cookie is one cookie, decoded. Empty where there is none.
func (*Request) Cookie(name string) string {
	found, _ := host.At.Request.Cookie(name)
	return found
}

// Cookies are all cookies, decoded.
func (*Request) Cookies() map[string]string { return table(host.At.Request.Cookies()) }

// IP is who asks: the address of the peer, or what a trusted proxy says it is.
func (*Request) IP() string { return host.At.Request.IP() }

// Protocol is `http` or `https`.
func (*Request) Protocol() string { return host.At.Request.Protocol() }

// ID is the request's id, as it stands in the log.
func (*Request) ID() string { return host.At.Request.ID() }

// Options are those of all routes that this request matches.
func (*Request) Options(into any) error { return read(host.At.Request.Options(), into) }

// Body is the body. The route must say ReadBody. Over `limits.body` it is an error with status 413.
func (*Request) Body() ([]byte, error) { return host.At.Request.Body() }

// JSON reads the body as JSON; what is none is an error with status 400.
func (r *Request) JSON(into any) error {
	body, err := r.Body()
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return Errorf(400, "body: %v", err)
	}
	return nil
}

// Local reads a value that belongs to this exchange, and says whether there is one.
func (*Request) Local(name string, into any) (bool, error) {
	found, isThere := host.At.Request.Local(name)
	if !isThere {
		return false, nil
	}
	return true, read(found, into)
}

// SetLocal sets a local, for the hooks that follow and for observers.
func (*Request) SetLocal(name string, value any) error {
	return given(value, func(made string) error { return host.At.Request.SetLocal(name, made) })
}

// SetHeader replaces all values of one header, for what follows in the chain.
func (*Request) SetHeader(name, value string) error {
	return host.At.Request.SetHeader(name, []byte(value))
}

// RemoveHeader removes all values of one header, for what follows.
func (*Request) RemoveHeader(name string) error { return host.At.Request.RemoveHeader(name) }

// SetPath replaces the path. What follows in the chain is matched anew.
func (*Request) SetPath(path string) error { return host.At.Request.SetPath(path) }

// SetQuery replaces the query, for what follows; given without the `?`.
func (*Request) SetQuery(query string) error { return host.At.Request.SetQuery(query) }

// SetBody replaces the body, for what follows.
func (*Request) SetBody(body []byte) error { return host.At.Request.SetBody(body) }

// Session is the client's session, by the grant `session = true`. Nothing is read until it is asked for something.
func (*Request) Session() Session { return Session{} }

func table(pairs []host.Pair) map[string]string {
	made := make(map[string]string, len(pairs))
	for _, pair := range pairs {
		made[pair.Name] = pair.Value
	}
	return made
}

// valid is a text of bytes; empty where they are no UTF-8.
func valid(bytes []byte) string {
	if !utf8.Valid(bytes) {
		return ""
	}
	return string(bytes)
}
