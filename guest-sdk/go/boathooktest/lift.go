// Package boathooktest runs a hook against a server in memory, without wasm.
//
//	app := boathooktest.Lift(t, &hook, boathooktest.World{})
//	if reply := app.Get("/hello"); reply.Text() != "Hello from a hook!\n" {
//		t.Error(reply.Text())
//	}
package boathooktest

import (
	"encoding/json"
	"testing"

	"boathook"
	"boathook/internal/host"
)

// A World is what is around a hook. Whatever is left out is not there.
type World struct {
	// The hook's name, and the key of its settings: `hook`, if it is empty.
	Name string
	// The operator's configuration.
	Config map[string]any
	// What lies in `kv`, by namespace and key. In a test every namespace is granted.
	KV map[string]map[string]any
	// Secrets that are granted.
	Secrets map[string]string
	// What other hooks made public, by hook and key.
	Published map[string]map[string]any
	// Methods of other hooks, by `hook.method`.
	Methods map[string]func(args json.RawMessage) (any, error)
	// Answers for other servers.
	Fetch func(request boathook.FetchRequest) (*boathook.FetchResponse, error)
}

// A Lifted is a lifted hook: one instance, as in mode `single`.
type Lifted struct {
	t     testing.TB
	guest host.Guest
	*memory
}

// Lift lifts a hook as the server would: its defaults, Configure, Initialize. Where one fails, so does the test.
func Lift(t testing.TB, hook *boathook.Hook, world World) *Lifted {
	t.Helper()
	app, err := TryLift(t, hook, world)
	if err != nil {
		t.Fatalf("the hook does not lift: %v", err)
	}
	return app
}

// TryLift is Lift for tests of what goes wrong there.
func TryLift(t testing.TB, hook *boathook.Hook, world World) (*Lifted, error) {
	t.Helper()
	boathook.Export(hook)
	app := &Lifted{t, host.Exported, remembered(t, world)}
	app.bind()
	defaults, err := app.guest.Defaults(encoded(t, app.tree))
	if err != nil {
		return app, err
	}
	app.under(defaults)
	if err := app.at("configure", app.guest.Configure); err != nil {
		return app, err
	}
	err = app.at("initialize", app.guest.Initialize)
	app.stage = "running"
	return app, err
}

// Lower calls Lower.
func (l *Lifted) Lower() error { return l.at("lower", l.guest.Lower) }

// Call calls one of the hook's public methods, as another hook would, and reads what it returns.
func (l *Lifted) Call(name string, args, into any) error {
	l.t.Helper()
	l.bind()
	returned, err := l.guest.Call(name, encoded(l.t, args))
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(returned), into)
}

// Deliver delivers an event, if the hook subscribed to it, and says whether it did.
func (l *Lifted) Deliver(event string, payload any) (bool, error) {
	l.t.Helper()
	l.bind()
	if !l.subscribed[event] {
		return false, nil
	}
	return true, l.guest.HandleEvent(event, encoded(l.t, payload))
}

// RunTasks runs the tasks that were deferred so far, and takes them from the list.
func (l *Lifted) RunTasks(attempt int) error {
	l.bind()
	tasks := l.Deferred
	l.Deferred = nil
	for _, task := range tasks {
		if err := l.guest.HandleTask(task.Name, string(task.Payload), uint32(attempt)); err != nil {
			return err
		}
	}
	return nil
}

// Tick has a tick come.
func (l *Lifted) Tick(name string) error {
	l.bind()
	return l.guest.HandleTick(name)
}

// BeforeSwap has the hook hand over what the next generation is to know, and gives it back as JSON; nil for nothing.
//
// A test of both sides hands it to AfterSwap, of the same hook or of another. Variables of the package are one set
// for all hooks in a test, where each generation has its own in the server: the test clears them in between.
func (l *Lifted) BeforeSwap() (json.RawMessage, error) {
	var handed string
	err := l.during("swapping", func() (err error) {
		handed, err = l.guest.BeforeSwap()
		return err
	})
	if handed == "" {
		return nil, err
	}
	return json.RawMessage(handed), err
}

// AfterSwap gives the hook what the generation before handed out: any value, as JSON. For nothing it is not called.
func (l *Lifted) AfterSwap(value any) error {
	l.t.Helper()
	made := encoded(l.t, value)
	if made == "null" {
		return nil
	}
	return l.during("swapping", func() error { return l.guest.AfterSwap(made) })
}

// during calls a verb, and is back at the stage from before.
func (l *Lifted) during(stage string, call func() error) error {
	before := l.stage
	defer func() { l.stage = before }()
	return l.at(stage, call)
}

// at calls a verb. Of several hooks that a test has lifted each finds its own server.
func (l *Lifted) at(stage string, call func() error) error {
	l.bind()
	l.stage = stage
	return call()
}

func encoded(t testing.TB, value any) string {
	t.Helper()
	made, err := json.Marshal(value)
	if err != nil {
		t.Fatalf("not to be had as JSON: %v", err)
	}
	return string(made)
}
