// The host in memory. See testing.h.

#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ENTRIES 64

typedef boathook_hook_types_error_t error_t_;

// Names with values, as many as a test needs.
typedef struct table {
  char *names[ENTRIES], *values[ENTRIES];
  size_t len;
} table;

static table config, headers, params, sent;
static char *method, *path, *ip, *request_body, *response_body, *line;
static uint16_t status;
static error_t_ failure;

static char *copy_n(const void *bytes, size_t len) {
  char *made = malloc(len + 1);
  if (made == NULL) abort();
  if (len > 0) memcpy(made, bytes, len);
  made[len] = '\0';
  return made;
}

static void replace(char **text, const char *with) {
  free(*text);
  *text = copy_n(with, strlen(with));
}

static char **find(table *in, const char *name) {
  for (size_t at = 0; at < in->len; at++) {
    if (strcasecmp(in->names[at], name) == 0) return &in->values[at];
  }
  return NULL;
}

static void put(table *in, const char *name, const char *value) {
  char **there = find(in, name);
  if (there != NULL) {
    replace(there, value);
    return;
  }
  if (in->len == ENTRIES) abort();
  in->names[in->len] = copy_n(name, strlen(name));
  in->values[in->len++] = copy_n(value, strlen(value));
}

static void clear(table *of) {
  for (size_t at = 0; at < of->len; at++) {
    free(of->names[at]);
    free(of->values[at]);
  }
  of->len = 0;
}

// --- What a test calls

void bh_test_config(const char *at, const char *json) { put(&config, at, json); }

bool bh_test_lift(void) {
  error_t_ error;
  return exports_boathook_hook_lifecycle_configure(&error) && exports_boathook_hook_lifecycle_initialize(&error);
}

const char *bh_test_before_swap(void) {
  static char *value;
  exports_boathook_hook_swapping_option_json_t made;
  if (!exports_boathook_hook_swapping_before_swap(&made, &failure) || !made.is_some) return NULL;
  free(value);
  value = copy_n(made.val.ptr, made.val.len);
  hook_string_free(&made.val);
  return value;
}

bool bh_test_after_swap(const char *value) {
  hook_string_t given;
  hook_string_dup(&given, value);
  return exports_boathook_hook_swapping_after_swap(&given, &failure);
}

void bh_test_request(const char *with_method, const char *to_path) {
  clear(&headers);
  clear(&params);
  clear(&sent);
  replace(&method, with_method);
  replace(&path, to_path);
  replace(&ip, "127.0.0.1");
  replace(&request_body, "");
  replace(&response_body, "");
  status = 200;
}

void bh_test_ip(const char *of) { replace(&ip, of); }
void bh_test_header(const char *name, const char *value) { put(&headers, name, value); }
void bh_test_param(const char *name, const char *value) { put(&params, name, value); }
void bh_test_body(const char *body) { replace(&request_body, body); }

static bh_test_reply reply(bool is_ok, bh_outcome outcome) {
  bh_test_reply made = {is_ok ? outcome : BH_ERROR, status, response_body, NULL, NULL};
  if (!is_ok) {
    made.error_code = bh_format("%.*s", (int)failure.code.len, (const char *)failure.code.ptr);
    made.error_message = bh_format("%.*s", (int)failure.message.len, (const char *)failure.message.ptr);
    boathook_hook_types_error_free(&failure);
  }
  return made;
}

bh_test_reply bh_test_handle(unsigned route) {
  static const bh_outcome outcomes[] = {BH_NEXT, BH_NEXT_ROUTE, BH_RESPOND};
  uint8_t outcome = 0;
  bool is_ok = exports_boathook_hook_routing_handle_route(route, &outcome, &failure);
  return reply(is_ok, outcomes[outcome]);
}

bh_test_reply bh_test_observe(unsigned route) {
  return reply(exports_boathook_hook_observing_handle_response(route, &failure), BH_NEXT);
}

const char *bh_test_response_header(const char *name) {
  char **found = find(&sent, name);
  return found == NULL ? NULL : *found;
}

const char *bh_test_log(void) { return line; }

// --- What the bindings have

