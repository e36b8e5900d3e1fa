// Headers on every answer: they are set on the way back, when nobody can weaken them any more.
//
// An observer sees every response to what reached its route, 404 and 5xx included, and has the last word.

#include "boathook.h"

static bool secure(void) {
  return bh_set_header("x-content-type-options", "nosniff") &&
         bh_set_header("x-frame-options", "SAMEORIGIN") &&
         bh_set_header("referrer-policy", "strict-origin-when-cross-origin") &&
         bh_set_header("strict-transport-security", "max-age=31536000; includeSubDomains;") &&
         bh_set_header("permissions-policy", "camera=(), microphone=(), usb=()");
}

static const bh_route routes[] = {
    // A GET route takes HEAD, too. It stands in `before` to be reached whoever answers later.
    {.before = "GET /*", .keep_assets = true, .observe_response = secure},
};

const bh_hook boathook_hook = {BH_ROUTES(routes)};
