// Package host says what the SDK asks of the server, and what the server asks of a hook, in plain types.
//
// In a component both ends are the bindings; in a test they are boathook/boathooktest. Nothing else in the SDK
// knows which of the two it is.
package host

// An Error is the world's record `error`, in both directions.
type Error struct {
	// Stable and made for programs: `E_BODY_TOO_LARGE`. Empty means `E_HOOK_ERROR`.
	Code string
	// Made for people. The log has it; of a 4xx the client sees it, too.
	Message string
	// The status that the client gets, 400 to 599; 500 where it is 0.
	Status int
	// More for the log, as JSON. Empty means none.
	Details string
}

func (e *Error) Error() string { return e.Message }

// A Pair is a name with its value.
type Pair struct{ Name, Value string }

// Request is the interface `request`.
type Request interface {
	Method() string
	Path() string
	Query() string
	Param(name string) (string, bool)
	Params() []Pair
	Header(name string) ([]byte, bool)
	Headers() []byte
	Cookie(name string) (string, bool)
	Cookies() []Pair
	IP() string
	Protocol() string
	ID() string
	Options() string
	Body() ([]byte, error)
	Local(name string) (string, bool)
	SetLocal(name, value string) error
	SetHeader(name string, value []byte) error
	RemoveHeader(name string) error
	SetPath(path string) error
	SetQuery(query string) error
	SetBody(body []byte) error
}

// Response is the interface `response`. `data` of a helper is JSON; empty means none.
type Response interface {
	Status() int
	SetStatus(status int) error
	Header(name string) ([]byte, bool)
	Headers() []byte
	SetHeaders(block []byte) error
	AppendHeaders(block []byte) error
	RemoveHeader(name string) error
	SetBody(body []byte) error
	WriteBody(chunk []byte) error
	Body() ([]byte, error)
	Redirect(location string, status int) error
	Helper(kind Helper, data string) error
	BytesSent() uint64
	Elapsed() uint64
	Completed() bool
}

// A Helper is one of Sails' answers.
type Helper int

// The helpers, by what they answer with.
const (
	OK Helper = iota
	BadRequest
	Unauthorized
	Forbidden
	NotFound
	ServerError
)

// Config is the interface `config`.
type Config interface {
	Get(path string) (string, bool)
	Set(path, value string) error
	Key() string
}

// Log is the interface `log`; levels are counted from `silly` on.
type Log interface {
	Log(level int, message, fields string)
	Enabled(level int) bool
}

// Events is the interface `events`.
type Events interface {
	Emit(event, payload string) error
	Wait(events []string) error
	Subscribe(event string) error
}

// Hooks is the interface `hooks`.
type Hooks interface {
	Names() []string
	Publish(key, value string) error
	Data(hook, key string) (string, bool)
	Call(hook, method, args string) (string, error)
}

// KV is the interface `kv`. Times are in milliseconds; none where they are 0. A value that is nil is none.
type KV interface {
	Get(space, key string) ([]byte, error)
	Set(space, key string, value []byte, expiresIn uint64) error
	Delete(space, key string) (bool, error)
	CompareAndSet(space, key string, old, new []byte, expiresIn uint64) (bool, error)
	Increment(space, key string, by int64, window uint64) (value int64, left uint64, err error)
	Keys(space, prefix, cursor string, limit uint32) (keys []string, next string, err error)
}

// Session is the interface `session`. Values are JSON.
type Session interface {
	Get(key string) (string, bool, error)
	All() (string, error)
	Set(key, value string) error
	Delete(key string) error
	Destroy() error
	Regenerate() error
	Flash(key, value string) error
	ReadFlash(key string) (string, bool, error)
}

// A FetchRequest is what `fetch` sends. Headers are a block, options JSON.
type FetchRequest struct {
	Method, URL   string
	Headers, Body []byte
	Options       string
}

// A FetchResponse is what came back.
type FetchResponse struct {
	Status        int
	URL           string
	Headers, Body []byte
}

// Services are what is left: `fetch`, `secrets`, `tasks`.
type Services interface {
	Fetch(request FetchRequest) (FetchResponse, error)
	Secret(name string) (string, error)
	Defer(name, payload, options string) error
}

// World is all of them.
type World struct {
	Request
	Response
	Config
	Log
	Events
	Hooks
	KV
	Session
	Services
}

// At is the world around the hook.
var At World

// A Route is the world's record `route`. Flags are counted from `skip-assets` on.
type Route struct {
	Address string
	Phase   Phase
	Action  string
	Flags   uint8
	Options string
}

// A Phase is on which side of the app's own routes a route stands.
type Phase uint8

// The phases, as the world counts them.
const (
	Before Phase = iota
	After
	Named
)

// The flags of a route, as the world counts them.
const (
	SkipAssets uint8 = 1 << iota
	KeepAssets
	ReadBody
	ObserveResponse
	ObserveFinish
)

// A Method is the world's record `method`.
type Method struct{ Name, Summary string }

// A Guest is a hook, as the server calls it.
type Guest interface {
	Defaults(overrides string) (string, error)
	Configure() error
	Initialize() error
	Lower() error
	Routes() ([]Route, error)
	HandleRoute(route uint32) (uint8, error)
	HandleResponse(route uint32) error
	HandleFinish(route uint32) error
	Methods() []Method
	Call(name, args string) (string, error)
	HandleEvent(event, payload string) error
	HandleTask(name, payload string, attempt uint32) error
	HandleTick(name string) error
	// JSON; empty means none.
	BeforeSwap() (string, error)
	AfterSwap(value string) error
}

// Exported is the hook.
var Exported Guest
