// A hook that does whatever a hook should not. The server's tests show that it harms itself alone, and that the
// collector keeps its memory within the limit however much it makes.
package main

import (
	"errors"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"boathook"
)

type answer = func(*boathook.Request, *boathook.Response) (boathook.Outcome, error)

var (
	kept [][]byte
	left sync.Once
)

func say(what func() string) answer {
	return func(_ *boathook.Request, res *boathook.Response) (boathook.Outcome, error) { return res.Text(what()) }
}

func refuse(*boathook.Request, *boathook.Response) (boathook.Outcome, error) {
	return 0, &boathook.Error{Status: 418, Code: "E_TEAPOT", Message: "a teapot makes no coffee"}
}

func throw(*boathook.Request, *boathook.Response) (boathook.Outcome, error) {
	return 0, errors.New("thrown on purpose")
}

func loop() string {
	for {
		runtime.KeepAlive(kept)
	}
}

func allocate() string {
	for {
		kept = append(kept, make([]byte, 1<<20))
	}
}

func deeper(depth int) int {
	if depth < 0 {
		return 0
	}
	return deeper(depth+1) + 1
}

func forget() string {
	var none map[string]int
	none["here"] = 1
	return "not reached"
}

// Asks for its body again and again, and keeps none of them.
func reread(req *boathook.Request, res *boathook.Response) (boathook.Outcome, error) {
	for range 1000 {
		if _, err := req.Body(); err != nil {
			return 0, err
		}
	}
	return res.Text("fine\n")
}

// Makes work for the collector: reads what the request has, and throws away copies of its body.
func churn(req *boathook.Request, res *boathook.Response) (boathook.Outcome, error) {
	body, err := req.Body()
	if err != nil {
		return 0, err
	}
	words := map[string]int{}
	for _, header := range req.Headers() {
		words[strings.Repeat(header.Name, 20)]++
	}
	for part := range strings.SplitSeq(string(body), " ") {
		words[strings.Clone(part)]++
	}
	return res.SetHeader("x-words", strconv.Itoa(len(words))).Send(append([]byte{}, body...))
}

// Leaves work behind, once: a timer that has not run out when the handler returns, and a goroutine that waits for it.
// From then on the scheduler looks at the clock whenever it runs.
func leave(*boathook.Request, *boathook.Response) (boathook.Outcome, error) {
	left.Do(func() {
		timer := time.NewTimer(time.Hour)
		go func() { <-timer.C }()
		time.Sleep(time.Millisecond)
	})
	return boathook.Next()
}

var hook = boathook.Hook{
	Routes: []boathook.Route{
		{After: "GET /fine", Handle: say(func() string { return "fine\n" })},
		{After: "GET /loop", Handle: say(loop)},
		{After: "GET /throw", Handle: throw},
		{After: "GET /refuse", Handle: refuse},
		{After: "GET /allocate", Handle: say(allocate)},
		{After: "GET /recurse", Handle: say(func() string { return strconv.Itoa(deeper(1)) })},
		{After: "GET /panic", Handle: say(forget)},
		{Before: "POST /churn", Handle: leave},
		{After: "POST /churn", Handle: churn, ReadBody: true},
		{After: "POST /reread", Handle: reread, ReadBody: true},
	},
}

func init() { boathook.Export(&hook) }

func main() {}
