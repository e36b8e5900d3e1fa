//go:build wasip1

// Package component ties the SDK to the world: what package host says, by the bindings that `boathook bindings`
// writes beside it. What the server calls is in the packages of exports/, where the bindings look for it.
package component

import (
	"strings"

	"boathook/internal/bindings/boathook_hook_types"
	"boathook/internal/host"
	"boathook/internal/wit/runtime"
	wit "boathook/internal/wit/types"
)

type failure = boathook_hook_types.Error

// utf8 is a text as the server takes it: what is no UTF-8 in it would end the instance.
func utf8(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }

// done is the error of a function that returns nothing else.
func done(result wit.Result[wit.Unit, failure]) error {
	_, err := value(result)
	return err
}

// plain is what a function of the server's returned. What it lies in was pinned as it came; from here on whoever reads
// it holds it. Otherwise the collector could free none of it until the next call into the hook.
func plain[T any](result T) T {
	runtime.Unpin()
	return result
}

// value is what a function of the server's returned that can fail.
func value[T any](result wit.Result[T, failure]) (T, error) {
	runtime.Unpin()
	if result.IsOk() {
		return result.Ok(), nil
	}
	var none T
	err := result.Err()
	return none, &host.Error{
		Code:    err.Code,
		Message: err.Message,
		Status:  int(err.Status.SomeOr(0)),
		Details: err.Details.SomeOr(""),
	}
}

func some[T any](option wit.Option[T]) (T, bool) {
	runtime.Unpin()
	var none T
	return option.SomeOr(none), option.IsSome()
}

// option is none where the value is the zero one.
func option[T comparable](value T) wit.Option[T] {
	var zero T
	if value == zero {
		return wit.None[T]()
	}
	return wit.Some(value)
}

func bytesOption(value []byte) wit.Option[[]byte] {
	if value == nil {
		return wit.None[[]byte]()
	}
	return wit.Some(value)
}

func pairs(tuples []wit.Tuple2[string, string]) []host.Pair {
	runtime.Unpin()
	made := make([]host.Pair, 0, len(tuples))
	for _, tuple := range tuples {
		made = append(made, host.Pair{Name: tuple.F0, Value: tuple.F1})
	}
	return made
}
