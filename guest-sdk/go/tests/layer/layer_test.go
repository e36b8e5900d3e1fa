// Package layer tests what the SDK makes of a hook, against the server in memory.
package layer

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"boathook"
	"boathook/boathooktest"
)

type (
	req     = boathook.Request
	res     = boathook.Response
	outcome = boathook.Outcome
)

func lift(t *testing.T, world boathooktest.World, routes ...boathook.Route) *boathooktest.Lifted {
	t.Helper()
	return boathooktest.Lift(t, &boathook.Hook{Routes: routes}, world)
}

func after(handle func(*req, *res) (outcome, error)) boathook.Route {
	return boathook.Route{After: "/*", Handle: handle, ReadBody: true}
}

func TestWhatAHandlerSetsArrivesInTheOrderInWhichItWasSet(t *testing.T) {
	app := lift(t, boathooktest.World{}, after(func(_ *req, res *res) (outcome, error) {
		res.AddHeader("Set-Cookie", "a=1").SetHeader("x-one", "first").SetHeader("X-One", "a", "b")
		res.AddHeader("set-cookie", "b=2").SetHeader("x-gone", "1").RemoveHeader("x-gone")
		if _, err := fmt.Fprintf(res.Status(201), "half and %s", "half"); err != nil {
			return 0, err
		}
		return boathook.OutcomeRespond, nil
	}))
	reply := app.Get("/")
	if reply.Status != 201 || reply.Text() != "half and half" {
		t.Errorf("%d %q", reply.Status, reply.Text())
	}
	for name, want := range map[string]string{"x-one": "a, b", "set-cookie": "a=1, b=2", "x-gone": ""} {
		if found := reply.Header(name); found != want {
			t.Errorf("%s: %q", name, found)
		}
	}
}

func TestAHeaderThatWouldBreakTheBlockIsRefused(t *testing.T) {
	for name, value := range map[string]string{"x-split": "a\r\nx-more: b", "x y": "b", "": "c"} {
		app := lift(t, boathooktest.World{}, after(func(_ *req, res *res) (outcome, error) {
			return res.SetHeader(name, value).Text("fine")
		}))
		reply := app.Get("/")
		if !boathook.HasCode(reply.Err, "E_HOOK_BAD_RESPONSE") || reply.Header("x-more") != "" {
			t.Errorf("%q: %v", name, reply.Err)
		}
	}
}

func TestAnErrorSaysWhichResponseItMakesAndLeavesTheHeadersThere(t *testing.T) {
	cause := &boathook.Error{Status: 404, Code: "E_NO_NOTE", Message: "no such note"}
	app := lift(t, boathooktest.World{}, after(func(_ *req, res *res) (outcome, error) {
		res.SetHeader("x-here", "1")
		return 0, fmt.Errorf("reading: %w", cause)
	}))
	reply := app.Get("/")
	var found *boathook.Error
	if !errors.As(reply.Err, &found) || found.Status != 404 || found.Code != "E_NO_NOTE" {
		t.Fatalf("%v", reply.Err)
	}
	if found.Message != "reading: no such note" || reply.Header("x-here") != "1" || reply.Status != 404 {
		t.Errorf("%q %d", found.Message, reply.Status)
	}
}

func TestARouteStandsInExactlyOnePlace(t *testing.T) {
	for _, route := range []boathook.Route{{}, {Before: "/a", After: "/b"}} {
		hook := &boathook.Hook{Routes: []boathook.Route{route}}
		fatal := &fatal{TB: t}
		func() {
			defer func() { _ = recover() }()
			boathooktest.Lift(fatal, hook, boathooktest.World{}).Get("/")
		}()
		if !strings.Contains(fatal.said, "exactly one of Before, After and Named") {
			t.Errorf("%q", fatal.said)
		}
	}
}

// A fatal is a test that ends by a panic, so that what it says can be looked at.
type fatal struct {
	testing.TB
	said string
}

func (f *fatal) Fatalf(format string, values ...any) {
	f.said = fmt.Sprintf(format, values...)
	panic(f.said)
}

