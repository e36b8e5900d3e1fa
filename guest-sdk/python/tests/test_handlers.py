import unittest

from boathook import NEXT, NEXT_ROUTE, Hook, HookError, after, before, named
from boathook.testing import Target, lift


def lifted(handle, *, world=None, **flags):
    """A hook with one handler for everything, lifted."""

    class Made(Hook):
        everything = before("ALL /*", keep_assets=True, **flags)(lambda self, req, res: handle(req, res))

    return lift(Made, **(world or {}))


class HandlersTest(unittest.TestCase):
    def test_next_goes_on_and_keeps_headers_but_no_body(self):
        def handle(req, res):
            res.status(201).set_header("x-seen", "yes").set_body("dropped")
            return NEXT

        reply = lifted(handle).request("GET", "/x", target=Target(body="target"))
        self.assertEqual((reply.outcome, reply.text, reply.header("x-seen")), (NEXT, "target", "yes"))

    def test_an_answer_counts_without_being_returned(self):
        self.assertEqual(lifted(lambda req, res: (res.text("hi"), None)[1]).request("GET", "/").text, "hi")

    def test_a_handler_that_ends_in_neither_way_is_an_error_that_names_it(self):
        error = lifted(lambda req, res: None).request("GET", "/").error
        self.assertIn("handler of `ALL /*` neither answered nor returned `NEXT`", str(error))

    def test_an_async_handler_is_told_that_hooks_are_not(self):
        async def handle(req, res):
            return NEXT

        self.assertIn("hooks are not", str(lifted(handle).request("GET", "/").error))

    def test_headers_that_were_set_stay_on_an_error(self):
        def handle(req, res):
            res.set_header("retry-after", "60")
            raise HookError("busy", status=503)

        reply = lifted(handle).request("GET", "/")
        self.assertEqual((reply.status, reply.header("retry-after")), (503, "60"))

    def test_a_line_break_in_a_header_is_refused_before_it_reaches_the_host(self):
        reply = lifted(lambda req, res: res.set_header("x", "a\r\nset-cookie: b").text("")).request("GET", "/")
        self.assertEqual((reply.status, reply.error.code), (502, "E_HOOK_BAD_RESPONSE"))

    def test_headers_set_twice_have_the_last_value_lists_and_appended_ones_have_all(self):
        def handle(req, res):
            res.set_header("X-A", "1").set_header("x-a", "2").set_header("x-b", ["1", "2"])
            res.append_header("x-c", "1").append_header("x-c", "2")
            res.cookie("theme", "dark blue", max_age=60, http_only=True, same_site="none")
            return res.text("ok")

        reply = lifted(handle).request("GET", "/")
        self.assertEqual([reply.header(name) for name in ("x-a", "x-b", "x-c")], ["2", "1, 2", "1, 2"])
        cookie = "theme=dark%20blue; Path=/; Max-Age=60; SameSite=None; HttpOnly; Secure"
        self.assertEqual(reply.header("set-cookie"), cookie)

    def test_the_request_is_read_in_all_its_parts(self):
        def handle(req, res):
            return res.json([
                req.method, req.path, req.query, req.query_value("y"), req.param("0"), req.header("User-Agent"),
                req.header("nope"), req.cookies, req.ip, req.json(), req.headers["USER-AGENT"],
            ])

        reply = lifted(handle, read_body=True).request(
            "post", "/a/b?x=1&x=2&y=a+b%21", headers={"User-Agent": "test", "cookie": ["a=1", "b=x%20y"]},
            json={"deep": [1]}, ip="::1",
        )
        self.assertEqual(reply.json(), [
            "POST", "/a/b", {"x": ["1", "2"], "y": ["a b!"]}, "a b!", "a/b", "test",
            None, {"a": "1", "b": "x y"}, "::1", {"deep": [1]}, "test",
        ])

    def test_a_body_that_is_no_json_is_a_400_and_one_that_was_not_declared_an_error(self):
        def handle(req, res):
            return res.json(req.json())

        self.assertEqual(lifted(handle, read_body=True).request("POST", "/", body="{").status, 400)
        self.assertEqual(lifted(handle).request("POST", "/", body="{}").error.code, "E_BODY_NOT_DECLARED")

    def test_an_observer_may_replace_the_body_and_hears_of_the_end(self):
        ends = []

        class Loud(Hook):
            @before("GET /*")
            def go_on(self, req, res):
                return NEXT

            @go_on.observe_response
            def shout(self, req, res):
                res.set_body(res.body().upper())

            @go_on.observe_finish
            def note(self, req, finish):
                ends.append((finish.status_code, finish.bytes_sent, finish.completed))

        self.assertEqual(lift(Loud).request("GET", "/", target=Target(body="home")).text, "HOME")
        self.assertEqual(ends, [(200, 4, True)])

    def test_helpers_answer_with_data_or_with_the_usual_text(self):
        self.assertEqual(lifted(lambda req, res: res.not_found()).request("GET", "/").text, "Not Found")
        self.assertEqual(lifted(lambda req, res: res.bad_request({"a": 1})).request("GET", "/").json(), {"a": 1})
        self.assertEqual(lifted(lambda req, res: res.redirect("/login")).request("GET", "/").status, 302)
        self.assertEqual(lifted(lambda req, res: res.redirect("/login", 303)).request("GET", "/").status, 303)

    def test_routes_match_in_the_order_in_which_they_were_written(self):
        class Ordered(Hook):
            @after("GET /:name")
            def second(self, req, res):
                return res.text(f"name {req.param('name')}")

            @before("GET /special")
            def first(self, req, res):
                return NEXT_ROUTE if req.query_string else res.text("special")

            @named("list")
            def listed(self, req, res):
                return res.text("listed")

        app = lift(Ordered)
        self.assertEqual([route.address for route in app.hook.routes()], ["GET /:name", "GET /special", "list"])
        self.assertEqual(app.request("GET", "/special").text, "special")
        self.assertEqual(app.request("GET", "/Ada").text, "name Ada")
        self.assertEqual(app.action("list", "GET", "/x").text, "listed")
