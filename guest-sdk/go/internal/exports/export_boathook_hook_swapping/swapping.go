//go:build wasip1

// Package export_boathook_hook_swapping is the interface `swapping`.
package export_boathook_hook_swapping

import (
	"boathook/internal/exports/called"
	wit "boathook/internal/wit/types"
)

func BeforeSwap() wit.Result[wit.Option[string], called.Failure] {
	value, err := called.Hook().BeforeSwap()
	if value == "" {
		return called.Value(wit.None[string](), err)
	}
	return called.Value(wit.Some(called.UTF8(value)), err)
}

func AfterSwap(value string) called.Nothing { return called.Done(called.Hook().AfterSwap(value)) }
