//go:build wasip1

// Package export_boathook_hook_background is the interface `background`.
package export_boathook_hook_background

import "boathook/internal/exports/called"

func HandleTask(name, payload string, attempt uint32) called.Nothing {
	return called.Done(called.Hook().HandleTask(name, payload, attempt))
}

func HandleTick(name string) called.Nothing { return called.Done(called.Hook().HandleTick(name)) }
