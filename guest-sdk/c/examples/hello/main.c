// The first lesson: a hook is a table with a route, and answers.
//
// The route stands in `after`, behind the app's own: guards that stand in `before` have run by then.

#include "boathook.h"

static bh_outcome hello(void) { return bh_text("Hello from a hook!\n"); }

static const bh_route routes[] = {
    {.after = "GET /hello", .handle = hello},
};

const bh_hook boathook_hook = {BH_ROUTES(routes)};
