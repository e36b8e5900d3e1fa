// A hook that answers one path. Where to go from here: boathook-sdk/README.md, and wit/ for all that there is.
package main

import "boathook"

var hook = boathook.Hook{
	Defaults: map[string]any{"__configKey__": map[string]any{"greeting": "Hello"}},
	Routes:   []boathook.Route{{After: "GET /my-hook", Handle: hello}},
}

func hello(req *boathook.Request, res *boathook.Response) (boathook.Outcome, error) {
	greeting, err := boathook.Own[string]("greeting")
	if err != nil {
		return 0, err
	}
	return res.Text(greeting + " from my-hook!\n")
}

func init() { boathook.Export(&hook) }

// Go asks for one. The server never calls it.
func main() {}
