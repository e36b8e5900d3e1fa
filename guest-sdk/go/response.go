package boathook

import (
	"time"

	"boathook/internal/host"
)

// A Response is the response in the making. It gathers what a handler sets, and hands it over in few crossings when
// the handler returns: the status, all headers as one block, the body. What the server refuses of it is then the
// handler's error.
//
// What is set ahead of Next stays, but for a body; where the app's target answers then, its status and its headers
// of the same name win. What must win is set by an observer.
type Response struct {
	status   int
	set      fields
	appended fields
	body     []byte
	hasBody  bool
	written  []byte
	err      error
}

// Status sets the status, 200 to 599.
func (r *Response) Status(status int) *Response {
	r.status = status
	return r
}

// SetHeader replaces all values of one header, by one or several.
func (r *Response) SetHeader(name string, values ...string) *Response {
	// The server sees blocks, not their order: what was appended before this goes ahead.
	if len(r.appended.list) > 0 {
		r.keep(r.handOver(false))
	}
	r.set.remove(name)
	for _, value := range values {
		r.set.add(name, value)
	}
	return r
}

// AddHeader adds a value to those that are there.
func (r *Response) AddHeader(name, value string) *Response {
	r.appended.add(name, value)
	return r
}

// RemoveHeader removes all values of one header.
func (r *Response) RemoveHeader(name string) *Response {
	r.set.remove(name)
	r.appended.remove(name)
	r.keep(host.At.Response.RemoveHeader(name))
	return r
}

// SetBody sets the whole body, and goes on.
func (r *Response) SetBody(body []byte) *Response {
	r.body, r.hasBody, r.written = body, true, nil
	return r
}

// Write adds to the body, and goes on. It never fails: what is wrong with the body is the handler's error.
func (r *Response) Write(chunk []byte) (int, error) {
	r.written = append(r.written, chunk...)
	return len(chunk), nil
}

// Send answers with this body; the content type is the one that was set.
func (r *Response) Send(body []byte) (Outcome, error) {
	r.SetBody(body)
	return OutcomeRespond, nil
}

// Text answers with text.
func (r *Response) Text(body string) (Outcome, error) {
	return r.sendAs("text/plain; charset=utf-8", []byte(body))
}

// HTML answers with HTML.
func (r *Response) HTML(body string) (Outcome, error) {
	return r.sendAs("text/html; charset=utf-8", []byte(body))
}

// JSON answers with a value as JSON. Status and content type are those that were set.
func (r *Response) JSON(value any) (Outcome, error) {
	made, err := text(value)
	if err != nil {
		return 0, err
	}
	return r.sendAs("application/json; charset=utf-8", []byte(made))
}

// Redirect sends the client elsewhere, with the status that was set, if it is 300 to 399, else 302.
func (r *Response) Redirect(location string) (Outcome, error) {
	status := r.status
	if status < 300 || status > 399 {
		status = 0
	}
	return r.helped(func() error { return host.At.Response.Redirect(location, status) })
}

// OK is 200 with this as JSON. For this helper and those below: without data the body is the status' usual text.
func (r *Response) OK(data ...any) (Outcome, error) { return r.helper(host.OK, data) }

// BadRequest is 400 with this as JSON.
func (r *Response) BadRequest(data ...any) (Outcome, error) { return r.helper(host.BadRequest, data) }

// Unauthorized is 401 with this as JSON.
func (r *Response) Unauthorized(data ...any) (Outcome, error) {
	return r.helper(host.Unauthorized, data)
}

// Forbidden is 403 with this as JSON.
func (r *Response) Forbidden(data ...any) (Outcome, error) { return r.helper(host.Forbidden, data) }

// NotFound is 404 with this as JSON.
func (r *Response) NotFound(data ...any) (Outcome, error) { return r.helper(host.NotFound, data) }

// ServerError is 500, with this as JSON in development and without it elsewhere.
func (r *Response) ServerError(data ...any) (Outcome, error) {
	return r.helper(host.ServerError, data)
}

// StatusCode is the status as it stands.
func (r *Response) StatusCode() int {
	if r.status != 0 {
		return r.status
	}
	return host.At.Response.Status()
}

// Header is one header as it stands; several values are joined by `, `. Empty where there is none.
func (r *Response) Header(name string) string {
	r.keep(r.handOver(false))
	found, _ := host.At.Response.Header(name)
	return valid(found)
}

// Headers are all headers as they stand.
func (r *Response) Headers() Headers {
	r.keep(r.handOver(false))
	return parsed(host.At.Response.Headers())
}

// Body is the body as it stands. In an observer the server gathers it from whoever answers; over `limits.body`, and
// for an event stream, this is an error, and the body flows on untouched.
func (r *Response) Body() ([]byte, error) {
	if err := r.handOver(true); err != nil {
		return nil, err
	}
	return host.At.Response.Body()
}

func (r *Response) sendAs(kind string, body []byte) (Outcome, error) {
	if !r.set.has("content-type") {
		r.SetHeader("content-type", kind)
	}
	return r.Send(body)
}

func (r *Response) helper(kind host.Helper, data []any) (Outcome, error) {
	made := ""
	if len(data) > 0 {
		var err error
		if made, err = text(data[0]); err != nil {
			return 0, err
		}
	}
	return r.helped(func() error { return host.At.Response.Helper(kind, made) })
}

// helped answers by a function of the server's, which sets status and body itself.
func (r *Response) helped(answer func() error) (Outcome, error) {
	r.status, r.body, r.hasBody, r.written = 0, nil, false, nil
	if err := r.handOver(false); err != nil {
		return 0, err
	}
	return OutcomeRespond, answer()
}

// keep keeps the first error of a setter for the end of the handler.
func (r *Response) keep(err error) {
	if r.err == nil {
		r.err = err
	}
}

// handOver hands what was gathered to the server.
func (r *Response) handOver(withBody bool) error {
	for _, err := range []error{r.err, r.set.err, r.appended.err} {
		if err != nil {
			return err
		}
	}
	at := host.At.Response
	if r.status != 0 {
		status := r.status
		r.status = 0
		if err := at.SetStatus(status); err != nil {
			return err
		}
	}
	if len(r.set.list) > 0 {
		if err := at.SetHeaders(r.set.take()); err != nil {
			return err
		}
	}
	if len(r.appended.list) > 0 {
		if err := at.AppendHeaders(r.appended.take()); err != nil {
			return err
		}
	}
	if !withBody {
		return nil
	}
	body, hasBody, written := r.body, r.hasBody, r.written
	r.body, r.hasBody, r.written = nil, false, nil
	if hasBody {
		if err := at.SetBody(body); err != nil {
			return err
		}
	}
	if len(written) == 0 {
		return nil
	}
	return at.WriteBody(written)
}

// A Finish is what became of a response.
type Finish struct{}

// Status is the one that the client got.
func (*Finish) Status() int { return host.At.Response.Status() }

// BytesSent are those of the body.
func (*Finish) BytesSent() uint64 { return host.At.Response.BytesSent() }

// Elapsed is the time since the request came.
func (*Finish) Elapsed() time.Duration {
	return time.Duration(host.At.Response.Elapsed())
}

// Completed says whether the client got all of it.
func (*Finish) Completed() bool { return host.At.Response.Completed() }
