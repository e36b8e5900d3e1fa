package boathook

import (
	"encoding/json"
	"errors"
	"fmt"

	"boathook/internal/host"
)

// An Error says which response it makes. Any other error that a hook returns is a 500. What the server refuses
// is one of these, so that errors.As finds its code.
type Error = host.Error

// Fail ends a handler with a status of 400 to 599 and a message. A client sees the message of a 4xx.
func Fail(status int, format string, values ...any) (Outcome, error) {
	return 0, Errorf(status, format, values...)
}

// Errorf makes an error with a status.
func Errorf(status int, format string, values ...any) *Error {
	return &Error{Message: fmt.Sprintf(format, values...), Status: status}
}

// HasCode says whether an error, or one that it wraps, has this code: `E_NOT_GRANTED`.
func HasCode(err error, code string) bool {
	var found *Error
	return errors.As(err, &found) && found.Code == code
}

// told turns any error into one that the server takes.
func told(err error) error {
	if err == nil {
		return nil
	}
	var found *Error
	if errors.As(err, &found) {
		copied := *found
		// What wraps it has more to say.
		copied.Message = err.Error()
		return &copied
	}
	return &Error{Message: err.Error()}
}

// text is a value as JSON.
func text(value any) (string, error) {
	made, err := json.Marshal(value)
	if err != nil {
		return "", fmt.Errorf("not to be had as JSON: %w", err)
	}
	return string(made), nil
}

// read reads JSON into a value.
func read(from string, into any) error { return json.Unmarshal([]byte(from), into) }

// given hands a value as JSON to one of the server's functions.
func given(value any, to func(string) error) error {
	made, err := text(value)
	if err != nil {
		return err
	}
	return to(made)
}
