//go:build wasip1

// Package export_boathook_hook_lifecycle is the interface `lifecycle`.
package export_boathook_hook_lifecycle

import (
	"boathook/internal/exports/called"
	wit "boathook/internal/wit/types"
)

func Defaults(overrides string) wit.Result[string, called.Failure] {
	return called.Text(called.Hook().Defaults(overrides))
}

func Configure() called.Nothing  { return called.Done(called.Hook().Configure()) }
func Initialize() called.Nothing { return called.Done(called.Hook().Initialize()) }
func Lower() called.Nothing      { return called.Done(called.Hook().Lower()) }
