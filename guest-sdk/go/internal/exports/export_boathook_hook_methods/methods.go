//go:build wasip1

// Package export_boathook_hook_methods is the interface `methods`.
package export_boathook_hook_methods

import (
	"boathook/internal/bindings/boathook_hook_methods"
	"boathook/internal/exports/called"
	wit "boathook/internal/wit/types"
)

func Methods() []boathook_hook_methods.Method {
	methods := called.Hook().Methods()
	made := make([]boathook_hook_methods.Method, 0, len(methods))
	for _, method := range methods {
		made = append(made, boathook_hook_methods.Method{
			Name: called.UTF8(method.Name), Summary: called.UTF8(method.Summary),
		})
	}
	return made
}

func Call(name, args string) wit.Result[string, called.Failure] {
	return called.Text(called.Hook().Call(name, args))
}
