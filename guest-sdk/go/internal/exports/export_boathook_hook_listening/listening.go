//go:build wasip1

// Package export_boathook_hook_listening is the interface `listening`.
package export_boathook_hook_listening

import "boathook/internal/exports/called"

func HandleEvent(event, payload string) called.Nothing {
	return called.Done(called.Hook().HandleEvent(event, payload))
}
