package boathook

import (
	"encoding/json"
	"time"

	"boathook/internal/host"
)

// Emit fires an event.
func Emit(event string, payload any) error {
	return given(payload, func(made string) error { return host.At.Events.Emit(event, made) })
}

// Wait returns when each of these events has fired. For Initialize alone.
func Wait(events ...string) error { return host.At.Events.Wait(events) }

// Subscribe has the event delivered to HandleEvent. For Configure and Initialize.
func Subscribe(event string) error { return host.At.Events.Subscribe(event) }

// HookNames are the names of all hooks that run, in hook order.
func HookNames() []string { return host.At.Hooks.Names() }

// Publish makes data public under this hook's name. For Initialize alone.
func Publish(key string, value any) error {
	return given(value, func(made string) error { return host.At.Hooks.Publish(key, made) })
}

// Data is what another hook made public; the zero value where it did not.
func Data[T any](hook, key string) (T, error) {
	var value T
	found, isThere := host.At.Hooks.Data(hook, key)
	if !isThere {
		return value, nil
	}
	return value, read(found, &value)
}

// Call calls a method of a hook that is named in this one's `after`, and reads what that returned.
func Call[T any](hook, method string, args any) (T, error) {
	var value T
	made, err := text(args)
	if err != nil {
		return value, err
	}
	returned, err := host.At.Hooks.Call(hook, method, made)
	if err != nil {
		return value, err
	}
	return value, read(returned, &value)
}

// A Task is work for when no client waits for it any more.
type Task struct {
	Name    string
	Payload json.RawMessage
	// Of a durable one that failed again; 1 the first time.
	Attempt int
}

// Read reads the payload.
func (t Task) Read(into any) error { return json.Unmarshal(t.Payload, into) }

// Later says when and how a task is run.
type Later struct {
	// It outlives the server, and is tried again until it succeeds. Takes the grant `tasks = true`.
	Durable bool
	// How long it is put off, in whole milliseconds.
	Delay time.Duration
}

// Defer has HandleTask called with this after the response, or once the call is over: once at most, if it is not
// durable.
func Defer(name string, payload any, later Later) error {
	options, err := text(map[string]any{"durable": later.Durable, "delay": milliseconds(later.Delay)})
	if err != nil {
		return err
	}
	return given(payload, func(made string) error {
		return host.At.Services.Defer(name, made, options)
	})
}

// Secret is the text of a secret, by grant.
func Secret(name string) (string, error) { return host.At.Services.Secret(name) }

// milliseconds of a time; what is shorter than one counts as one.
func milliseconds(of time.Duration) uint64 {
	if of <= 0 {
		return 0
	}
	return uint64((of + time.Millisecond - 1) / time.Millisecond)
}
