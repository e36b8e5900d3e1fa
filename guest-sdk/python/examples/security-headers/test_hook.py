import unittest

from boathook.testing import Target, lift

from hook import HEADERS, SecurityHeaders


class SecurityHeadersTest(unittest.TestCase):
    def test_they_stand_on_pages_on_files_and_on_what_is_not_there(self):
        app = lift(SecurityHeaders)
        for method, path, target in [("GET", "/", Target()), ("HEAD", "/app.js", Target()), ("GET", "/no", None)]:
            reply = app.request(method, path, target=target)
            self.assertEqual({name: reply.header(name) for name in HEADERS}, HEADERS)

    def test_a_target_cannot_weaken_them(self):
        target = Target(headers={"X-Frame-Options": "ALLOWALL"}, body="home")
        reply = lift(SecurityHeaders).request("GET", "/", target=target)
        self.assertEqual((reply.header("x-frame-options"), reply.text), ("SAMEORIGIN", "home"))

    def test_other_methods_go_without(self):
        self.assertEqual(lift(SecurityHeaders).request("POST", "/", target=Target()).fields, [])