func TestObserversSeeTheResponseLastInFirst(t *testing.T) {
	note := func(name string) boathook.Route {
		return boathook.Route{
			Before:          "GET /*",
			ObserveResponse: func(_ *req, res *res) error { res.AddHeader("x-seen", name); return nil },
		}
	}
	finished := 0
	app := lift(t, boathooktest.World{}, note("a"), note("b"), boathook.Route{
		Before: "/notes/:id",
		Handle: func(req *req, _ *res) (outcome, error) {
			if err := req.SetLocal("id", req.Param("id")); err != nil {
				return 0, err
			}
			return boathook.Next()
		},
		ObserveFinish: func(_ *req, finish *boathook.Finish) error {
			finished = finish.Status()
			return nil
		},
	})
	target := func() boathooktest.Target { return boathooktest.Target{Status: 203, Body: []byte("app")} }
	reply := app.Request("GET", "/notes/a%20b", boathooktest.With{Target: target})
	if reply.Header("x-seen") != "b, a" || finished != 203 || reply.Text() != "app" {
		t.Errorf("%v %d %q", reply.Headers, finished, reply.Text())
	}
	if id := string(reply.Locals["id"]); id != `"a b"` {
		t.Error(id)
	}
	if reply := app.Request("POST", "/", boathooktest.With{}); reply.Status != 404 || reply.Header("x-seen") != "" {
		t.Errorf("%d %v", reply.Status, reply.Headers)
	}
}

func TestABodyIsReadWhereTheRouteSaysSo(t *testing.T) {
	echo := func(req *req, res *res) (outcome, error) {
		var note struct{ Text string }
		if err := req.JSON(&note); err != nil {
			return 0, err
		}
		return res.Status(201).JSON(note)
	}
	app := lift(t, boathooktest.World{}, after(echo))
	reply := app.Request("POST", "/", boathooktest.With{JSON: map[string]string{"text": "ahoy"}})
	if reply.Status != 201 || reply.Text() != `{"Text":"ahoy"}` {
		t.Errorf("%d %q", reply.Status, reply.Text())
	}
	if reply := app.Request("POST", "/", boathooktest.With{Body: []byte("{")}); reply.Status != 400 {
		t.Error(reply.Status)
	}
	app = lift(t, boathooktest.World{}, boathook.Route{After: "/*", Handle: echo})
	if reply := app.Request("POST", "/", boathooktest.With{}); reply.Err == nil {
		t.Error("a route without ReadBody has read it")
	}
}

func TestSettingsAreReadAndAreSetInConfigureAlone(t *testing.T) {
	hook := &boathook.Hook{
		Defaults: map[string]any{"__configKey__": map[string]any{"list": []int{1}, "deep": map[string]any{"n": 2}}},
		Configure: func() error {
			number, err := boathook.Own[int]("deep.n")
			if err != nil {
				return err
			}
			return boathook.SetOwn("deep.twice", 2*number)
		},
		Initialize: func() error {
			if err := boathook.SetOwn("late", true); err == nil {
				return errors.New("it was set in initialize")
			}
			return nil
		},
	}
	boathooktest.Lift(t, hook, boathooktest.World{
		Name: "a.b", Config: map[string]any{"a.b": map[string]any{"list": []int{}, "deep": map[string]any{"n": 21}}},
	})
	twice, err := boathook.Own[int]("deep.twice")
	list, problem := boathook.Own[[]int]("list")
	none, missing := boathook.Own[*int]("nothing")
	if twice != 42 || err != nil || len(list) != 0 || problem != nil || none != nil || missing != nil {
		t.Error(twice, err, list, problem, none, missing)
	}
	if _, err := boathook.Own[int]("list"); err == nil || !strings.Contains(err.Error(), `setting `) {
		t.Error(err)
	}
}

