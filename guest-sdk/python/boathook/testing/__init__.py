"""Runs a hook against a host in memory, without wasm: for unittest, pytest or any other runner.

    app = lift(Hello)
    assert app.request("GET", "/hello").text == "Hello from a hook!\\n"
"""

from .exchange import Target
from .lifted import Lifted, Reply, lift

__all__ = ["Lifted", "Reply", "Target", "lift"]
