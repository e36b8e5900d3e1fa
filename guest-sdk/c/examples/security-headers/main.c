// Headers on every answer: they are set on the way back, when nobody can weaken them any more.
//
// An observer sees every response to what reached its route, 404 and 5xx included, and has the last word.

#include "boathook.h"

static const bh_field HEADERS[] = {
    {"x-content-type-options", "nosniff"},
    {"x-frame-options", "SAMEORIGIN"},
    {"referrer-policy", "strict-origin-when-cross-origin"},
    {"strict-transport-security", "max-age=31536000; includeSubDomains;"},
    {"permissions-policy", "camera=(), microphone=(), usb=()"},
};

static bool secure(void) { return bh_set_headers(HEADERS, BH_LEN(HEADERS)); }

static const bh_route routes[] = {
    // A GET route takes HEAD, too. It stands in `before` to be reached whoever answers later.
    {.before = "GET /*", .keep_assets = true, .observe_response = secure},
};

const bh_hook boathook_hook = {BH_ROUTES(routes)};
