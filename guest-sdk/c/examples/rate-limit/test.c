#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "testing.h"

static bh_test_reply post(const char *ip) {
  bh_test_request("POST", "/x");
  bh_test_ip(ip);
  return bh_test_handle(0);
}

int main(void) {
  bh_test_config("hook.max-requests", "2");
  assert(bh_test_lift());
  assert(post("10.0.0.1").outcome == BH_NEXT);
  assert(post("10.0.0.1").outcome == BH_NEXT);
  bh_test_reply reply = post("10.0.0.1");
  assert(reply.outcome == BH_RESPOND && reply.status == 429);
  assert(strcmp(reply.body, "{\"error\":\"Too many requests\"}") == 0);
  assert(post("10.0.0.2").outcome == BH_NEXT);
  // Another version takes over: here the same, which forgets what it is not given.
  assert(post("10.0.0.3").outcome == BH_NEXT);
  char value[256];
  snprintf(value, sizeof value, "%s", bh_test_before_swap());
  assert(strstr(value, "\"10.0.0.3\":{\"count\":1,\"start\":") != NULL);
  assert(bh_test_after_swap("{\"10.0.0.3\": {\"count\": 2, \"start\": 9000000000000}, \"10.0.0.4\": {\"count\": 2,"
                            "\"start\": 9000000000000}}"));
  assert(post("10.0.0.3").status == 429 && post("10.0.0.4").status == 429);
  assert(bh_test_after_swap("\"of another version\""));
  // A window that is over at once: time counts in whole milliseconds.
  bh_test_config("hook.window-ms", "-1");
  assert(bh_test_lift());
  assert(post("10.0.0.1").outcome == BH_NEXT);
  return 0;
}
