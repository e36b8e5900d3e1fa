package main

import (
	"testing"

	"boathook"
	"boathook/boathooktest"
)

func TestEveryAnswerHasTheHeaders(t *testing.T) {
	app := boathooktest.Lift(t, &hook, boathooktest.World{})
	weak := func() boathooktest.Target {
		return boathooktest.Target{Status: 200, Header: boathook.Headers{{Name: "x-frame-options", Value: "ALLOWALL"}}}
	}
	reply := app.Request("GET", "/app.js", boathooktest.With{Target: weak})
	for _, name := range []string{
		"x-content-type-options", "referrer-policy", "strict-transport-security", "permissions-policy",
	} {
		if reply.Header(name) == "" {
			t.Errorf("no `%s`", name)
		}
	}
	if frames := reply.Header("x-frame-options"); frames != "SAMEORIGIN" {
		t.Error(frames)
	}
	if reply := app.Request("POST", "/", boathooktest.With{}); reply.Header("x-frame-options") != "" {
		t.Error("a POST has them, too")
	}
}
