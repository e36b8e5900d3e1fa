import unittest

from boathook.testing import lift

from hook import Shout


def said(name, config):
    return lift(Shout, config, name=name).request("GET", "/shout").text


class ShoutTest(unittest.TestCase):
    def test_the_default_stands_until_the_operator_says_otherwise(self):
        self.assertEqual(said("shout", {}), "make it rain\n")
        self.assertEqual(said("shout", {"shout": {"phrase": "yolo"}}), "yolo\n")

    def test_the_settings_follow_the_config_key(self):
        self.assertEqual(said("loud", {"loud": {"phrase": "hey"}}), "hey\n")
        self.assertEqual(said("loud", {"shout": {"phrase": "hey"}}), "make it rain\n")
