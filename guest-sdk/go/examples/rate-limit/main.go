// State between requests: counts each client's POSTs, and answers 429 when they are too many.
//
// Mode `single` (in hook.toml) makes the count exact: one instance sees every request.
package main

import (
	"time"

	"boathook"
)

// As many clients as are remembered at once. When there are more, all are forgotten: each begins anew.
const most = 4096

type client struct {
	start time.Time
	count int
}

var (
	clients     = map[string]client{}
	maxRequests int
	window      time.Duration
)

var hook = boathook.Hook{
	Defaults: map[string]any{
		"__configKey__": map[string]any{"max-requests": 100, "window-ms": 60000},
	},
	Initialize: func() (err error) {
		if maxRequests, err = boathook.Own[int]("max-requests"); err != nil {
			return err
		}
		ms, err := boathook.Own[float64]("window-ms")
		window = time.Duration(ms * float64(time.Millisecond))
		return err
	},
	Routes: []boathook.Route{{Before: "POST /*", Handle: limit}},
}

func limit(req *boathook.Request, res *boathook.Response) (boathook.Outcome, error) {
	ip, now := req.IP(), time.Now()
	seen, isKnown := clients[ip]
	if !isKnown || now.Sub(seen.start) > window {
		seen = client{start: now}
		if len(clients) >= most {
			clear(clients)
		}
	}
	seen.count++
	clients[ip] = seen
	if seen.count <= maxRequests {
		return boathook.Next()
	}
	return res.Status(429).JSON(map[string]string{"error": "Too many requests"})
}

func init() { boathook.Export(&hook) }

func main() {}
