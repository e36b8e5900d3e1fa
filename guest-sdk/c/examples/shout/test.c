#include <assert.h>
#include <string.h>

#include "testing.h"

int main(void) {
  bh_test_config("hook.phrase", "\"make it \\u2602 rain\"");
  bh_test_request("GET", "/shout");
  assert(strcmp(bh_test_handle(0).body, "make it \xe2\x98\x82 rain\n") == 0);
  assert(strstr(boathook_hook.defaults, "make it rain") != NULL);
  return 0;
}