void hook_string_dup(hook_string_t *to, const char *text) {
  to->len = strlen(text);
  to->ptr = (uint8_t *)copy_n(text, to->len);
}

void hook_string_free(hook_string_t *text) {
  free(text->ptr);
  *text = (hook_string_t){NULL, 0};
}

void hook_list_u8_free(hook_list_u8_t *bytes) {
  free(bytes->ptr);
  *bytes = (hook_list_u8_t){NULL, 0};
}

void boathook_hook_types_error_free(error_t_ *error) {
  hook_string_free(&error->code);
  hook_string_free(&error->message);
  if (error->details.is_some) hook_string_free(&error->details.val);
}

// --- The host's functions

static bool refuse(error_t_ *error, const char *code, const char *message) {
  *error = (error_t_){0};
  hook_string_dup(&error->code, code);
  hook_string_dup(&error->message, message);
  return false;
}

static bool not_here(error_t_ *error) { return refuse(error, "E_NOT_GRANTED", "not there in a test"); }

static bool text_in(table *in, const hook_string_t *name, hook_string_t *ret) {
  char *wanted = copy_n(name->ptr, name->len), **found = find(in, wanted);
  free(wanted);
  if (found != NULL) hook_string_dup(ret, *found);
  return found != NULL;
}

static bool bytes_in(table *in, const hook_string_t *name, hook_list_u8_t *ret) {
  hook_string_t text;
  if (!text_in(in, name, &text)) return false;
  *ret = (hook_list_u8_t){text.ptr, text.len};
  return true;
}

static void put_text(table *in, const hook_string_t *name, const void *value, size_t len) {
  char *of = copy_n(name->ptr, name->len), *text = copy_n(value, len);
  put(in, of, text);
  free(of);
  free(text);
}

void boathook_hook_request_method(hook_string_t *ret) { hook_string_dup(ret, method); }
void boathook_hook_request_path(hook_string_t *ret) { hook_string_dup(ret, path); }
void boathook_hook_request_query(hook_string_t *ret) { hook_string_dup(ret, ""); }
void boathook_hook_request_ip(hook_string_t *ret) { hook_string_dup(ret, ip); }
void boathook_hook_request_protocol(hook_string_t *ret) { hook_string_dup(ret, "http"); }
void boathook_hook_request_id(hook_string_t *ret) { hook_string_dup(ret, "0000000000000001"); }

bool boathook_hook_request_param(hook_string_t *name, hook_string_t *ret) { return text_in(&params, name, ret); }

bool boathook_hook_request_header(hook_string_t *name, hook_list_u8_t *ret) { return bytes_in(&headers, name, ret); }

bool boathook_hook_request_cookie(hook_string_t *name, hook_string_t *ret) {
  (void)name, (void)ret;
  return false;
}

bool boathook_hook_request_body(hook_list_u8_t *ret, error_t_ *error) {
  (void)error;
  hook_string_t text;
  hook_string_dup(&text, request_body);
  *ret = (hook_list_u8_t){text.ptr, text.len};
  return true;
}

bool boathook_hook_request_local(hook_string_t *name, hook_string_t *ret) {
  (void)name, (void)ret;
  return false;
}

bool boathook_hook_request_set_local(hook_string_t *name, hook_string_t *value, error_t_ *error) {
  (void)name, (void)value;
  return not_here(error);
}

bool boathook_hook_request_set_header(hook_string_t *name, hook_list_u8_t *value, error_t_ *error) {
  (void)error;
  put_text(&headers, name, value->ptr, value->len);
  return true;
}

bool boathook_hook_request_set_path(hook_string_t *to, error_t_ *error) {
  (void)error;
  char *text = copy_n(to->ptr, to->len);
  replace(&path, text);
  free(text);
  return true;
}

uint16_t boathook_hook_response_status(void) { return status; }

bool boathook_hook_response_set_status(uint16_t to, error_t_ *error) {
  if (to < 200 || to > 599) return refuse(error, "E_HOOK_BAD_RESPONSE", "no status of a response");
  status = to;
  return true;
}

bool boathook_hook_response_header(hook_string_t *name, hook_list_u8_t *ret) { return bytes_in(&sent, name, ret); }

