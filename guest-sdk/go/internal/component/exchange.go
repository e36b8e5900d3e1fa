//go:build wasip1

package component

import (
	"boathook/internal/bindings/boathook_hook_request"
	"boathook/internal/bindings/boathook_hook_response"
	"boathook/internal/bindings/boathook_hook_session"
	"boathook/internal/host"
)

type request struct{}

func (request) Method() string { return plain(boathook_hook_request.Method()) }
func (request) Path() string   { return plain(boathook_hook_request.Path()) }
func (request) Query() string  { return plain(boathook_hook_request.Query()) }
func (request) Param(name string) (string, bool) {
	return some(boathook_hook_request.Param(utf8(name)))
}
func (request) Params() []host.Pair { return pairs(boathook_hook_request.Params()) }
func (request) Header(name string) ([]byte, bool) {
	return some(boathook_hook_request.Header(utf8(name)))
}
func (request) Headers() []byte { return plain(boathook_hook_request.Headers()) }
func (request) Cookie(name string) (string, bool) {
	return some(boathook_hook_request.Cookie(utf8(name)))
}
func (request) Cookies() []host.Pair  { return pairs(boathook_hook_request.Cookies()) }
func (request) IP() string            { return plain(boathook_hook_request.Ip()) }
func (request) Protocol() string      { return plain(boathook_hook_request.Protocol()) }
func (request) ID() string            { return plain(boathook_hook_request.Id()) }
func (request) Options() string       { return plain(boathook_hook_request.Options()) }
func (request) Body() ([]byte, error) { return value(boathook_hook_request.Body()) }
func (request) Local(name string) (string, bool) {
	return some(boathook_hook_request.Local(utf8(name)))
}
func (request) SetLocal(name, value string) error {
	return done(boathook_hook_request.SetLocal(utf8(name), utf8(value)))
}
func (request) SetHeader(name string, value []byte) error {
	return done(boathook_hook_request.SetHeader(utf8(name), value))
}
func (request) RemoveHeader(name string) error {
	return done(boathook_hook_request.RemoveHeader(utf8(name)))
}
func (request) SetPath(path string) error   { return done(boathook_hook_request.SetPath(utf8(path))) }
func (request) SetQuery(query string) error { return done(boathook_hook_request.SetQuery(utf8(query))) }
func (request) SetBody(body []byte) error   { return done(boathook_hook_request.SetBody(body)) }

type response struct{}

func (response) Status() int { return int(boathook_hook_response.Status()) }
func (response) SetStatus(status int) error {
	// What is no status at all is refused like one that is too high.
	if status < 0 || status > 65535 {
		status = 65535
	}
	return done(boathook_hook_response.SetStatus(uint16(status)))
}
func (response) Header(name string) ([]byte, bool) {
	return some(boathook_hook_response.Header(utf8(name)))
}
func (response) Headers() []byte { return plain(boathook_hook_response.Headers()) }
func (response) SetHeaders(block []byte) error {
	return done(boathook_hook_response.SetHeaders(block))
}
func (response) AppendHeaders(block []byte) error {
	return done(boathook_hook_response.AppendHeaders(block))
}
func (response) RemoveHeader(name string) error {
	return done(boathook_hook_response.RemoveHeader(utf8(name)))
}
func (response) SetBody(body []byte) error    { return done(boathook_hook_response.SetBody(body)) }
func (response) WriteBody(chunk []byte) error { return done(boathook_hook_response.WriteBody(chunk)) }
func (response) Body() ([]byte, error)        { return value(boathook_hook_response.Body()) }
func (response) Redirect(location string, status int) error {
	return done(boathook_hook_response.Redirect(utf8(location), option(uint16(status))))
}
func (response) Helper(kind host.Helper, data string) error {
	json := option(utf8(data))
	switch kind {
	case host.OK:
		return done(boathook_hook_response.Ok(json))
	case host.BadRequest:
		return done(boathook_hook_response.BadRequest(json))
	case host.Unauthorized:
		return done(boathook_hook_response.Unauthorized(json))
	case host.Forbidden:
		return done(boathook_hook_response.Forbidden(json))
	case host.NotFound:
		return done(boathook_hook_response.NotFound(json))
	default:
		return done(boathook_hook_response.ServerError(json))
	}
}
func (response) BytesSent() uint64 { return boathook_hook_response.BytesSent() }
func (response) Elapsed() uint64   { return boathook_hook_response.Elapsed() }
func (response) Completed() bool   { return boathook_hook_response.Completed() }

type session struct{}

func (session) Get(key string) (string, bool, error) {
	found, err := value(boathook_hook_session.Get(utf8(key)))
	json, isThere := some(found)
	return json, isThere, err
}
func (session) All() (string, error) { return value(boathook_hook_session.All()) }
func (session) Set(key, value string) error {
	return done(boathook_hook_session.Set(utf8(key), utf8(value)))
}
func (session) Delete(key string) error { return done(boathook_hook_session.Delete(utf8(key))) }
func (session) Destroy() error          { return done(boathook_hook_session.Destroy()) }
func (session) Regenerate() error       { return done(boathook_hook_session.Regenerate()) }
func (session) Flash(key, value string) error {
	return done(boathook_hook_session.Flash(utf8(key), utf8(value)))
}
func (session) ReadFlash(key string) (string, bool, error) {
	found, err := value(boathook_hook_session.ReadFlash(utf8(key)))
	json, isThere := some(found)
	return json, isThere, err
}
