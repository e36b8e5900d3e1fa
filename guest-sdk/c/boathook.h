// Write Boathook hooks in C: one table of routes and verbs, and plain text in and out.
//
//   #include "boathook.h"
//
//   static bh_outcome hello(void) { return bh_text("Hello from a hook!\n"); }
//
//   static const bh_route routes[] = {{.after = "GET /hello", .handle = hello}};
//
//   const bh_hook boathook_hook = {BH_ROUTES(routes)};
//
// This is a layer over the bindings, hook.h, which have every function of the world; both can be used side by
// side. A hook links boathook.c, the bindings' hook.c, and the object that carries the world.
//
// Rules:
// - Whatever text a function here returns is NUL-terminated, and valid until the call into the hook ends. Nothing
//   is to be freed. What is to last longer is copied.
// - A function that can fail returns false, or BH_ERROR, and keeps what was wrong: return that, and it is the error
//   response. `bh_fail` makes an error of one's own.
// - Text for the host is UTF-8. In what is not, such as a client's header or a text that was cut, each wrong byte
//   goes there as U+FFFD. Values of headers, bodies and values in kv are bytes, and go as they are.
// - An instance serves one request at a time: globals need no locks, and go with the instance. `mode = "single"` in
//   hook.toml asks for exactly one.

#ifndef BOATHOOK_H
#define BOATHOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hook.h"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define BH_PRINTF(text, values) __attribute__((format(printf, text, values)))
#else
#define BH_PRINTF(text, values)
#endif

// How a handler ends.
typedef enum bh_outcome {
  BH_NEXT,        // Go on. Status and headers that were set stay; a body that was set is dropped.
  BH_NEXT_ROUTE,  // Go on, and pass over what else is bound at this very binding.
  BH_RESPOND,     // Answer with what stands in the response.
  BH_ERROR,       // What went wrong has been said, by a function here or by `bh_fail`.
} bh_outcome;

// One route. Exactly one of `before`, `after` and `named` is given.
typedef struct bh_route {
  const char *before;  // Its address, `[verb ]path` as in Sails, ahead of the app's own routes.
  const char *after;   // Its address, behind them: it sees what nobody has answered yet.
  const char *named;   // The action by which the operator binds it.
  bh_outcome (*handle)(void);      // Handles a request. Without it a request goes on.
  bool (*observe_response)(void);  // Sees the response before it is sent, whoever made it.
  bool (*observe_finish)(void);    // Hears that the response is out.
  bool read_body;                  // Reads the request's body: without it `bh_body` fails.
  bool skip_assets;                // Passes over paths that look like a file.
  bool keep_assets;                // Takes such paths too, where by default it would not.
  const char *options;             // An object as JSON; none if NULL.
} bh_route;

// One method that other hooks may call. It takes JSON and returns JSON; NULL where it failed.
typedef struct bh_method {
  const char *name;
  const char *summary;  // One sentence for `boathook inspect`, or NULL.
  const char *(*call)(const char *args);
} bh_method;

// A hook. Whatever is left out does nothing.
typedef struct bh_hook {
  const char *defaults;                   // The settings' defaults as JSON, `{"__configKey__": {..}}`.
  bool (*configure)(void);                // Derives settings from settings.
  bool (*initialize)(void);               // Prepares: reads settings, waits for other hooks.
  bool (*lower)(void);                    // The opposite.
  bool (*handle_event)(const char *event, const char *payload);  // An event it subscribed to; JSON.
  // A task that it deferred; of a durable one that failed again, and `attempt` is 1 the first time.
  bool (*handle_task)(const char *name, const char *payload, unsigned attempt);
  bool (*handle_tick)(const char *name);  // One of the times of the manifest's `ticks`.
  // What the hook that comes in this one's place, while the server runs, is to know: JSON, up to 1 MiB. Leaving
  // `value` as it is, NULL, hands nothing over.
  bool (*before_swap)(const char **value);
  // What the generation before handed out, ahead of the first request. It may be of another version: pass over what
  // cannot be read.
  bool (*after_swap)(const char *value);
  const bh_route *routes;
  size_t routes_len;
  const bh_method *methods;
  size_t methods_len;
} bh_hook;

#define BH_LEN(array) (sizeof(array) / sizeof *(array))
#define BH_ROUTES(array) .routes = (array), .routes_len = BH_LEN(array)
#define BH_METHODS(array) .methods = (array), .methods_len = BH_LEN(array)

