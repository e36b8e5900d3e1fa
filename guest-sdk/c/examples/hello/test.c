#include <assert.h>
#include <string.h>

#include "testing.h"

int main(void) {
  bh_test_request("GET", "/hello");
  bh_test_reply reply = bh_test_handle(0);
  assert(reply.outcome == BH_RESPOND && reply.status == 200);
  assert(strcmp(reply.body, "Hello from a hook!\n") == 0);
  assert(strcmp(bh_test_response_header("content-type"), "text/plain; charset=utf-8") == 0);
  assert(strcmp(boathook_hook.routes[0].after, "GET /hello") == 0);
  return 0;
}
