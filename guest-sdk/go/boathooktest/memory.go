package boathooktest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"boathook"
	"boathook/internal/host"
)

// A Line is one of the log.
type Line struct {
	Level   boathook.Level
	Message string
	Fields  map[string]any
}

// A Fired is an event that the hook fired.
type Fired struct {
	Event   string
	Payload json.RawMessage
}

// A Deferred is a task that the hook handed itself.
type Deferred struct {
	Name    string
	Payload json.RawMessage
	// What the server is told: `durable`, `delay` in milliseconds.
	Options map[string]any
}

// A memory is the server in memory.
type memory struct {
	// Lines are what the hook wrote to the log.
	Lines []Line
	// Events are those that the hook fired, in order.
	Events []Fired
	// Deferred are the tasks that wait.
	Deferred []Deferred
	// Public is what the hook published, by key.
	Public map[string]json.RawMessage

	t          testing.TB
	world      World
	tree       map[string]any
	stage      string
	subscribed map[string]bool
	kv         *keys
	exchange   *exchange
}

func remembered(t testing.TB, world World) *memory {
	t.Helper()
	if world.Name == "" {
		world.Name = "hook"
	}
	m := &memory{
		t: t, world: world, stage: "defaults", tree: map[string]any{},
		Public: map[string]json.RawMessage{}, subscribed: map[string]bool{}, kv: seeded(t, world.KV),
	}
	if err := json.Unmarshal([]byte(encoded(t, world.Config)), &m.tree); err != nil {
		t.Fatal(err)
	}
	if m.tree == nil {
		m.tree = map[string]any{}
	}
	return m
}

// bind puts this server in place of the one that was there.
func (m *memory) bind() {
	at := &ambient{m}
	host.At = host.World{
		Request: request{at}, Response: response{at}, Session: session{at}, Config: config{m},
		Log: log{m}, Events: events{m}, Hooks: hooks{m}, KV: m.kv, Services: services{m},
	}
}

// under puts defaults under the configuration; `__configKey__` stands for the hook's own.
func (m *memory) under(defaults string) {
	var tree map[string]any
	if err := json.Unmarshal([]byte(defaults), &tree); err != nil {
		m.t.Fatalf("defaults: %v", err)
	}
	if own, isThere := tree["__configKey__"]; isThere {
		delete(tree, "__configKey__")
		tree[m.world.Name] = own
	}
	m.tree = merged(m.tree, tree).(map[string]any)
}

func (m *memory) only(what string, stages ...string) error {
	for _, stage := range stages {
		if m.stage == stage {
			return nil
		}
	}
	return boathook.Errorf(0, "%s: works in %s alone", what, strings.Join(stages, " and "))
}

// merged merges objects; everything else of the winner stays.
func merged(winner, under any) any {
	over, isObject := winner.(map[string]any)
	below, isBoth := under.(map[string]any)
	if !isObject || !isBoth {
		return winner
	}
	both := map[string]any{}
	for key, value := range below {
		both[key] = value
	}
	for key, value := range over {
		if there, isThere := both[key]; isThere {
			value = merged(value, there)
		}
		both[key] = value
	}
	return both
}

type config struct{ *memory }

func (c config) Key() string { return c.world.Name }

func (c config) Get(path string) (string, bool) {
	var found any = c.tree
	for _, key := range keysOf(path) {
		object, isObject := found.(map[string]any)
		value, isThere := object[key]
		if !isObject || !isThere {
			return "", false
		}
		found = value
	}
	return encoded(c.t, found), true
}

func (c config) Set(path, value string) error {
	if err := c.only("config.set", "configure"); err != nil {
		return err
	}
	keys := keysOf(path)
	if len(keys) == 0 || (keys[0] != c.world.Name && keys[0] != "custom") {
		return boathook.Errorf(0, "config.set: `%s` is neither this hook's own nor `custom`", path)
	}
	var over any
	if err := json.Unmarshal([]byte(value), &over); err != nil {
		return err
	}
	for at := len(keys) - 1; at >= 0; at-- {
		over = map[string]any{keys[at]: over}
	}
	c.tree = merged(over, c.tree).(map[string]any)
	return nil
}

