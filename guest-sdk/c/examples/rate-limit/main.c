// State between requests: counts each client's POSTs, and answers 429 when they are too many.
//
// Mode `single` (in hook.toml) makes the count exact: one instance sees every request.

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "boathook.h"

// As many clients as are remembered at once; whoever is in the way of another is forgotten.
#define CLIENTS 4096

struct client {
  char ip[46];  // The longest address.
  long long start;
  long count;
};

static struct client clients[CLIENTS];
static double max_requests, window_ms;

static bool initialize(void) {
  max_requests = bh_own_number("max-requests", 100);
  window_ms = bh_own_number("window-ms", 60000);
  return true;
}

static long long now_ms(void) {
  struct timespec now;
  timespec_get(&now, TIME_UTC);
  return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static struct client *client_of(const char *ip) {
  unsigned hash = 2166136261u;
  for (const char *at = ip; *at != '\0'; at++) hash = (hash ^ (unsigned char)*at) * 16777619u;
  return &clients[hash % CLIENTS];
}

static bh_outcome limit(void) {
  const char *ip = bh_ip();
  long long now = now_ms();
  struct client *client = client_of(ip);
  if (strcmp(client->ip, ip) != 0 || now - client->start > window_ms) {
    snprintf(client->ip, sizeof client->ip, "%s", ip);
    client->start = now;
    client->count = 0;
  }
  client->count++;
  if (client->count <= max_requests) return BH_NEXT;
  return bh_status(429) ? bh_json("{\"error\":\"Too many requests\"}") : BH_ERROR;
}

static const bh_route routes[] = {
    {.before = "POST /*", .handle = limit},
};

const bh_hook boathook_hook = {
    .defaults = "{\"__configKey__\": {\"max-requests\": 100, \"window-ms\": 60000}}",
    .initialize = initialize,
    BH_ROUTES(routes),
};
