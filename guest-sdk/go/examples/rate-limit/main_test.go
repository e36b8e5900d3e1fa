package main

import (
	"testing"

	"boathook"
	"boathook/boathooktest"
)

func TestEachClientHasItsOwnCount(t *testing.T) {
	app := boathooktest.Lift(t, &hook, boathooktest.World{
		Config: map[string]any{"hook": map[string]any{"max-requests": 2}},
	})
	post := func(ip string) boathooktest.Reply {
		return app.Request("POST", "/x", boathooktest.With{IP: ip})
	}
	for range 2 {
		if reply := post("10.0.0.1"); reply.Outcome != boathook.OutcomeNext {
			t.Fatal(reply.Outcome)
		}
	}
	reply := post("10.0.0.1")
	if reply.Status != 429 || reply.Text() != `{"error":"Too many requests"}` {
		t.Errorf("%d %q", reply.Status, reply.Body)
	}
	if reply := post("10.0.0.2"); reply.Outcome != boathook.OutcomeNext {
		t.Error(reply.Outcome)
	}
}

func TestTheCountsGoOnWhenAnotherVersionTakesOver(t *testing.T) {
	world := boathooktest.World{Config: map[string]any{"hook": map[string]any{"max-requests": 1}}}
	post := func(app *boathooktest.Lifted) int {
		return app.Request("POST", "/x", boathooktest.With{IP: "10.0.0.3"}).Status
	}
	clear(clients)
	before := boathooktest.Lift(t, &hook, world)
	post(before)
	handed, err := before.BeforeSwap()
	if err != nil {
		t.Fatal(err)
	}
	clear(clients)
	after := boathooktest.Lift(t, &hook, world)
	if err := after.AfterSwap(handed); err != nil {
		t.Fatal(err)
	}
	if status := post(after); status != 429 {
		t.Error(status)
	}
	if err := after.AfterSwap("of another version"); err != nil {
		t.Error(err)
	}
}

func TestACountEndsWithItsWindow(t *testing.T) {
	clear(clients)
	app := boathooktest.Lift(t, &hook, boathooktest.World{
		Config: map[string]any{"hook": map[string]any{"max-requests": 1, "window-ms": -1}},
	})
	for range 3 {
		if reply := app.Request("POST", "/x", boathooktest.With{}); reply.Outcome != boathook.OutcomeNext {
			t.Fatal(reply.Status)
		}
	}
}
