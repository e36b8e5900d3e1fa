#include <assert.h>
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
  // A window that is over at once: time counts in whole milliseconds.
  bh_test_config("hook.window-ms", "-1");
  assert(bh_test_lift());
  assert(post("10.0.0.1").outcome == BH_NEXT);
  return 0;
}