// The hook. Its author defines this.
extern const bh_hook boathook_hook;

// Text of any bytes. `data` is NULL where there is none; behind the last byte stands a NUL.
typedef struct bh_bytes {
  const char *data;
  size_t len;
} bh_bytes;

// --- Errors

// Says what went wrong: a status of 400 to 599 or 0, a code or NULL, and a message. Returns BH_ERROR.
bh_outcome bh_fail(int status, const char *code, const char *format, ...) BH_PRINTF(3, 4);
// The code of what went wrong last in this call, NULL if nothing has.
const char *bh_error_code(void);
// Forgets it, to go on.
void bh_forgive(void);

// --- The request. Text that is missing is NULL.

const char *bh_method_name(void);  // In capitals: GET.
const char *bh_path(void);
const char *bh_query(void);  // What stood behind the `?`, undecoded.
const char *bh_param(const char *name);
const char *bh_header(const char *name);
const char *bh_cookie(const char *name);
const char *bh_ip(void);
const char *bh_protocol(void);
const char *bh_request_id(void);
bh_bytes bh_body(void);                  // `data` is NULL where it failed.
const char *bh_local(const char *name);  // JSON.
bool bh_set_local(const char *name, const char *json);
bool bh_set_request_header(const char *name, const char *value);
bool bh_set_path(const char *path);

// --- The response

// A header with one of its values.
typedef struct bh_field {
  const char *name, *value;
} bh_field;

bool bh_status(int status);
bool bh_set_header(const char *name, const char *value);
// The same for several, in one call of the host's, which takes all of them or none. A name that stands there twice
// has two values.
bool bh_set_headers(const bh_field *fields, size_t len);
bool bh_add_header(const char *name, const char *value);
bool bh_remove_header(const char *name);
bool bh_set_body(const void *body, size_t len);
int bh_response_status(void);
const char *bh_response_header(const char *name);
bh_bytes bh_response_body(void);  // For observers. `data` is NULL where it failed.
bh_outcome bh_text(const char *text);  // Answers with text.
bh_outcome bh_html(const char *html);  // Answers with HTML.
bh_outcome bh_json(const char *json);  // Answers with JSON.
bh_outcome bh_redirect(const char *location, int status);  // 0 is 302.

// --- The configuration

const char *bh_config(const char *path);             // JSON, NULL where there is nothing.
const char *bh_own(const char *path);                // The same below this hook's own key.
const char *bh_own_text(const char *path);           // A setting that is a text; NULL where it is none.
double bh_own_number(const char *path, double other);  // A setting that is a number; `other` where it is none.
bool bh_set_own(const char *path, const char *json);  // In `configure` alone.

// --- The log, other hooks, kv, the session. JSON unless it says bytes.

typedef enum bh_level { BH_SILLY, BH_VERBOSE, BH_INFO, BH_DEBUG, BH_WARN, BH_ERR } bh_level;
void bh_log(bh_level level, const char *format, ...) BH_PRINTF(2, 3);

bool bh_subscribe(const char *event);
bool bh_emit(const char *event, const char *payload);
bool bh_publish(const char *key, const char *json);
const char *bh_data(const char *hook, const char *key);
const char *bh_call(const char *hook, const char *method, const char *args);  // NULL where it failed.

bh_bytes bh_kv_get(const char *space, const char *key);  // Bytes; `data` is NULL where there is none.
bool bh_kv_set(const char *space, const char *key, const void *value, size_t len, uint64_t expires_in_ms);
bool bh_kv_delete(const char *space, const char *key);
// Adds to a number that begins at zero, again so when `window_ms` are over; 0 is never.
bool bh_kv_increment(const char *space, const char *key, int64_t by, uint64_t window_ms, int64_t *value);

// Has `handle_task` called with this after the response: once at most, or until it succeeds where it is durable.
bool bh_defer(const char *name, const char *payload, bool is_durable, uint64_t delay_ms);

const char *bh_session_get(const char *key);
bool bh_session_set(const char *key, const char *json);

// --- Texts

// Memory that is there until the call into the hook ends. Never NULL: a hook without memory ends.
void *bh_memory(size_t len);
const char *bh_format(const char *format, ...) BH_PRINTF(1, 2);
// A text as a JSON string, in quotes. Of what is not UTF-8 see above.
const char *bh_json_quote(const char *text);
// What a JSON string says; NULL where it is none.
const char *bh_json_text(const char *json);

#ifdef __cplusplus
}
#endif

#endif
