// Tests the hook without wasm: main.c as it is, beside a server of a few lines. To be run in this folder:
//   mkdir -p build && cc -Wall -Iboathook-sdk -o build/test main.c test.c && build/test

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hook.h"

// What the hook has set. A hook that calls more of the server needs more of it here.
static char body[1024];

bool boathook_hook_response_set_headers(boathook_hook_types_header_block_t *block,
                                        boathook_hook_types_error_t *err) {
  (void)block, (void)err;
  return true;
}

bool boathook_hook_response_set_body(hook_list_u8_t *given, boathook_hook_types_error_t *err) {
  (void)err;
  snprintf(body, sizeof body, "%.*s", (int)given->len, (const char *)given->ptr);
  return true;
}

// What the bindings have.
void hook_string_dup(hook_string_t *to, const char *text) {
  to->len = strlen(text);
  to->ptr = malloc(to->len);
  memcpy(to->ptr, text, to->len);
}

int main(void) {
  boathook_hook_types_error_t err;

  exports_boathook_hook_routing_list_route_t routes;
  assert(exports_boathook_hook_routing_routes(&routes, &err));
  assert(routes.len == 1);
  assert(memcmp(routes.ptr[0].address.ptr, "GET /my-hook", routes.ptr[0].address.len) == 0);

  exports_boathook_hook_routing_outcome_t outcome;
  assert(exports_boathook_hook_routing_handle_route(0, &outcome, &err));
  assert(outcome == EXPORTS_BOATHOOK_HOOK_ROUTING_OUTCOME_RESPOND);
  assert(strcmp(body, "Hello from my-hook!\n") == 0);

  puts("ok: it answers on its own path");
  return 0;
}
