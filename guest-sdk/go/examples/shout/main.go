// Settings with defaults: `__configKey__` stands for wherever the operator keeps this hook's settings.
package main

import "boathook"

var hook = boathook.Hook{
	Defaults: map[string]any{"__configKey__": map[string]any{"phrase": "make it rain"}},
	Routes:   []boathook.Route{{After: "GET /shout", Handle: shout}},
}

// Reads the setting each time, as Sails' hooks do. `rate-limit` reads its own once.
func shout(req *boathook.Request, res *boathook.Response) (boathook.Outcome, error) {
	phrase, err := boathook.Own[string]("phrase")
	if err != nil {
		return 0, err
	}
	return res.Text(phrase + "\n")
}

func init() { boathook.Export(&hook) }

func main() {}
