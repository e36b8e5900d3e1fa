// State between requests: counts each client's POSTs, and answers 429 when they are too many.
//
// Mode `single` (in hook.toml) makes the count exact: one instance sees every request. When another version takes its
// place while the server runs, that one goes on with the counts.
package main

import (
	"encoding/json"
	"time"

	"boathook"
)

// As many clients as are remembered at once. When there are more, all are forgotten: each begins anew.
const most = 4096

type client struct {
	Count int `json:"count"`
	// In milliseconds.
	Start int64 `json:"start"`
}

var (
	clients     = map[string]client{}
	maxRequests int
	windowMs    float64
)

var hook = boathook.Hook{
	Defaults: map[string]any{
		"__configKey__": map[string]any{"max-requests": 100, "window-ms": 60000},
	},
	Initialize: func() (err error) {
		if maxRequests, err = boathook.Own[int]("max-requests"); err != nil {
			return err
		}
		windowMs, err = boathook.Own[float64]("window-ms")
		return err
	},
	BeforeSwap: func() (any, error) { return clients, nil },
	AfterSwap: func(value json.RawMessage) error {
		var handed map[string]client
		// What another version kept in another way is begun anew.
		if err := json.Unmarshal(value, &handed); err == nil && handed != nil {
			clients = handed
		}
		return nil
	},
	Routes: []boathook.Route{{Before: "POST /*", Handle: limit}},
}

func limit(req *boathook.Request, res *boathook.Response) (boathook.Outcome, error) {
	ip, now := req.IP(), time.Now().UnixMilli()
	seen, isKnown := clients[ip]
	if !isKnown || float64(now-seen.Start) > windowMs {
		seen = client{Start: now}
		if len(clients) >= most {
			clear(clients)
		}
	}
	seen.Count++
	clients[ip] = seen
	if seen.Count <= maxRequests {
		return boathook.Next()
	}
	return res.Status(429).JSON(map[string]string{"error": "Too many requests"})
}

func init() { boathook.Export(&hook) }

func main() {}
