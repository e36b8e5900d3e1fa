// Tests the hook without wasm, in this folder:
//   mkdir -p build && cc -Wall -Iboathook-sdk -o build/test test.c main.c boathook-sdk/boathook.c boathook-sdk/testing.c && build/test

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "testing.h"

int main(void) {
  bh_test_request("GET", "/my-hook");
  bh_test_reply reply = bh_test_handle(0);
  assert(reply.outcome == BH_RESPOND && reply.status == 200);
  assert(strcmp(reply.body, "Hello from my-hook!\n") == 0);
  assert(strcmp(boathook_hook.routes[0].after, "GET /my-hook") == 0);

  puts("ok: it answers on its own path");
  return 0;
}
