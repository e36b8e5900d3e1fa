//go:build wasip1

// Package called is between the bindings and the hook, in the direction in which the server calls. The bindings look
// for one package an interface; those beside this one have no more in them than one line a function.
package called

import (
	"strings"

	"boathook/internal/bindings/boathook_hook_types"
	"boathook/internal/host"
	"boathook/internal/wit/runtime"
	wit "boathook/internal/wit/types"
)

// Failure is the world's record `error`.
type Failure = boathook_hook_types.Error

// Nothing is what most functions return.
type Nothing = wit.Result[wit.Unit, Failure]

// Hook is the hook. Every call begins with this: what the server has handed over in the last one is let go of. The
// bindings do so by themselves in functions alone that take a text.
func Hook() host.Guest {
	runtime.Unpin()
	if host.Exported == nil {
		panic("the hook exports nothing: call boathook.Export in an `init`")
	}
	return host.Exported
}

// Done is the result of a function that returns nothing else.
func Done(err error) Nothing {
	return Value(wit.Unit{}, err)
}

// Text is the result of a function that returns a text.
func Text(value string, err error) wit.Result[string, Failure] { return Value(UTF8(value), err) }

// Value is the result of a function.
func Value[T any](value T, err error) wit.Result[T, Failure] {
	if err == nil {
		return wit.Ok[T, Failure](value)
	}
	failed, isPlain := err.(*host.Error)
	if !isPlain {
		failed = &host.Error{Message: err.Error()}
	}
	made := Failure{
		Code:    UTF8(failed.Code),
		Message: UTF8(failed.Message),
		Status:  wit.None[uint16](),
		Details: wit.None[string](),
	}
	if failed.Status >= 400 && failed.Status <= 599 {
		made.Status = wit.Some(uint16(failed.Status))
	}
	if failed.Details != "" {
		made.Details = wit.Some(UTF8(failed.Details))
	}
	return wit.Err[T](made)
}

// UTF8 is a text as the server takes it: what is no UTF-8 in it would end the instance.
func UTF8(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }
