import json
import unittest

from boathook import Hook, HookError, before, config, events, fetch, hooks, kv, log, method, secrets, tasks
from boathook.errors import parts
from boathook.manifest import with_manifest
from boathook.testing import lift

from test_handlers import lifted


class Everything(Hook):
    def defaults(self, overrides):
        return {"__configKey__": {"size": 1, "seen": list(overrides)}}

    def configure(self):
        config.set_own("size", config.own("size") + 1)

    def initialize(self):
        events.subscribe("user:gone")
        hooks.publish("size", config.own()["size"])
        log.info("ready", size=config.own("size"))

    @method
    def double(self, args):
        """Doubles a number.

        And this is more than a summary."""
        return args * 2

    def handle_event(self, event, payload):
        log.warn(f"{event} {payload}")


class ServicesTest(unittest.TestCase):
    def test_the_lifecycle_runs_in_its_order_and_each_service_where_it_may(self):
        app = lift(Everything, {"other": {}}, name="my.hook")
        self.assertEqual((app.published, app.config('"my.hook".seen')), ({"size": 2}, ["other"]))
        self.assertEqual(app.call("double", 21), 42)
        self.assertEqual(app.hook.methods()["double"].summary, "Doubles a number.")
        with self.assertRaises(HookError) as raised:
            app.call("handle_event")
        self.assertEqual(raised.exception.code, "E_NO_METHOD")
        self.assertEqual((app.deliver("user:gone", "ada"), app.deliver("other")), (True, False))
        self.assertEqual([(line.level, line.message) for line in app.log], [("info", "ready"), ("warn", "user:gone ada")])

    def test_kv_keeps_json_and_bytes_counts_and_changes_a_value_as_one_step(self):
        def handle(req, res):
            names = kv("names")
            names.set("ada", {"born": 1815}, expires_in=60)
            names.update("list", lambda old: (old or []) + ["ada"])
            counts = [names.increment("n").value, names.increment("n", 5, window=1).value]
            return res.json([
                names.get("ada"), names.get("list"), names.get("nobody"), counts, list(names.keys("l")),
                names.delete("ada"), names.delete("ada"),
            ])

        app = lifted(handle, world={"kv": {"names": {"list": ["eve"]}}})
        expected = [{"born": 1815}, ["eve", "ada"], None, [1, 6], ["list"], True, False]
        self.assertEqual(app.request("GET", "/").json(), expected)

    def test_fetch_returns_the_answer_and_an_error_by_its_code(self):
        def handle(req, res):
            answer = fetch("https://api.example.com/x", method="post", json={"a": 1}, timeout=2.5)
            return res.json(answer.successful().json())

        app = lifted(handle, world={"fetch": lambda sent: [sent.method, sent.body.decode(), sent.options]})
        self.assertEqual(app.request("GET", "/").json(), ["POST", '{"a":1}', {"timeout": 2500}])
        self.assertEqual(lifted(handle).request("GET", "/").error.code, "E_NOT_GRANTED")
        self.assertEqual(lifted(handle, world={"fetch": lambda sent: (500, "")}).request("GET", "/").status, 502)

    def test_secrets_methods_and_data_of_others_come_from_the_test(self):
        def handle(req, res):
            return res.json([secrets.get("key"), hooks.data("orm", "models"), hooks.call("orm", "find", 7), hooks.names()])

        world = {
            "secrets": {"key": "s3cret"}, "published": {"orm": {"models": ["user"]}},
            "methods": {"orm.find": lambda id: {"id": id}}, "hooks": ("orm",),
        }
        expected = ["s3cret", ["user"], {"id": 7}, ["hook", "orm"]]
        self.assertEqual(lifted(handle, world=world).request("GET", "/").json(), expected)

    def test_tasks_are_deferred_and_run_and_ticks_come(self):
        ran = []

        class Mailer(Hook):
            @before("POST /signup")
            def sign_up(self, req, res):
                tasks.defer("welcome", {"to": "ada"}, durable=True, delay=1)
                tasks.defer("count")
                return res.ok()

            def handle_task(self, name, payload, attempt):
                ran.append((name, payload, attempt))

        app = lift(Mailer)
        app.request("POST", "/signup")
        self.assertEqual(app.deferred[0].options, {"durable": True, "delay": 1000})
        app.run_tasks()
        self.assertEqual(ran, [("welcome", {"to": "ada"}, 1), ("count", None, 1)])
        self.assertEqual(app.deferred, [])
        with self.assertRaisesRegex(HookError, "has no `handle_tick`, and it is time for `x`"):
            app.tick("x")

    def test_sessions_and_locals_last_as_long_as_they_should(self):
        class Visits(Hook):
            @before("/*")
            def count(self, req, res):
                req.session.set("visits", (req.session.get("visits") or 0) + 1)
                req.set_local("user", {"id": 7})
                return res.ok()

        reply = lift(Visits).request("GET", "/", session={"visits": 2})
        self.assertEqual((reply.session, reply.locals), ({"visits": 3}, {"user": {"id": 7}}))

    def test_whatever_is_raised_becomes_the_record_of_the_world(self):
        self.assertEqual(parts(HookError("no", status=418, code="E_X", details=[1])), ("E_X", "no", 418, "[1]"))
        try:
            {}["missing"]
        except KeyError as error:
            code, message, status, details = parts(error)
        self.assertEqual((code, message, status), ("", "KeyError: 'missing'", None))
        self.assertIn("test_services.py", json.loads(details)["stack"])

    def test_a_manifest_of_any_length_is_a_section_at_the_end(self):
        for length in (0, 100, 200, 70_000):
            made = with_manifest(b"component", "x" * length)
            self.assertTrue(made.startswith(b"component\0") and made.endswith(b"\x08boathook" + b"x" * length))
