// Tests a hook in C without wasm: the host in memory, for a native compiler.
//
//   cc -Iboathook-sdk -o build/test test.c main.c boathook-sdk/boathook.c boathook-sdk/testing.c && build/test
//
// It stands in for the request, the response, the configuration and the log. Every other function of the host fails
// with the code E_NOT_GRANTED. Routes are not matched: a test names the one that it means by its index.

#ifndef BOATHOOK_TESTING_H
#define BOATHOOK_TESTING_H

#include "boathook.h"

// What became of a call. Texts are there until the next one.
typedef struct bh_test_reply {
  bh_outcome outcome;
  int status;
  const char *body;
  const char *error_code;
  const char *error_message;
} bh_test_reply;

// Sets a value of the configuration, as JSON. The hook's own key is `hook`: `hook.phrase`.
void bh_test_config(const char *path, const char *json);
// Calls `configure` and `initialize`, and says whether both succeeded.
bool bh_test_lift(void);

// Has the hook hand over what the next generation is to know, and gives it back as JSON; NULL for nothing, or where it
// failed.
const char *bh_test_before_swap(void);
// Gives the hook what the generation before handed out, and says whether it took it.
bool bh_test_after_swap(const char *value);

// Begins an exchange. The functions below belong to it.
void bh_test_request(const char *method, const char *path);
void bh_test_ip(const char *ip);
void bh_test_header(const char *name, const char *value);
void bh_test_param(const char *name, const char *value);
void bh_test_body(const char *body);

// Has a route handle the request, or observe the response.
bh_test_reply bh_test_handle(unsigned route);
bh_test_reply bh_test_observe(unsigned route);
// A header of the response; NULL where it was not set.
const char *bh_test_response_header(const char *name);
// The last line that was logged.
const char *bh_test_log(void);

#endif
