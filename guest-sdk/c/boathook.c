// Ties the world's exports to the hook's table, and the world's imports to plain text. See boathook.h.

#include "boathook.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef boathook_hook_types_error_t error_t_;

// --- Memory of one call: a list of pieces, all freed when the next call begins.

typedef struct piece {
  struct piece *next;
  max_align_t bytes[];
} piece;

static piece *pieces;

void *bh_memory(size_t len) {
  piece *made = malloc(sizeof *made + len);
  if (made == NULL) abort();  // A trap: the host tells a hook without memory from one that fails otherwise.
  made->next = pieces;
  pieces = made;
  return made->bytes;
}

static void release(void) {
  while (pieces != NULL) {
    piece *next = pieces->next;
    free(pieces);
    pieces = next;
  }
}

static const char *copied(const void *bytes, size_t len) {
  char *made = bh_memory(len + 1);
  if (len > 0) memcpy(made, bytes, len);
  made[len] = '\0';
  return made;
}

// What the host has handed out, as text of this call.
static const char *taken(hook_string_t *given) {
  const char *text = copied(given->ptr, given->len);
  hook_string_free(given);
  return text;
}

static bh_bytes taken_bytes(hook_list_u8_t *given) {
  bh_bytes bytes = {copied(given->ptr, given->len), given->len};
  hook_list_u8_free(given);
  return bytes;
}

// How many bytes the character has that begins here; 0 where that is no UTF-8. The NUL behind a text continues none.
static size_t character(const unsigned char *at) {
  if (at[0] < 0x80) return 1;
  size_t len = at[0] < 0xc2 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : at[0] < 0xf5 ? 4 : 0;
  for (size_t next = 1; next < len; next++) {
    if ((at[next] & 0xc0) != 0x80) return 0;
  }
  // Longer than need be, half of a pair, or beyond the last one.
  bool is_long = (at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xf0 && at[1] < 0x90);
  bool is_none = (at[0] == 0xed && at[1] >= 0xa0) || (at[0] == 0xf4 && at[1] >= 0x90);
  return is_long || is_none ? 0 : len;
}

// A text as the host takes it: with U+FFFD for each byte that is no UTF-8, for which it would end the instance.
static const char *utf8(const char *text) {
  size_t wrong = 0;
  for (const char *at = text; *at != '\0';) {
    size_t len = character((const unsigned char *)at);
    wrong += len == 0;
    at += len == 0 ? 1 : len;
  }
  if (wrong == 0) return text;
  char *made = bh_memory(strlen(text) + 2 * wrong + 1), *to = made;
  for (const char *at = text; *at != '\0';) {
    size_t len = character((const unsigned char *)at);
    memcpy(to, len == 0 ? "\xef\xbf\xbd" : at, len == 0 ? 3 : len);
    to += len == 0 ? 3 : len;
    at += len == 0 ? 1 : len;
  }
  *to = '\0';
  return made;
}

// What the host only looks at.
static hook_string_t lent(const char *text) {
  const char *whole = utf8(text);
  return (hook_string_t){(uint8_t *)whole, strlen(whole)};
}

// What the host is given, and the bindings free.
static void give(hook_string_t *to, const char *text) { hook_string_dup(to, utf8(text)); }

static hook_list_u8_t lent_bytes(const void *bytes, size_t len) {
  return (hook_list_u8_t){(uint8_t *)bytes, len};
}

const char *bh_format(const char *format, ...) {
  va_list values, again;
  va_start(values, format);
  va_copy(again, values);
  int len = vsnprintf(NULL, 0, format, values);
  va_end(values);
  char *made = bh_memory((size_t)(len < 0 ? 0 : len) + 1);
  made[0] = '\0';
  if (len > 0) vsnprintf(made, (size_t)len + 1, format, again);
  va_end(again);
  return made;
}

// --- Errors

static error_t_ pending;
static bool has_failed;

static bool keep(error_t_ error) {
  if (has_failed) boathook_hook_types_error_free(&pending);
  pending = error;
  has_failed = true;
  return false;
}

// The result of a function of the host's: false and its error is kept.
static bool kept(bool is_ok, error_t_ *error) { return is_ok || keep(*error); }

bh_outcome bh_fail(int status, const char *code, const char *format, ...) {
  char message[1024];
  va_list values;
  va_start(values, format);
  vsnprintf(message, sizeof message, format, values);
  va_end(values);
  error_t_ error = {0};
  give(&error.code, code == NULL ? "" : code);
  give(&error.message, message);
  error.status.is_some = status >= 400 && status <= 599;
  error.status.val = (uint16_t)status;
  keep(error);
  return BH_ERROR;
}

