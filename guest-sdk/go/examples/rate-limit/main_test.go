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
