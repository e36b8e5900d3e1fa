// Headers on every answer: they are set on the way back, when nobody can weaken them any more.
//
// An observer sees every response to what reached its route, 404 and 5xx included, and has the last word.
package main

import "boathook"

var hook = boathook.Hook{
	// A GET route takes HEAD, too. It stands in Before to be reached whoever answers later.
	Routes: []boathook.Route{{Before: "GET /*", KeepAssets: true, ObserveResponse: secure}},
}

func secure(req *boathook.Request, res *boathook.Response) error {
	res.SetHeader("x-content-type-options", "nosniff")
	res.SetHeader("x-frame-options", "SAMEORIGIN")
	res.SetHeader("referrer-policy", "strict-origin-when-cross-origin")
	res.SetHeader("strict-transport-security", "max-age=31536000; includeSubDomains;")
	res.SetHeader("permissions-policy", "camera=(), microphone=(), usb=()")
	return nil
}

func init() { boathook.Export(&hook) }

func main() {}