const char *bh_error_code(void) {
  return has_failed ? copied(pending.code.ptr, pending.code.len) : NULL;
}

void bh_forgive(void) {
  if (has_failed) boathook_hook_types_error_free(&pending);
  has_failed = false;
}

// Hands the error over; the bindings free it.
static bool failed(error_t_ *error) {
  if (!has_failed) bh_fail(0, NULL, "the hook failed and did not say why");
  *error = pending;
  has_failed = false;
  return false;
}

static bool ended(bool is_ok, error_t_ *error) { return is_ok || failed(error); }

static void begin(void) {
  release();
  bh_forgive();
}

// --- The request

#define GETTER(name, interface, function) \
  const char *name(void) {                \
    hook_string_t got;                    \
    boathook_hook_##interface##_##function(&got); \
    return taken(&got);                   \
  }

GETTER(bh_method_name, request, method)
GETTER(bh_path, request, path)
GETTER(bh_query, request, query)
GETTER(bh_ip, request, ip)
GETTER(bh_protocol, request, protocol)
GETTER(bh_request_id, request, id)
static GETTER(config_key, config, config_key)

const char *bh_param(const char *name) {
  hook_string_t of = lent(name), got;
  return boathook_hook_request_param(&of, &got) ? taken(&got) : NULL;
}

const char *bh_header(const char *name) {
  hook_string_t of = lent(name);
  hook_list_u8_t got;
  return boathook_hook_request_header(&of, &got) ? taken_bytes(&got).data : NULL;
}

const char *bh_cookie(const char *name) {
  hook_string_t of = lent(name), got;
  return boathook_hook_request_cookie(&of, &got) ? taken(&got) : NULL;
}

bh_bytes bh_body(void) {
  hook_list_u8_t got;
  error_t_ error;
  bh_bytes none = {NULL, 0};
  return kept(boathook_hook_request_body(&got, &error), &error) ? taken_bytes(&got) : none;
}

const char *bh_local(const char *name) {
  hook_string_t of = lent(name), got;
  return boathook_hook_request_local(&of, &got) ? taken(&got) : NULL;
}

bool bh_set_local(const char *name, const char *json) {
  hook_string_t of = lent(name), value = lent(json);
  error_t_ error;
  return kept(boathook_hook_request_set_local(&of, &value, &error), &error);
}

bool bh_set_request_header(const char *name, const char *value) {
  hook_string_t of = lent(name);
  hook_list_u8_t to = lent_bytes(value, strlen(value));
  error_t_ error;
  return kept(boathook_hook_request_set_header(&of, &to, &error), &error);
}

bool bh_set_path(const char *path) {
  hook_string_t to = lent(path);
  error_t_ error;
  return kept(boathook_hook_request_set_path(&to, &error), &error);
}

// --- The response

bool bh_status(int status) {
  error_t_ error;
  return kept(boathook_hook_response_set_status((uint16_t)status, &error), &error);
}

static char *put(char *to, const char *text) {
  size_t len = strlen(text);
  memcpy(to, text, len);
  return to + len;
}

// Fields as one block, the length of which is `len`; NULL where one is none. In a block the host could not tell a line
// break from the next field.
static char *block_of(const bh_field *fields, size_t count, size_t *len) {
  *len = 0;
  for (size_t at = 0; at < count; at++) {
    const bh_field *field = &fields[at];
    if (strpbrk(field->name, "\r\n: ") != NULL || strpbrk(field->value, "\r\n") != NULL) {
      bh_fail(502, "E_HOOK_BAD_RESPONSE", "header `%s`: line break, or not the name of a header", field->name);
      return NULL;
    }
    *len += strlen(field->name) + strlen(field->value) + 4;
  }
  char *made = bh_memory(*len), *to = made;
  for (size_t at = 0; at < count; at++) to = put(put(put(put(to, fields[at].name), ": "), fields[at].value), "\r\n");
  return made;
}

bool bh_set_headers(const bh_field *fields, size_t len) {
  boathook_hook_types_header_block_t block;
  error_t_ error;
  block.ptr = (uint8_t *)block_of(fields, len, &block.len);
  return block.ptr != NULL && kept(boathook_hook_response_set_headers(&block, &error), &error);
}

bool bh_set_header(const char *name, const char *value) { return bh_set_headers(&(bh_field){name, value}, 1); }

