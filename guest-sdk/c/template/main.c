// A hook that answers one path. Where to go from here: boathook-sdk/boathook.h, and wit/ for all that there is.

#include "boathook.h"

static bh_outcome answer(void) { return bh_text("Hello from my-hook!\n"); }

static const bh_route routes[] = {
    {.after = "GET /my-hook", .handle = answer},
};

const bh_hook boathook_hook = {BH_ROUTES(routes)};
