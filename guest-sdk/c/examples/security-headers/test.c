#include <assert.h>
#include <string.h>

#include "testing.h"

int main(void) {
  static const char *const names[] = {"x-content-type-options", "x-frame-options", "referrer-policy",
                                      "strict-transport-security", "permissions-policy"};
  bh_test_request("GET", "/app.js");
  assert(bh_test_handle(0).outcome == BH_NEXT);
  assert(bh_test_response_header("x-frame-options") == NULL);
  assert(bh_test_observe(0).outcome == BH_NEXT);
  for (size_t at = 0; at < BH_LEN(names); at++) assert(bh_test_response_header(names[at]) != NULL);
  assert(strcmp(bh_test_response_header("x-frame-options"), "SAMEORIGIN") == 0);
  return 0;
}
