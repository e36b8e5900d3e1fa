//go:build wasip1

package component

import (
	"boathook/internal/bindings/boathook_hook_config"
	"boathook/internal/bindings/boathook_hook_events"
	"boathook/internal/bindings/boathook_hook_fetch"
	"boathook/internal/bindings/boathook_hook_hooks"
	"boathook/internal/bindings/boathook_hook_kv"
	"boathook/internal/bindings/boathook_hook_log"
	"boathook/internal/bindings/boathook_hook_secrets"
	"boathook/internal/bindings/boathook_hook_tasks"
	// What the server calls.
	_ "boathook/internal/bindings/wit_exports"
	"boathook/internal/host"
)

func init() {
	host.At = host.World{
		Request:  request{},
		Response: response{},
		Config:   config{},
		Log:      log{},
		Events:   events{},
		Hooks:    hooks{},
		KV:       kv{},
		Session:  session{},
		Services: services{},
	}
}

type config struct{}

func (config) Get(path string) (string, bool) { return some(boathook_hook_config.Get(utf8(path))) }
func (config) Set(path, value string) error {
	return done(boathook_hook_config.Set(utf8(path), utf8(value)))
}
func (config) Key() string { return plain(boathook_hook_config.ConfigKey()) }

type log struct{}

func (log) Log(level int, message, fields string) {
	boathook_hook_log.Log(uint8(level), utf8(message), utf8(fields))
}
func (log) Enabled(level int) bool { return boathook_hook_log.Enabled(uint8(level)) }

type events struct{}

func (events) Emit(event, payload string) error {
	return done(boathook_hook_events.Emit(utf8(event), utf8(payload)))
}
func (events) Wait(names []string) error {
	made := make([]string, 0, len(names))
	for _, name := range names {
		made = append(made, utf8(name))
	}
	return done(boathook_hook_events.Wait(made))
}
func (events) Subscribe(event string) error {
	return done(boathook_hook_events.Subscribe(utf8(event)))
}

type hooks struct{}

func (hooks) Names() []string { return plain(boathook_hook_hooks.Names()) }
func (hooks) Publish(key, value string) error {
	return done(boathook_hook_hooks.Publish(utf8(key), utf8(value)))
}
func (hooks) Data(hook, key string) (string, bool) {
	return some(boathook_hook_hooks.Data(utf8(hook), utf8(key)))
}
func (hooks) Call(hook, method, args string) (string, error) {
	return value(boathook_hook_hooks.Call(utf8(hook), utf8(method), utf8(args)))
}

type kv struct{}

func (kv) Get(space, key string) ([]byte, error) {
	found, err := value(boathook_hook_kv.Get(utf8(space), utf8(key)))
	bytes, isThere := some(found)
	if isThere && bytes == nil {
		// There, and empty.
		bytes = []byte{}
	}
	return bytes, err
}
func (kv) Set(space, key string, value []byte, expiresIn uint64) error {
	return done(boathook_hook_kv.Set(utf8(space), utf8(key), value, option(expiresIn)))
}
func (kv) Delete(space, key string) (bool, error) {
	return value(boathook_hook_kv.Delete(utf8(space), utf8(key)))
}
func (kv) CompareAndSet(space, key string, old, new []byte, expiresIn uint64) (bool, error) {
	return value(boathook_hook_kv.CompareAndSet(
		utf8(space), utf8(key), bytesOption(old), bytesOption(new), option(expiresIn)))
}
func (kv) Increment(space, key string, by int64, window uint64) (int64, uint64, error) {
	counter, err := value(boathook_hook_kv.Increment(utf8(space), utf8(key), by, option(window)))
	left, _ := some(counter.LeftMs)
	return counter.Value, left, err
}
func (kv) Keys(space, prefix, cursor string, limit uint32) ([]string, string, error) {
	page, err := value(boathook_hook_kv.Keys(utf8(space), utf8(prefix), option(utf8(cursor)), limit))
	next, _ := some(page.Cursor)
	return page.Keys, next, err
}

type services struct{}

func (services) Fetch(request host.FetchRequest) (host.FetchResponse, error) {
	answer, err := value(boathook_hook_fetch.Send(boathook_hook_fetch.Request{
		Method:  utf8(request.Method),
		Url:     utf8(request.URL),
		Headers: request.Headers,
		Body:    request.Body,
		Options: utf8(request.Options),
	}))
	return host.FetchResponse{
		Status: int(answer.Status), URL: answer.Url, Headers: answer.Headers, Body: answer.Body,
	}, err
}
func (services) Secret(name string) (string, error) {
	return value(boathook_hook_secrets.Get(utf8(name)))
}
func (services) Defer(name, payload, options string) error {
	return done(boathook_hook_tasks.Defer(utf8(name), utf8(payload), utf8(options)))
}
