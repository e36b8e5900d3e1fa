package main

import (
	"testing"

	"boathook/boathooktest"
)

func TestItAnswersOnItsOwnPath(t *testing.T) {
	app := boathooktest.Lift(t, &hook, boathooktest.World{})
	reply := app.Get("/hello")
	if reply.Status != 200 || reply.Text() != "Hello from a hook!\n" {
		t.Errorf("%d %q", reply.Status, reply.Body)
	}
	if kind := reply.Header("content-type"); kind != "text/plain; charset=utf-8" {
		t.Error(kind)
	}
	if reply := app.Get("/elsewhere"); reply.Status != 404 {
		t.Error(reply.Status)
	}
}
