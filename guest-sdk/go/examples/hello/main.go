// The first lesson: a hook is a value with a route, and answers.
//
// The route stands in After, behind the app's own: guards that stand in Before have run by then.
package main

import "boathook"

var hook = boathook.Hook{
	Routes: []boathook.Route{{After: "GET /hello", Handle: hello}},
}

func hello(req *boathook.Request, res *boathook.Response) (boathook.Outcome, error) {
	return res.Text("Hello from a hook!\n")
}

func init() { boathook.Export(&hook) }

func main() {}