bool bh_add_header(const char *name, const char *value) {
  boathook_hook_types_header_block_t block;
  error_t_ error;
  block.ptr = (uint8_t *)block_of(&(bh_field){name, value}, 1, &block.len);
  return block.ptr != NULL && kept(boathook_hook_response_append_headers(&block, &error), &error);
}

bool bh_remove_header(const char *name) {
  hook_string_t of = lent(name);
  error_t_ error;
  return kept(boathook_hook_response_remove_header(&of, &error), &error);
}

bool bh_set_body(const void *body, size_t len) {
  hook_list_u8_t bytes = lent_bytes(body, len);
  error_t_ error;
  return kept(boathook_hook_response_set_body(&bytes, &error), &error);
}

int bh_response_status(void) { return boathook_hook_response_status(); }

const char *bh_response_header(const char *name) {
  hook_string_t of = lent(name);
  hook_list_u8_t got;
  return boathook_hook_response_header(&of, &got) ? taken_bytes(&got).data : NULL;
}

bh_bytes bh_response_body(void) {
  hook_list_u8_t got;
  error_t_ error;
  bh_bytes none = {NULL, 0};
  return kept(boathook_hook_response_body(&got, &error), &error) ? taken_bytes(&got) : none;
}

static bh_outcome answer(const char *type, const char *body) {
  bool is_sent = bh_set_header("content-type", type) && bh_set_body(body, strlen(body));
  return is_sent ? BH_RESPOND : BH_ERROR;
}

bh_outcome bh_text(const char *text) { return answer("text/plain; charset=utf-8", text); }

bh_outcome bh_html(const char *html) { return answer("text/html; charset=utf-8", html); }

bh_outcome bh_json(const char *json) { return answer("application/json; charset=utf-8", json); }

bh_outcome bh_redirect(const char *location, int status) {
  hook_string_t to = lent(location);
  uint16_t wanted = (uint16_t)status;
  error_t_ error;
  bool is_set = boathook_hook_response_redirect(&to, status == 0 ? NULL : &wanted, &error);
  return kept(is_set, &error) ? BH_RESPOND : BH_ERROR;
}

// --- The configuration

const char *bh_config(const char *path) {
  hook_string_t at = lent(path), got;
  return boathook_hook_config_get(&at, &got) ? taken(&got) : NULL;
}

// The path below the own key, which stands in quotes where it has a dot itself.
static const char *own_path(const char *path) {
  const char *key = config_key();
  return bh_format(strchr(key, '.') == NULL ? "%s.%s" : "\"%s\".%s", key, path);
}

const char *bh_own(const char *path) { return bh_config(own_path(path)); }

const char *bh_own_text(const char *path) {
  const char *json = bh_own(path);
  return json == NULL ? NULL : bh_json_text(json);
}

double bh_own_number(const char *path, double other) {
  const char *json = bh_own(path);
  if (json == NULL) return other;
  char *end;
  double number = strtod(json, &end);
  return end == json || *end != '\0' ? other : number;
}

bool bh_set_own(const char *path, const char *json) {
  hook_string_t at = lent(own_path(path)), value = lent(json);
  error_t_ error;
  return kept(boathook_hook_config_set(&at, &value, &error), &error);
}

// --- The log, other hooks, kv, the session

void bh_log(bh_level level, const char *format, ...) {
  if (!boathook_hook_log_enabled((boathook_hook_log_level_t)level)) return;
  char message[4096];
  va_list values;
  va_start(values, format);
  vsnprintf(message, sizeof message, format, values);
  va_end(values);
  hook_string_t line = lent(message), fields = lent("{}");
  boathook_hook_log_log((boathook_hook_log_level_t)level, &line, &fields);
}

bool bh_subscribe(const char *event) {
  hook_string_t name = lent(event);
  error_t_ error;
  return kept(boathook_hook_events_subscribe(&name, &error), &error);
}

bool bh_emit(const char *event, const char *payload) {
  hook_string_t name = lent(event), with = lent(payload);
  error_t_ error;
  return kept(boathook_hook_events_emit(&name, &with, &error), &error);
}

bool bh_publish(const char *key, const char *json) {
  hook_string_t of = lent(key), value = lent(json);
  error_t_ error;
  return kept(boathook_hook_hooks_publish(&of, &value, &error), &error);
}

const char *bh_data(const char *hook, const char *key) {
  hook_string_t who = lent(hook), of = lent(key), got;
  return boathook_hook_hooks_data(&who, &of, &got) ? taken(&got) : NULL;
}