// keysOf are the keys of a path; the first may stand in quotes, for a dot of its own.
func keysOf(path string) []string {
	var keys []string
	if quoted, isQuoted := strings.CutPrefix(path, `"`); isQuoted {
		first, rest, _ := strings.Cut(quoted, `"`)
		keys, path = append(keys, first), strings.TrimPrefix(rest, ".")
	}
	if path == "" {
		return keys
	}
	return append(keys, strings.Split(path, ".")...)
}

type log struct{ *memory }

func (l log) Enabled(int) bool { return true }

func (l log) Log(level int, message, fields string) {
	line := Line{Level: boathook.Level(level), Message: message}
	if err := json.Unmarshal([]byte(fields), &line.Fields); err != nil {
		l.t.Errorf("log: %v", err)
	}
	l.Lines = append(l.Lines, line)
}

type events struct{ *memory }

func (e events) Emit(event, payload string) error {
	e.memory.Events = append(e.memory.Events, Fired{event, json.RawMessage(payload)})
	return nil
}

func (e events) Wait(names []string) error {
	if err := e.only("events.wait", "initialize"); err != nil {
		return err
	}
	for _, name := range names {
		isFired := false
		for _, fired := range e.memory.Events {
			isFired = isFired || fired.Event == name
		}
		if !isFired {
			return boathook.Errorf(0, "nobody fires `%s` any more", name)
		}
	}
	return nil
}

func (e events) Subscribe(event string) error {
	e.subscribed[event] = true
	return e.only("events.subscribe", "configure", "initialize")
}

type hooks struct{ *memory }

func (h hooks) Names() []string {
	names := []string{h.world.Name}
	for name := range h.world.Published {
		names = append(names, name)
	}
	return names
}

func (h hooks) Publish(key, value string) error {
	h.Public[key] = json.RawMessage(value)
	return h.only("hooks.publish", "initialize")
}

func (h hooks) Data(hook, key string) (string, bool) {
	found, isThere := h.world.Published[hook][key]
	if !isThere {
		return "", false
	}
	return encoded(h.t, found), true
}

func (h hooks) Call(hook, method, args string) (string, error) {
	name := fmt.Sprintf("%s.%s", hook, method)
	call, isThere := h.world.Methods[name]
	if !isThere {
		return "", refused("E_NO_METHOD", "no such method: `%s`", name)
	}
	value, err := call(json.RawMessage(args))
	if err != nil {
		return "", err
	}
	return encoded(h.t, value), nil
}

type services struct{ *memory }

func (s services) Secret(name string) (string, error) {
	found, isThere := s.world.Secrets[name]
	if !isThere {
		return "", refused("E_NOT_GRANTED", "no secret `%s` is granted", name)
	}
	return found, nil
}

func (s services) Defer(name, payload, options string) error {
	if err := s.only("tasks.defer", "initialize", "running"); err != nil {
		return refused("E_TASKS_TOO_EARLY", "%v", err)
	}
	task := Deferred{Name: name, Payload: json.RawMessage(payload)}
	s.Deferred = append(s.Deferred, task)
	return json.Unmarshal([]byte(options), &s.Deferred[len(s.Deferred)-1].Options)
}

func (s services) Fetch(request host.FetchRequest) (host.FetchResponse, error) {
	if s.world.Fetch == nil {
		return host.FetchResponse{}, refused("E_NOT_GRANTED", "`%s` is not granted", request.URL)
	}
	answer, err := s.world.Fetch(boathook.FetchRequest{
		Method: request.Method, URL: request.URL, Header: fields(request.Headers), Body: request.Body,
	})
	if err != nil {
		return host.FetchResponse{}, err
	}
	return host.FetchResponse{
		Status: answer.Status, URL: request.URL, Headers: block(answer.Header), Body: answer.Body,
	}, nil
}

func refused(code, format string, values ...any) error {
	failed := boathook.Errorf(0, format, values...)
	failed.Code = code
	return failed
}
