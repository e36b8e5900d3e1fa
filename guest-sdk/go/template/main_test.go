// Tests the hook without wasm: `go test` in this folder.
package main

import (
	"testing"

	"boathook/boathooktest"
)

func TestItGreetsAsTheOperatorWishes(t *testing.T) {
	app := boathooktest.Lift(t, &hook, boathooktest.World{
		Name:   "my-hook",
		Config: map[string]any{"my-hook": map[string]any{"greeting": "Ahoy"}},
	})
	if said := app.Get("/my-hook").Text(); said != "Ahoy from my-hook!\n" {
		t.Error(said)
	}
}
