import unittest
from unittest import mock

from boathook import NEXT
from boathook.testing import lift

from hook import RateLimit


def post(app, ip):
    return app.request("POST", "/x", ip=ip)


class RateLimitTest(unittest.TestCase):
    def test_the_request_over_the_limit_is_a_429_until_the_window_is_over(self):
        with mock.patch("time.time", return_value=1000.0) as clock:
            app = lift(RateLimit, name="rate-limit")
            for _ in range(100):
                self.assertEqual(post(app, "10.0.0.1").outcome, NEXT)
            reply = post(app, "10.0.0.1")
            self.assertEqual((reply.status, reply.json()), (429, {"error": "Too many requests"}))
            self.assertEqual(post(app, "10.0.0.2").outcome, NEXT)
            clock.return_value += 60.001
            self.assertEqual(post(app, "10.0.0.1").outcome, NEXT)
            self.assertEqual(len(app.hook.clients), 1)

    def test_the_operator_sets_the_limit_and_reading_is_free(self):
        app = lift(RateLimit, {"rate-limit": {"max-requests": 0}}, name="rate-limit")
        self.assertEqual(post(app, "10.0.0.1").status, 429)
        self.assertEqual(app.request("GET", "/x").outcome, NEXT)

    def test_the_counts_go_on_when_another_version_takes_over(self):
        app = lift(RateLimit, {"rate-limit": {"max-requests": 1}}, name="rate-limit")
        self.assertEqual(post(app, "10.0.0.1").outcome, NEXT)
        after = app.swap()
        self.assertEqual(post(after, "10.0.0.1").status, 429)
        after.hook.after_swap("of another version")