const char *bh_call(const char *hook, const char *method, const char *args) {
  hook_string_t who = lent(hook), what = lent(method), with = lent(args), got;
  error_t_ error;
  return kept(boathook_hook_hooks_call(&who, &what, &with, &got, &error), &error) ? taken(&got) : NULL;
}

bh_bytes bh_kv_get(const char *space, const char *key) {
  hook_string_t in = lent(space), of = lent(key);
  hook_option_list_u8_t got;
  error_t_ error;
  bh_bytes none = {NULL, 0};
  bool is_there = kept(boathook_hook_kv_get(&in, &of, &got, &error), &error) && got.is_some;
  return is_there ? taken_bytes(&got.val) : none;
}

bool bh_kv_set(const char *space, const char *key, const void *value, size_t len, uint64_t expires_in_ms) {
  hook_string_t in = lent(space), of = lent(key);
  hook_list_u8_t bytes = lent_bytes(value, len);
  error_t_ error;
  uint64_t *expiry = expires_in_ms == 0 ? NULL : &expires_in_ms;
  return kept(boathook_hook_kv_set(&in, &of, &bytes, expiry, &error), &error);
}

bool bh_kv_delete(const char *space, const char *key) {
  hook_string_t in = lent(space), of = lent(key);
  bool was_there = false;
  error_t_ error;
  return kept(boathook_hook_kv_delete(&in, &of, &was_there, &error), &error) && was_there;
}

bool bh_kv_increment(const char *space, const char *key, int64_t by, uint64_t window_ms, int64_t *value) {
  hook_string_t in = lent(space), of = lent(key);
  boathook_hook_kv_counter_t counter;
  error_t_ error;
  uint64_t *window = window_ms == 0 ? NULL : &window_ms;
  if (!kept(boathook_hook_kv_increment(&in, &of, by, window, &counter, &error), &error)) return false;
  *value = counter.value;
  return true;
}

bool bh_defer(const char *name, const char *payload, bool is_durable, uint64_t delay_ms) {
  const char *text = bh_format("{\"durable\":%s,\"delay\":%llu}", is_durable ? "true" : "false",
                               (unsigned long long)delay_ms);
  hook_string_t of = lent(name), with = lent(payload), options = lent(text);
  error_t_ error;
  return kept(boathook_hook_tasks_defer(&of, &with, &options, &error), &error);
}

const char *bh_session_get(const char *key) {
  hook_string_t of = lent(key);
  boathook_hook_session_option_json_t got;
  error_t_ error;
  bool is_there = kept(boathook_hook_session_get(&of, &got, &error), &error) && got.is_some;
  return is_there ? taken(&got.val) : NULL;
}

bool bh_session_set(const char *key, const char *json) {
  hook_string_t of = lent(key), value = lent(json);
  error_t_ error;
  return kept(boathook_hook_session_set(&of, &value, &error), &error);
}

// --- JSON strings

const char *bh_json_quote(const char *of) {
  const char *text = utf8(of);
  char *made = bh_memory(strlen(text) * 6 + 3), *to = made;
  *to++ = '"';
  for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
    if (*at == '"' || *at == '\\') {
      *to++ = '\\';
      *to++ = (char)*at;
    } else if (*at < 0x20) {
      to += sprintf(to, "\\u%04x", *at);
    } else {
      *to++ = (char)*at;
    }
  }
  *to++ = '"';
  *to = '\0';
  return made;
}

// The number of four hexadecimal digits, -1 where they are none.
static long unit(const char *digits) {
  char four[5] = {0}, *end;
  for (int at = 0; at < 4; at++) {
    if ((four[at] = digits[at]) == '\0') return -1;
  }
  long number = strtol(four, &end, 16);
  return *end == '\0' ? number : -1;
}

static char *put_utf8(char *to, long point) {
  if (point < 0x80) {
    *to++ = (char)point;
  } else if (point < 0x800) {
    *to++ = (char)(0xc0 | point >> 6);
    *to++ = (char)(0x80 | (point & 0x3f));
  } else if (point < 0x10000) {
    *to++ = (char)(0xe0 | point >> 12);
    *to++ = (char)(0x80 | (point >> 6 & 0x3f));
    *to++ = (char)(0x80 | (point & 0x3f));
  } else {
    *to++ = (char)(0xf0 | point >> 18);
    *to++ = (char)(0x80 | (point >> 12 & 0x3f));
    *to++ = (char)(0x80 | (point >> 6 & 0x3f));
    *to++ = (char)(0x80 | (point & 0x3f));
  }
  return to;
}

