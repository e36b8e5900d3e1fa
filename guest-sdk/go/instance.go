package boathook

import (
	"encoding/json"

	"boathook/internal/host"
)

// An instance runs a hook: it turns what the server calls, an index or a name, into the call of a function. Both the
// component's exports and package boathooktest come through here.
type instance struct{ hook *Hook }

func (i *instance) Defaults(string) (string, error) {
	if i.hook.Defaults == nil {
		return "{}", nil
	}
	made, err := text(i.hook.Defaults)
	return made, told(err)
}

func (i *instance) Configure() error  { return verb(i.hook.Configure) }
func (i *instance) Initialize() error { return verb(i.hook.Initialize) }
func (i *instance) Lower() error      { return verb(i.hook.Lower) }

func (i *instance) Routes() ([]host.Route, error) {
	made := make([]host.Route, 0, len(i.hook.Routes))
	for at := range i.hook.Routes {
		route, err := i.hook.Routes[at].plain()
		if err != nil {
			return nil, told(err)
		}
		made = append(made, route)
	}
	return made, nil
}

func (i *instance) HandleRoute(index uint32) (uint8, error) {
	route, err := i.route(index)
	if err != nil || route.Handle == nil {
		return uint8(OutcomeNext), told(err)
	}
	var res Response
	outcome, err := route.Handle(&Request{}, &res)
	return uint8(outcome), told(res.end(err, outcome == OutcomeRespond))
}

func (i *instance) HandleResponse(index uint32) error {
	route, err := i.route(index)
	if err != nil || route.ObserveResponse == nil {
		return told(err)
	}
	var res Response
	return told(res.end(route.ObserveResponse(&Request{}, &res), true))
}

func (i *instance) HandleFinish(index uint32) error {
	route, err := i.route(index)
	if err != nil || route.ObserveFinish == nil {
		return told(err)
	}
	return told(route.ObserveFinish(&Request{}, &Finish{}))
}

func (i *instance) Methods() []host.Method {
	made := make([]host.Method, 0, len(i.hook.Methods))
	for _, method := range i.hook.Methods {
		made = append(made, host.Method{Name: method.Name, Summary: method.Summary})
	}
	return made
}

func (i *instance) Call(name, args string) (string, error) {
	for _, method := range i.hook.Methods {
		if method.Name != name {
			continue
		}
		value, err := method.Call(json.RawMessage(args))
		if err != nil {
			return "", told(err)
		}
		made, err := text(value)
		return made, told(err)
	}
	failed := Errorf(0, "no such method: `%s`", name)
	failed.Code = "E_NO_METHOD"
	return "", failed
}

func (i *instance) HandleEvent(event, payload string) error {
	if i.hook.HandleEvent == nil {
		return nil
	}
	return told(i.hook.HandleEvent(event, json.RawMessage(payload)))
}

func (i *instance) HandleTask(name, payload string, attempt uint32) error {
	if i.hook.HandleTask == nil {
		return Errorf(0, "the hook has no `HandleTask`, and was given the task `%s`", name)
	}
	return told(i.hook.HandleTask(Task{name, json.RawMessage(payload), int(attempt)}))
}

func (i *instance) HandleTick(name string) error {
	if i.hook.HandleTick == nil {
		return Errorf(0, "the hook has no `HandleTick`, and it is time for `%s`", name)
	}
	return told(i.hook.HandleTick(name))
}

func (i *instance) BeforeSwap() (string, error) {
	if i.hook.BeforeSwap == nil {
		return "", nil
	}
	value, err := i.hook.BeforeSwap()
	if err != nil {
		return "", told(err)
	}
	made, err := text(value)
	if made == "null" {
		return "", nil
	}
	return made, told(err)
}

func (i *instance) AfterSwap(value string) error {
	if i.hook.AfterSwap == nil {
		return nil
	}
	return told(i.hook.AfterSwap(json.RawMessage(value)))
}

func (i *instance) route(index uint32) (*Route, error) {
	if uint64(index) >= uint64(len(i.hook.Routes)) {
		return nil, Errorf(0, "no such route: %d", index)
	}
	return &i.hook.Routes[index], nil
}

func verb(call func() error) error {
	if call == nil {
		return nil
	}
	return told(call())
}

// plain is the route as the server has it.
func (r *Route) plain() (host.Route, error) {
	made := host.Route{Address: r.Before + r.After, Action: r.Named, Options: "{}"}
	places := 0
	for phase, place := range []string{r.Before, r.After, r.Named} {
		if place != "" {
			made.Phase = host.Phase(phase)
			places++
		}
	}
	if places != 1 {
		return made, Errorf(0, "a route has exactly one of Before, After and Named: "+
			"Before %q, After %q, Named %q", r.Before, r.After, r.Named)
	}
	flags := []bool{
		r.SkipAssets, r.KeepAssets, r.ReadBody, r.ObserveResponse != nil, r.ObserveFinish != nil,
	}
	for bit, isSet := range flags {
		if isSet {
			made.Flags |= 1 << bit
		}
	}
	if r.Options != nil {
		options, err := text(r.Options)
		if err != nil {
			return made, err
		}
		made.Options = options
	}
	return made, nil
}

// end hands over what a handler gathered. Headers and status reach the server on an error too, as they would had
// they been set one by one; the first error is the one to tell.
func (r *Response) end(err error, withBody bool) error {
	handed := r.handOver(withBody && err == nil)
	if err != nil {
		return err
	}
	return handed
}
