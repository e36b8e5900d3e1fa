// Package boathook is for writing Boathook hooks in Go: one value with the verbs that the hook needs.
//
//	var hook = boathook.Hook{
//		Routes: []boathook.Route{{After: "GET /hello", Handle: hello}},
//	}
//
//	func hello(req *boathook.Request, res *boathook.Response) (boathook.Outcome, error) {
//		return res.Text("Hello from a hook!\n")
//	}
//
//	func init() { boathook.Export(&hook) }
//
//	func main() {}
//
// An instance serves one request at a time, so variables of the package need no locks; what is in them goes with the
// instance. A hook that panics loses its instance, and the log has the stack.
package boathook

import (
	"encoding/json"

	"boathook/internal/host"
)

// A Hook is what its author writes. Whatever is left out does nothing.
//
// The order is a promise: Defaults of all hooks, then Configure of all, then Initialize of all. A hook that runs in
// several instances goes through them in each; only one in mode `single` may count on seeing every request in the
// same variables.
type Hook struct {
	// The settings that the operator need not write; the root key `__configKey__` stands for the hook's own.
	Defaults map[string]any
	// The time to derive settings from settings, with SetConfig and SetOwn, which work here alone.
	Configure func() error
	// The time to prepare: read settings, publish data, wait for other hooks.
	Initialize func() error
	// The opposite of Initialize. Called once when the server stops.
	Lower func() error
	// An event fired that Subscribe asked for.
	HandleEvent func(event string, payload json.RawMessage) error
	// A task that Defer handed over.
	HandleTask func(task Task) error
	// One of the times of a schedule that the manifest names: `ticks = [{ name = "clean-up", every = "5m" }]`.
	HandleTick func(name string) error
	// What the hook that comes in this one's place, while the server runs, is to know: up to 1 MiB of JSON, or nil for
	// nothing. In mode `single` the one instance is asked, in mode `pooled` any.
	BeforeSwap func() (any, error)
	// What the generation before handed out, if it did: after Initialize, ahead of the first request. It may be of an
	// older or a newer version: pass over what cannot be read. An error refuses this version.
	AfterSwap func(value json.RawMessage) error
	// The routes, in the order in which they are to match.
	Routes []Route
	// What other hooks may call.
	Methods []Method
}

// A Route says where a hook takes part in requests. Exactly one of Before, After and Named is given.
type Route struct {
	// Its address, `[verb ]path` as in Sails, ahead of the app's own routes.
	Before string
	// Its address, behind them: it sees what nobody has answered yet.
	After string
	// The action by which the operator binds it: `[[routes]] hook = "...", action = "..."`.
	Named string
	// Handles a request. Without it a request goes on.
	Handle func(req *Request, res *Response) (Outcome, error)
	// Sees the response before it is sent, whoever made it.
	ObserveResponse func(req *Request, res *Response) error
	// Hears that the response is out. No client waits for it.
	ObserveFinish func(req *Request, finish *Finish) error
	// Reads the request's body: without it Body fails.
	ReadBody bool
	// Passes over paths that look like a file.
	SkipAssets bool
	// Takes such paths too, where by default it would not.
	KeepAssets bool
	// What Request.Options hands out, to this hook and those after it.
	Options map[string]any
}

// A Method is one that other hooks may call. It takes JSON, and what it returns becomes JSON.
type Method struct {
	Name string
	// One sentence for `boathook inspect`, or none.
	Summary string
	Call    func(args json.RawMessage) (any, error)
}

// An Outcome is how a handler ends: by Next, NextRoute, or one of Response's answers.
type Outcome uint8

// The outcomes, as the world counts them.
const (
	// OutcomeNext goes on.
	OutcomeNext Outcome = iota
	// OutcomeNextRoute goes on, and passes over what else is bound at this very binding.
	OutcomeNextRoute
	// OutcomeRespond answers with what stands in the response.
	OutcomeRespond
)

// Next goes on. Status, headers and locals that were set stay; a body that was set is dropped.
func Next() (Outcome, error) { return OutcomeNext, nil }

// NextRoute goes on, and passes over what else is bound at this very binding.
func NextRoute() (Outcome, error) { return OutcomeNextRoute, nil }

// Export makes this the hook of the component. Call it once, in an `init`.
func Export(hook *Hook) { host.Exported = &instance{hook: hook} }