bool boathook_hook_response_set_headers(boathook_hook_types_header_block_t *block, error_t_ *error) {
  char *text = copy_n(block->ptr, block->len), *at = text;
  while (*at != '\0') {
    char *colon = strstr(at, ": "), *end = strstr(at, "\r\n");
    if (colon == NULL || end == NULL || colon == at || colon > end) break;
    *colon = *end = '\0';
    put(&sent, at, colon + 2);
    at = end + 2;
  }
  bool is_read = *at == '\0';
  free(text);
  return is_read || refuse(error, "E_HOOK_BAD_RESPONSE", "not a field");
}

bool boathook_hook_response_append_headers(boathook_hook_types_header_block_t *block, error_t_ *error) {
  return boathook_hook_response_set_headers(block, error);
}

bool boathook_hook_response_remove_header(hook_string_t *name, error_t_ *error) {
  (void)error;
  put_text(&sent, name, "", 0);
  return true;
}

bool boathook_hook_response_set_body(hook_list_u8_t *body, error_t_ *error) {
  (void)error;
  char *text = copy_n(body->ptr, body->len);
  replace(&response_body, text);
  free(text);
  return true;
}

bool boathook_hook_response_body(hook_list_u8_t *ret, error_t_ *error) {
  (void)error;
  hook_string_t text;
  hook_string_dup(&text, response_body);
  *ret = (hook_list_u8_t){text.ptr, text.len};
  return true;
}

bool boathook_hook_response_redirect(hook_string_t *location, uint16_t *wanted, error_t_ *error) {
  (void)error;
  hook_string_t name = {(uint8_t *)"location", 8};
  put_text(&sent, &name, location->ptr, location->len);
  status = wanted == NULL ? 302 : *wanted;
  return true;
}

void boathook_hook_config_config_key(hook_string_t *ret) { hook_string_dup(ret, "hook"); }

bool boathook_hook_config_get(hook_string_t *at, hook_string_t *ret) { return text_in(&config, at, ret); }

bool boathook_hook_config_set(hook_string_t *at, hook_string_t *value, error_t_ *error) {
  (void)error;
  put_text(&config, at, value->ptr, value->len);
  return true;
}

bool boathook_hook_log_enabled(boathook_hook_log_level_t level) {
  (void)level;
  return true;
}

void boathook_hook_log_log(boathook_hook_log_level_t level, hook_string_t *message, hook_string_t *fields) {
  (void)level, (void)fields;
  free(line);
  line = copy_n(message->ptr, message->len);
}

#define NOT_HERE(name, ...) \
  bool boathook_hook_##name(__VA_ARGS__, error_t_ *error) { return not_here(error); }

#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wunused-parameter"
#endif

NOT_HERE(events_subscribe, hook_string_t *event)
NOT_HERE(events_emit, hook_string_t *event, hook_string_t *payload)
NOT_HERE(hooks_publish, hook_string_t *key, hook_string_t *value)
NOT_HERE(hooks_call, hook_string_t *hook, hook_string_t *what, hook_string_t *args, hook_string_t *ret)
NOT_HERE(kv_get, hook_string_t *space, hook_string_t *key, hook_option_list_u8_t *ret)
NOT_HERE(kv_set, hook_string_t *space, hook_string_t *key, hook_list_u8_t *value, uint64_t *expires_in_ms)
NOT_HERE(kv_delete, hook_string_t *space, hook_string_t *key, bool *ret)
NOT_HERE(kv_increment, hook_string_t *space, hook_string_t *key, int64_t by, uint64_t *window_ms,
         boathook_hook_kv_counter_t *ret)
NOT_HERE(tasks_defer, hook_string_t *name, hook_string_t *payload, hook_string_t *options)
NOT_HERE(session_get, hook_string_t *key, boathook_hook_session_option_json_t *ret)
NOT_HERE(session_set, hook_string_t *key, hook_string_t *value)

bool boathook_hook_hooks_data(hook_string_t *hook, hook_string_t *key, hook_string_t *ret) {
  (void)hook, (void)key, (void)ret;
  return false;
}
