import unittest

from boathook import NEXT
from boathook.testing import lift

from hook import Hello


class HelloTest(unittest.TestCase):
    def test_it_answers_on_its_own_path_alone(self):
        app = lift(Hello)
        reply = app.request("GET", "/hello")
        self.assertEqual((reply.status, reply.text), (200, "Hello from a hook!\n"))
        reply = app.request("GET", "/elsewhere")
        self.assertEqual((reply.outcome, reply.status), (NEXT, 404))
