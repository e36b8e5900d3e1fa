package boathooktest

import (
	"encoding/json"
	"errors"
	"strings"

	"boathook"
	"boathook/internal/host"
)

// With is what a request has beside its method and path.
type With struct {
	Header boathook.Headers
	Body   []byte
	// In place of Body, if it is not nil.
	JSON any
	// `127.0.0.1` where it is empty.
	IP string
	// `http` where it is empty.
	Protocol string
	Locals   map[string]any
	Session  map[string]any
	// Answers where the hook lets the request pass.
	Target func() Target
	// Has it go through the route of this name as well, as the operator's binding would.
	Action string
}

// A Target is what the app answers.
type Target struct {
	// 200 where it is 0.
	Status int
	Header boathook.Headers
	Body   []byte
}

// A Reply is what became of a request.
type Reply struct {
	// How the hook's last step ended.
	Outcome boathook.Outcome
	// The error that the hook returned, if it did.
	Err     error
	Status  int
	Body    []byte
	Headers boathook.Headers
	// Those that are there at the end, as JSON.
	Locals  map[string]json.RawMessage
	Session map[string]json.RawMessage
}

// Header is one header of the response; several values are joined by `, `.
func (r Reply) Header(name string) string { return r.Headers.Get(name) }

// Text is the body as text.
func (r Reply) Text() string { return string(r.Body) }

// Get sends a GET through the hook.
func (l *Lifted) Get(path string) Reply {
	l.t.Helper()
	return l.Request("GET", path, With{})
}

// Request sends a request through the hook's routes, as the server would: those in Before, the named one, the target,
// those in After, and on the way back the observers.
func (l *Lifted) Request(method, path string, with With) Reply {
	l.t.Helper()
	l.bind()
	routes, err := l.guest.Routes()
	if err != nil {
		l.t.Fatalf("the hook has no routes: %v", err)
	}
	walk := walk{l, routes, begun(l.t, method, path, with), with, nil}
	l.exchange = walk.exchange
	defer func() { l.exchange = nil }()
	outcome, err := walk.steps()
	if err != nil {
		walk.exchange.fail(err)
	}
	if observed := walk.observe(); err == nil {
		err = observed
	}
	at := walk.exchange
	return Reply{outcome, err, at.status, at.body, at.sent, at.locals, at.session}
}

// A walk is one request on its way through the routes.
type walk struct {
	*Lifted
	routes   []host.Route
	exchange *exchange
	with     With
	reached  []uint32
}

func (w *walk) steps() (boathook.Outcome, error) {
	outcome, err := w.phase(host.Before)
	if err != nil || outcome == boathook.OutcomeRespond {
		return outcome, err
	}
	if w.with.Action != "" {
		if outcome, err = w.phase(host.Named); err != nil || outcome == boathook.OutcomeRespond {
			return outcome, err
		}
	}
	if w.with.Target != nil {
		w.exchange.answerAs(w.with.Target())
		return boathook.OutcomeNext, nil
	}
	outcome, err = w.phase(host.After)
	if err == nil && outcome != boathook.OutcomeRespond {
		w.exchange.status, w.exchange.body = 404, []byte("Not Found")
	}
	return outcome, err
}

// phase runs the routes of one phase that match. The path is asked anew each time: a hook may change it.
func (w *walk) phase(wanted host.Phase) (boathook.Outcome, error) {
	at := w.exchange
	for index, route := range w.routes {
		if route.Phase != wanted || (wanted == host.Named && route.Action != w.with.Action) {
			continue
		}
		if at.params = nil; wanted != host.Named {
			params, isMatch := matched(w.t, route, at.method, at.path)
			if !isMatch {
				continue
			}
			at.params = params
		}
		at.readsBody = route.Flags&host.ReadBody != 0
		w.reached = append(w.reached, uint32(index))
		outcome, err := w.guest.HandleRoute(uint32(index))
		if err != nil || boathook.Outcome(outcome) == boathook.OutcomeRespond {
			return boathook.Outcome(outcome), err
		}
		at.body = nil
	}
	return boathook.OutcomeNext, nil
}

// observe has the routes that were reached see the response, last in first.
func (w *walk) observe() error {
	var first error
	for at := len(w.reached) - 1; at >= 0; at-- {
		if err := w.guest.HandleResponse(w.reached[at]); err != nil {
			w.exchange.fail(err)
			first = errors.Join(first, err)
		}
	}
	w.exchange.isOut = true
	for at := len(w.reached) - 1; at >= 0; at-- {
		first = errors.Join(first, w.guest.HandleFinish(w.reached[at]))
	}
	return first
}

// looksLikeAsset is a dot inside the last segment.
func looksLikeAsset(path string) bool {
	last := path[strings.LastIndex(path, "/")+1:]
	dot := strings.LastIndex(last, ".")
	return dot > 0 && dot < len(last)-1
}
