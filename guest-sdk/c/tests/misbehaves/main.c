// A hook that does whatever a hook should not. The server's tests show that it harms itself alone.

#include <string.h>

#include "boathook.h"

static bh_outcome fine(void) { return bh_text("fine\n"); }

static bh_outcome loop(void) {
  for (volatile int turns = 0;; turns = turns + 1);
}

static bh_outcome throw(void) { return bh_fail(0, NULL, "thrown on purpose"); }

static bh_outcome refuse(void) { return bh_fail(418, "E_TEAPOT", "a teapot makes no coffee"); }

static bh_outcome allocate(void) {
  for (;;) memset(bh_memory(1 << 20), 1, 1 << 20);
}

static int deeper(volatile int *depth) {
  volatile int here = *depth + 1;
  return deeper(&here) + here;
}

static bh_outcome recurse(void) {
  volatile int depth = 0;
  return bh_text(bh_format("%d\n", deeper(&depth)));
}

static const bh_route routes[] = {
    {.after = "GET /fine", .handle = fine},         {.after = "GET /loop", .handle = loop},
    {.after = "GET /throw", .handle = throw},       {.after = "GET /refuse", .handle = refuse},
    {.after = "GET /allocate", .handle = allocate}, {.after = "GET /recurse", .handle = recurse},
};

const bh_hook boathook_hook = {BH_ROUTES(routes)};
