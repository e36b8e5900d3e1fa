// Settings with defaults: `__configKey__` stands for wherever the operator keeps this hook's settings.

#include "boathook.h"

// Reads the setting each time, as Sails' hooks do. `rate-limit` reads its own once.
static bh_outcome shout(void) {
  const char *phrase = bh_own_text("phrase");
  return bh_text(bh_format("%s\n", phrase == NULL ? "" : phrase));
}

static const bh_route routes[] = {
    {.after = "GET /shout", .handle = shout},
};

const bh_hook boathook_hook = {
    .defaults = "{\"__configKey__\": {\"phrase\": \"make it rain\"}}",
    BH_ROUTES(routes),
};
