package main

import (
	"testing"

	"boathook/boathooktest"
)

func TestItShoutsWhatTheOperatorSays(t *testing.T) {
	if said := boathooktest.Lift(t, &hook, boathooktest.World{}).Get("/shout").Text(); said != "make it rain\n" {
		t.Error(said)
	}
	app := boathooktest.Lift(t, &hook, boathooktest.World{
		Config: map[string]any{"hook": map[string]any{"phrase": "make it ☂ rain"}},
	})
	if said := app.Get("/shout").Text(); said != "make it ☂ rain\n" {
		t.Error(said)
	}
}