const char *bh_json_text(const char *json) {
  size_t len = strlen(json);
  if (len < 2 || json[0] != '"' || json[len - 1] != '"') return NULL;
  static const char letters[] = "bfnrt\"\\/", means[] = "\b\f\n\r\t\"\\/";
  char *made = bh_memory(len), *to = made;
  for (const char *at = json + 1, *end = json + len - 1; at < end; at++) {
    if (*at != '\\') {
      *to++ = *at;
      continue;
    }
    at++;
    const char *letter = *at == '\0' ? NULL : strchr(letters, *at);
    if (letter != NULL) {
      *to++ = means[letter - letters];
      continue;
    }
    long point = *at == 'u' ? unit(at + 1) : -1;
    if (point < 0) return NULL;
    at += 4;
    bool is_high = point >= 0xd800 && point < 0xdc00;
    long low = is_high && at[1] == '\\' && at[2] == 'u' ? unit(at + 3) : -1;
    if (low >= 0xdc00 && low < 0xe000) {
      point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
      at += 6;
    } else if (point >= 0xd800 && point < 0xe000) {
      point = 0xfffd;  // Half of a pair.
    }
    to = put_utf8(to, point);
  }
  *to = '\0';
  return made;
}

// --- What the host calls

static bool verb(bool (*call)(void), error_t_ *error) {
  begin();
  return call == NULL || ended(call(), error);
}

bool exports_boathook_hook_lifecycle_defaults(hook_string_t *overrides, hook_string_t *ret, error_t_ *error) {
  (void)error;
  hook_string_free(overrides);
  give(ret, boathook_hook.defaults == NULL ? "{}" : boathook_hook.defaults);
  return true;
}

bool exports_boathook_hook_lifecycle_configure(error_t_ *error) { return verb(boathook_hook.configure, error); }

bool exports_boathook_hook_lifecycle_initialize(error_t_ *error) { return verb(boathook_hook.initialize, error); }

bool exports_boathook_hook_lifecycle_lower(error_t_ *error) { return verb(boathook_hook.lower, error); }

static void put_route(const bh_route *route, exports_boathook_hook_routing_route_t *to) {
  const char *address = route->before != NULL ? route->before : route->after != NULL ? route->after : "";
  give(&to->address, address);
  give(&to->options, route->options == NULL ? "{}" : route->options);
  to->phase.tag = route->before != NULL  ? EXPORTS_BOATHOOK_HOOK_ROUTING_PHASE_BEFORE
                  : route->after != NULL ? EXPORTS_BOATHOOK_HOOK_ROUTING_PHASE_AFTER
                                         : EXPORTS_BOATHOOK_HOOK_ROUTING_PHASE_NAMED;
  if (to->phase.tag == EXPORTS_BOATHOOK_HOOK_ROUTING_PHASE_NAMED) {
    give(&to->phase.val.named, route->named == NULL ? "" : route->named);
  }
  to->flags = 0;
  if (route->skip_assets) to->flags |= EXPORTS_BOATHOOK_HOOK_ROUTING_ROUTE_FLAGS_SKIP_ASSETS;
  if (route->keep_assets) to->flags |= EXPORTS_BOATHOOK_HOOK_ROUTING_ROUTE_FLAGS_KEEP_ASSETS;
  if (route->read_body) to->flags |= EXPORTS_BOATHOOK_HOOK_ROUTING_ROUTE_FLAGS_READ_BODY;
  if (route->observe_response) to->flags |= EXPORTS_BOATHOOK_HOOK_ROUTING_ROUTE_FLAGS_OBSERVE_RESPONSE;
  if (route->observe_finish) to->flags |= EXPORTS_BOATHOOK_HOOK_ROUTING_ROUTE_FLAGS_OBSERVE_FINISH;
}

bool exports_boathook_hook_routing_routes(exports_boathook_hook_routing_list_route_t *ret, error_t_ *error) {
  (void)error;
  ret->len = boathook_hook.routes_len;
  ret->ptr = calloc(ret->len == 0 ? 1 : ret->len, sizeof *ret->ptr);
  if (ret->ptr == NULL) abort();
  for (size_t at = 0; at < ret->len; at++) put_route(&boathook_hook.routes[at], &ret->ptr[at]);
  return true;
}

