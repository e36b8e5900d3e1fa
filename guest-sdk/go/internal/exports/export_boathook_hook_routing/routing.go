//go:build wasip1

// Package export_boathook_hook_routing is the interface `routing`.
package export_boathook_hook_routing

import (
	"boathook/internal/bindings/boathook_hook_routing"
	"boathook/internal/exports/called"
	"boathook/internal/host"
	wit "boathook/internal/wit/types"
)

func Routes() wit.Result[[]boathook_hook_routing.Route, called.Failure] {
	routes, err := called.Hook().Routes()
	made := make([]boathook_hook_routing.Route, 0, len(routes))
	for _, route := range routes {
		made = append(made, boathook_hook_routing.Route{
			Address: called.UTF8(route.Address),
			Phase:   phase(route),
			Flags:   route.Flags,
			Options: called.UTF8(route.Options),
		})
	}
	return called.Value(made, err)
}

func HandleRoute(route uint32) wit.Result[uint8, called.Failure] {
	return called.Value(called.Hook().HandleRoute(route))
}

func phase(of host.Route) boathook_hook_routing.Phase {
	switch of.Phase {
	case host.Before:
		return boathook_hook_routing.MakePhaseBefore()
	case host.After:
		return boathook_hook_routing.MakePhaseAfter()
	default:
		return boathook_hook_routing.MakePhaseNamed(called.UTF8(of.Action))
	}
}
