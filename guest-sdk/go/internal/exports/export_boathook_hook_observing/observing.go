//go:build wasip1

// Package export_boathook_hook_observing is the interface `observing`.
package export_boathook_hook_observing

import "boathook/internal/exports/called"

func HandleResponse(route uint32) called.Nothing {
	return called.Done(called.Hook().HandleResponse(route))
}

func HandleFinish(route uint32) called.Nothing {
	return called.Done(called.Hook().HandleFinish(route))
}
