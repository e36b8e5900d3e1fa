package boathook

import (
	"encoding/json"
	"strings"
	"time"

	"boathook/internal/host"
)

// A FetchRequest is a request to another server, as far as the operator grants it.
type FetchRequest struct {
	// `GET` where it is empty.
	Method string
	URL    string
	Header Headers
	Body   []byte
	// In place of Body, if it is not nil.
	JSON any
	// How many redirects to follow: 0 to 20.
	Redirects int
	// How long all of it may take; 0 is what the call itself has left.
	Timeout time.Duration
}

// A FetchResponse is what came back.
type FetchResponse struct {
	Status int
	URL    string
	Header Headers
	Body   []byte
}

// Get asks for a URL.
func Get(url string) (*FetchResponse, error) { return Fetch(FetchRequest{URL: url}) }

// Fetch sends a request and waits for the whole answer, whatever its status.
func Fetch(request FetchRequest) (*FetchResponse, error) {
	var block fields
	for _, header := range request.Header {
		block.add(header.Name, header.Value)
	}
	body := request.Body
	if request.JSON != nil {
		made, err := text(request.JSON)
		if err != nil {
			return nil, err
		}
		body = []byte(made)
		if !block.has("content-type") {
			block.add("content-type", "application/json")
		}
	}
	if block.err != nil {
		return nil, block.err
	}
	options := map[string]any{"redirects": request.Redirects}
	if request.Timeout > 0 {
		options["timeout"] = milliseconds(request.Timeout)
	}
	said, err := text(options)
	if err != nil {
		return nil, err
	}
	method := strings.ToUpper(request.Method)
	if method == "" {
		method = "GET"
	}
	answer, err := host.At.Services.Fetch(host.FetchRequest{
		Method: method, URL: request.URL, Headers: block.take(), Body: body, Options: said,
	})
	if err != nil {
		return nil, err
	}
	return &FetchResponse{answer.Status, answer.URL, parsed(answer.Headers), answer.Body}, nil
}

// Read reads the body as JSON if the status is 200 to 299; else, and where it is none, it is an error with status 502.
func (r *FetchResponse) Read(into any) error {
	if r.Status < 200 || r.Status > 299 {
		failed := Errorf(502, "%s answered with status %d", r.URL, r.Status)
		failed.Code = "E_FETCH_STATUS"
		return failed
	}
	if err := json.Unmarshal(r.Body, into); err != nil {
		failed := Errorf(502, "the answer of %s is not what was expected: %v", r.URL, err)
		failed.Code = "E_FETCH_BODY"
		return failed
	}
	return nil
}
