import unittest

from boathook.testing import lift

from hook import MyHook


class MyHookTest(unittest.TestCase):
    def test_it_greets_as_the_operator_wishes(self):
        app = lift(MyHook, {"my-hook": {"greeting": "Ahoy"}}, name="my-hook")
        self.assertEqual(app.request("GET", "/my-hook").text, "Ahoy from my-hook!\n")
