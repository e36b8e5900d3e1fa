// State between requests: counts each client's POSTs, and answers 429 when they are too many.
//
// Mode `single` (in hook.toml) makes the count exact: one instance sees every request. When another version takes its
// place while the server runs, that one goes on with the counts.

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

// A client as JSON: three names, an address, two numbers.
#define CLIENT_BYTES 128
static char handed[CLIENTS * CLIENT_BYTES + 3];

static bool before_swap(const char **value) {
  size_t len = 0;
  for (size_t at = 0; at < CLIENTS; at++) {
    const struct client *client = &clients[at];
    if (client->ip[0] == '\0') continue;
    len += snprintf(handed + len, CLIENT_BYTES, "%c\"%s\":{\"count\":%ld,\"start\":%lld}", len == 0 ? '{' : ',', client->ip,
                    client->count, client->start);
  }
  snprintf(handed + len, 3, len == 0 ? "{}" : "}");
  *value = handed;
  return true;
}

// Reads as far as it is what this hook writes; what another version kept in another way is begun anew.
static bool after_swap(const char *value) {
  struct client client = {0};
  int read = 0;
  for (const char *at = value; *at == '{' || *at == ','; at += read) {
    read = 0;
    sscanf(at + 1, " \"%45[^\"]\" : { \"count\" : %ld , \"start\" : %lld } %n", client.ip, &client.count, &client.start,
           &read);
    if (read == 0) break;
    *client_of(client.ip) = client;
    read++;
  }
  return true;
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
    .before_swap = before_swap,
    .after_swap = after_swap,
    BH_ROUTES(routes),
};