func TestServicesHaveTheirCounterparts(t *testing.T) {
	counts := boathook.KV("counts")
	hook := &boathook.Hook{
		Initialize: func() error { return errors.Join(boathook.Subscribe("rain"), boathook.Publish("key", 1)) },
		HandleEvent: func(event string, payload json.RawMessage) error {
			return boathook.Defer(event, payload, boathook.Later{Durable: true, Delay: time.Second})
		},
		HandleTask: func(task boathook.Task) error {
			var by int64
			if err := task.Read(&by); err != nil {
				return err
			}
			_, _, err := counts.Increment(task.Name, by, time.Minute)
			return err
		},
		HandleTick: func(name string) error { return boathook.Emit("ticked", name) },
		Methods: []boathook.Method{{Name: "twice", Call: func(args json.RawMessage) (any, error) {
			var number int
			err := json.Unmarshal(args, &number)
			return 2 * number, err
		}}},
	}
	app := boathooktest.Lift(t, hook, boathooktest.World{
		KV:        map[string]map[string]any{"counts": {"rain": 40}},
		Secrets:   map[string]string{"key": "s3cret"},
		Published: map[string]map[string]any{"orm": {"models": []string{"user"}}},
		Fetch: func(request boathook.FetchRequest) (*boathook.FetchResponse, error) {
			return &boathook.FetchResponse{Status: 200, Body: append([]byte{}, request.Body...)}, nil
		},
	})
	if isDelivered, err := app.Deliver("rain", 2); !isDelivered || err != nil {
		t.Error(isDelivered, err)
	}
	if task := app.Deferred[0]; task.Options["durable"] != true || task.Options["delay"] != 1000.0 {
		t.Errorf("%v", task.Options)
	}
	if err := app.RunTasks(1); err != nil {
		t.Error(err)
	}
	var rain int
	if isThere, err := counts.Get("rain", &rain); !isThere || err != nil || rain != 42 {
		t.Error(isThere, err, rain)
	}
	for key, err := range counts.Keys("r") {
		if key != "rain" || err != nil {
			t.Error(key, err)
		}
	}
	var four int
	if err := app.Call("twice", 2, &four); err != nil || four != 4 {
		t.Error(err, four)
	}
	if err := app.Call("thrice", 2, &four); !boathook.HasCode(err, "E_NO_METHOD") {
		t.Error(err)
	}
	if err := app.Tick("clean-up"); err != nil || app.Events[0].Event != "ticked" || string(app.Public["key"]) != "1" {
		t.Error(err, app.Events, app.Public)
	}
	models, err := boathook.Data[[]string]("orm", "models")
	secret, refused := boathook.Secret("other")
	if len(models) != 1 || err != nil || secret != "" || !boathook.HasCode(refused, "E_NOT_GRANTED") {
		t.Error(models, err, refused)
	}
	answer, err := boathook.Fetch(boathook.FetchRequest{Method: "post", URL: "https://a.test", JSON: []int{1}})
	if err != nil || string(answer.Body) != "[1]" {
		t.Error(answer, err)
	}
}

func TestAHookHandsTheNextGenerationAValueOrNothing(t *testing.T) {
	var taken string
	var given any
	app := boathooktest.Lift(t, &boathook.Hook{
		BeforeSwap: func() (any, error) { return given, boathook.Defer("late", 1, boathook.Later{}) },
		AfterSwap: func(value json.RawMessage) error {
			taken = string(value)
			return errors.New("not of mine")
		},
	}, boathooktest.World{})
	if _, err := app.BeforeSwap(); !boathook.HasCode(err, "E_TASKS_TOO_EARLY") {
		t.Error(err)
	}
	if err := app.AfterSwap([]int{1}); err == nil || taken != "[1]" {
		t.Error(err, taken)
	}
	app = boathooktest.Lift(t, &boathook.Hook{
		BeforeSwap: func() (any, error) { return given, nil },
	}, boathooktest.World{})
	if handed, err := app.BeforeSwap(); handed != nil || err != nil {
		t.Error(string(handed), err)
	}
	given = map[string]int{"a": 1}
	if handed, err := app.BeforeSwap(); string(handed) != `{"a":1}` || err != nil {
		t.Error(string(handed), err)
	}
	app = lift(t, boathooktest.World{})
	if handed, err := app.BeforeSwap(); handed != nil || err != nil || app.AfterSwap(1) != nil {
		t.Error(string(handed), err)
	}
}

func TestALineOfTheLogHasItsFields(t *testing.T) {
	app := lift(t, boathooktest.World{}, after(func(_ *req, res *res) (outcome, error) {
		boathook.Warn("odd", "count", 3, "left over")
		return res.NotFound(map[string]string{"why": "odd"})
	}))
	if reply := app.Get("/"); reply.Status != 404 || reply.Text() != `{"why":"odd"}` {
		t.Errorf("%d %q", reply.Status, reply.Text())
	}
	line := app.Lines[0]
	if line.Level != boathook.LevelWarn || line.Message != "odd" || line.Fields["count"] != 3.0 || len(line.Fields) != 1 {
		t.Errorf("%v", line)
	}
}

func TestASessionKeepsValuesAndFlashesAreReadOnce(t *testing.T) {
	app := lift(t, boathooktest.World{}, after(func(req *req, res *res) (outcome, error) {
		visits := 0
		if _, err := req.Session().Get("visits", &visits); err != nil {
			return 0, err
		}
		if err := req.Session().Set("visits", visits+1); err != nil {
			return 0, err
		}
		return res.Redirect("/home")
	}))
	reply := app.Request("GET", "/", boathooktest.With{Session: map[string]any{"visits": 1}})
	if string(reply.Session["visits"]) != "2" || reply.Status != 302 || reply.Header("location") != "/home" {
		t.Errorf("%s %d %v", reply.Session, reply.Status, reply.Headers)
	}
}
