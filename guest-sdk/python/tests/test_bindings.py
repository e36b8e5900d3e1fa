"""Needs componentize-py, as `make language-hooks` has it."""

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

import bindings  # noqa: E402


class BindingsTest(unittest.TestCase):
    def test_the_checked_in_bindings_are_what_wit_says_today(self):
        with tempfile.TemporaryDirectory() as scratch:
            made = bindings.generate(Path(scratch))
        checked_in = bindings.files(bindings.FOLDER)
        self.assertIn("wit_world/imports/kv.py", made)
        stale = [name for name in made.keys() | checked_in.keys() if made.get(name) != checked_in.get(name)]
        self.assertEqual(stale, [], "hint: python tools/bindings.py")
