// The layer itself: texts, errors, and what a table may leave out.

#include <assert.h>
#include <string.h>

#include "testing.h"

static bh_outcome echo(void) {
  bh_bytes body = bh_body();
  const char *name = bh_param("name"), *agent = bh_header("User-Agent");
  return bh_json(bh_format("[%s,%s,%s,%d]", bh_json_quote(bh_path()), bh_json_quote(name), bh_json_quote(agent),
                           (int)body.len));
}

static bh_outcome split(void) { return bh_set_header("x", "a\r\nset-cookie: b") ? BH_NEXT : BH_ERROR; }

static bh_outcome split_second(void) {
  const bh_field fields[] = {{"x-first", "1"}, {"x", "a\r\nset-cookie: b"}};
  return bh_set_headers(fields, BH_LEN(fields)) ? BH_NEXT : BH_ERROR;
}

static bh_outcome several(void) {
  const bh_field fields[] = {{"x-first", "1"}, {"x-empty", ""}, {"x-last", "a: b"}};
  return bh_set_headers(fields, BH_LEN(fields)) && bh_set_headers(NULL, 0) ? BH_NEXT : BH_ERROR;
}

static bh_outcome silent(void) { return BH_ERROR; }

static bh_outcome forgives(void) {
  assert(bh_kv_get("space", "key").data == NULL);
  assert(strcmp(bh_error_code(), "E_NOT_GRANTED") == 0);
  bh_forgive();
  assert(bh_error_code() == NULL);
  bh_log(BH_WARN, "went on without %s", "kv");
  return bh_redirect("/elsewhere", 303);
}

// A client sends what it likes.
static bh_outcome hostile(void) {
  bh_log(BH_WARN, "agent %s", bh_header("user-agent"));
  return bh_fail(400, "E_AGENT", "%1022s\xc3\xa9", bh_header("user-agent"));
}

static const bh_route routes[] = {
    {.before = "POST /a/:name", .read_body = true, .handle = echo},
    {.before = "/split", .handle = split},
    {.before = "/silent", .handle = silent},
    {.named = "forgives", .handle = forgives},
    {.named = "hostile", .handle = hostile},
    {.named = "split-second", .handle = split_second},
    {.named = "several", .handle = several},
};

const bh_hook boathook_hook = {BH_ROUTES(routes)};

static void texts(void) {
  assert(strcmp(bh_json_quote("a\"\\\n"), "\"a\\\"\\\\\\u000a\"") == 0);
  assert(strcmp(bh_json_text("\"\\u00e9\\ud83d\\ude00\\n\\/\""), "\xc3\xa9\xf0\x9f\x98\x80\n/") == 0);
  assert(strcmp(bh_json_text("\"\\ud83d!\""), "\xef\xbf\xbd!") == 0);
  const char *const none[] = {"", "\"", "7", "null", "\"\\x\"", "\"\\u12\"", "\"\\uzzzz\""};
  for (size_t at = 0; at < BH_LEN(none); at++) assert(bh_json_text(none[at]) == NULL);
  bh_test_config("hook.n", "2.5");
  bh_test_config("hook.t", "\"2\"");
  assert(bh_own_number("n", 1) == 2.5 && bh_own_number("t", 1) == 1 && bh_own_number("none", 1) == 1);
  assert(bh_own_text("n") == NULL && bh_own("none") == NULL);
}

static void handlers(void) {
  bh_test_request("POST", "/a/Ada");
  bh_test_param("name", "Ada \"Lovelace\"");
  bh_test_header("user-agent", "test");
  bh_test_body("four");
  assert(strcmp(bh_test_handle(0).body, "[\"/a/Ada\",\"Ada \\\"Lovelace\\\"\",\"test\",4]") == 0);
  assert(strcmp(bh_test_handle(1).error_code, "E_HOOK_BAD_RESPONSE") == 0);
  assert(strcmp(bh_test_handle(2).error_message, "the hook failed and did not say why") == 0);
  bh_test_reply reply = bh_test_handle(3);
  assert(reply.outcome == BH_RESPOND && reply.status == 303);
  assert(strcmp(bh_test_log(), "went on without kv") == 0);
  assert(bh_test_handle(9).outcome == BH_ERROR);
}

static void several_headers(void) {
  bh_test_request("GET", "/");
  assert(strcmp(bh_test_handle(5).error_code, "E_HOOK_BAD_RESPONSE") == 0);
  assert(bh_test_response_header("x-first") == NULL);
  assert(bh_test_handle(6).outcome == BH_NEXT);
  assert(strcmp(bh_test_response_header("x-first"), "1") == 0);
  assert(strcmp(bh_test_response_header("x-empty"), "") == 0);
  assert(strcmp(bh_test_response_header("x-last"), "a: b") == 0);
}

// Whatever reaches the host is UTF-8: it ends an instance that hands it anything else.
static void wrong_bytes(void) {
  const char *const cases[][2] = {
      {"caf\xe9!", "\"caf\xef\xbf\xbd!\""},                                  // Latin-1.
      {"\xc3", "\"\xef\xbf\xbd\""},                                          // Cut.
      {"\xf0\x9f\x98", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},          // Cut later.
      {"\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\""},                          // Longer than need be.
      {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},          // Half of a pair.
      {"\xf4\x90\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},  // Beyond the last.
      {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
  };
  for (size_t at = 0; at < BH_LEN(cases); at++) assert(strcmp(bh_json_quote(cases[at][0]), cases[at][1]) == 0);
  bh_test_request("GET", "/");
  bh_test_header("user-agent", "\xff\xfe");
  bh_test_reply reply = bh_test_handle(4);
  assert(strcmp(bh_test_log(), "agent \xef\xbf\xbd\xef\xbf\xbd") == 0);
  size_t len = strlen(reply.error_message);
  // Room was left for one of the two bytes of the last character.
  assert(strcmp(reply.error_message + len - 9, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd") == 0);
}

static void tables(void) {
  boathook_hook_types_error_t error;
  exports_boathook_hook_routing_list_route_t list;
  assert(exports_boathook_hook_routing_routes(&list, &error) && list.len == BH_LEN(routes));
  assert(list.ptr[0].flags == EXPORTS_BOATHOOK_HOOK_ROUTING_ROUTE_FLAGS_READ_BODY);
  assert(list.ptr[3].phase.tag == EXPORTS_BOATHOOK_HOOK_ROUTING_PHASE_NAMED);
  assert(list.ptr[3].phase.val.named.len == strlen("forgives"));
  exports_boathook_hook_methods_list_method_t methods;
  exports_boathook_hook_methods_methods(&methods);
  assert(methods.len == 0);
  assert(bh_test_lift());
}

int main(void) {
  texts();
  handlers();
  several_headers();
  wrong_bytes();
  tables();
  return 0;
}
