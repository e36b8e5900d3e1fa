// A hook that answers one path. Every function of boathook-sdk/hook.h is described in wit/: when it is called, how
// often, by whom, and within which limits.

#include <stdlib.h>
#include <string.h>

#include "hook.h"

// What an export hands out is freed by the bindings, so strings in it are copies.
#define OUT(to, text) hook_string_dup(to, text)

bool exports_boathook_hook_routing_routes(exports_boathook_hook_routing_list_route_t *ret,
                                          exports_boathook_hook_routing_error_t *err) {
  (void)err;
  ret->len = 1;
  ret->ptr = calloc(ret->len, sizeof *ret->ptr);
  if (ret->ptr == NULL) abort();
  OUT(&ret->ptr[0].address, "GET /my-hook");
  OUT(&ret->ptr[0].options, "{}");
  ret->ptr[0].phase.tag = EXPORTS_BOATHOOK_HOOK_ROUTING_PHASE_AFTER;
  return true;
}

// Answers with a text. What an import takes is only lent to it, so nothing is copied here.
static bool answer(const char *text, boathook_hook_types_error_t *err) {
  static const char block[] = "content-type: text/plain; charset=utf-8\r\n";
  boathook_hook_types_header_block_t headers = {(uint8_t *)block, sizeof block - 1};
  hook_list_u8_t body = {(uint8_t *)text, strlen(text)};
  return boathook_hook_response_set_headers(&headers, err) &&
         boathook_hook_response_set_body(&body, err);
}

bool exports_boathook_hook_routing_handle_route(uint32_t route,
                                                exports_boathook_hook_routing_outcome_t *ret,
                                                exports_boathook_hook_routing_error_t *err) {
  (void)route;  // the index in what `routes` returned; there is one
  *ret = EXPORTS_BOATHOOK_HOOK_ROUTING_OUTCOME_RESPOND;
  return answer("Hello from my-hook!\n", err);
}