static const bh_route *route_at(uint32_t index) {
  if (index < boathook_hook.routes_len) return &boathook_hook.routes[index];
  bh_fail(0, NULL, "no such route: %u", (unsigned)index);
  return NULL;
}

bool exports_boathook_hook_routing_handle_route(uint32_t index, uint8_t *ret, error_t_ *error) {
  begin();
  const bh_route *route = route_at(index);
  if (route == NULL) return failed(error);
  bh_outcome outcome = route->handle == NULL ? BH_NEXT : route->handle();
  switch (outcome) {
    case BH_NEXT: *ret = EXPORTS_BOATHOOK_HOOK_ROUTING_OUTCOME_NEXT; return true;
    case BH_NEXT_ROUTE: *ret = EXPORTS_BOATHOOK_HOOK_ROUTING_OUTCOME_NEXT_ROUTE; return true;
    case BH_RESPOND: *ret = EXPORTS_BOATHOOK_HOOK_ROUTING_OUTCOME_RESPOND; return true;
    default: return failed(error);
  }
}

bool exports_boathook_hook_observing_handle_response(uint32_t index, error_t_ *error) {
  begin();
  const bh_route *route = route_at(index);
  if (route == NULL) return failed(error);
  return route->observe_response == NULL || ended(route->observe_response(), error);
}

bool exports_boathook_hook_observing_handle_finish(uint32_t index, error_t_ *error) {
  begin();
  const bh_route *route = route_at(index);
  if (route == NULL) return failed(error);
  return route->observe_finish == NULL || ended(route->observe_finish(), error);
}

void exports_boathook_hook_methods_methods(exports_boathook_hook_methods_list_method_t *ret) {
  ret->len = boathook_hook.methods_len;
  ret->ptr = calloc(ret->len == 0 ? 1 : ret->len, sizeof *ret->ptr);
  if (ret->ptr == NULL) abort();
  for (size_t at = 0; at < ret->len; at++) {
    const bh_method *method = &boathook_hook.methods[at];
    give(&ret->ptr[at].name, method->name);
    give(&ret->ptr[at].summary, method->summary == NULL ? "" : method->summary);
  }
}

bool exports_boathook_hook_methods_call(hook_string_t *name, hook_string_t *args, hook_string_t *ret,
                                        error_t_ *error) {
  begin();
  const char *wanted = taken(name), *with = taken(args);
  for (size_t at = 0; at < boathook_hook.methods_len; at++) {
    if (strcmp(boathook_hook.methods[at].name, wanted) != 0) continue;
    const char *json = boathook_hook.methods[at].call(with);
    if (json == NULL) return failed(error);
    give(ret, json);
    return true;
  }
  bh_fail(0, "E_NO_METHOD", "no such method: `%s`", wanted);
  return failed(error);
}

bool exports_boathook_hook_listening_handle_event(hook_string_t *event, hook_string_t *payload, error_t_ *error) {
  begin();
  const char *name = taken(event), *with = taken(payload);
  return boathook_hook.handle_event == NULL || ended(boathook_hook.handle_event(name, with), error);
}

bool exports_boathook_hook_background_handle_task(hook_string_t *name, hook_string_t *payload, uint32_t attempt,
                                                  error_t_ *error) {
  begin();
  const char *of = taken(name), *with = taken(payload);
  if (boathook_hook.handle_task != NULL) return ended(boathook_hook.handle_task(of, with, attempt), error);
  bh_fail(0, NULL, "the hook has no `handle_task`, and was given the task `%s`", of);
  return failed(error);
}

bool exports_boathook_hook_background_handle_tick(hook_string_t *name, error_t_ *error) {
  begin();
  const char *of = taken(name);
  if (boathook_hook.handle_tick != NULL) return ended(boathook_hook.handle_tick(of), error);
  bh_fail(0, NULL, "the hook has no `handle_tick`, and it is time for `%s`", of);
  return failed(error);
}

bool exports_boathook_hook_swapping_before_swap(exports_boathook_hook_swapping_option_json_t *ret, error_t_ *error) {
  begin();
  const char *value = NULL;
  if (boathook_hook.before_swap != NULL && !boathook_hook.before_swap(&value)) return failed(error);
  ret->is_some = value != NULL;
  if (ret->is_some) give(&ret->val, value);
  return true;
}

bool exports_boathook_hook_swapping_after_swap(hook_string_t *value, error_t_ *error) {
  begin();
  const char *with = taken(value);
  return boathook_hook.after_swap == NULL || ended(boathook_hook.after_swap(with), error);
}
