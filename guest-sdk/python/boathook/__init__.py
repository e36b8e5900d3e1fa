"""Write Boathook hooks in Python: one class, with the verbs that it needs.

    from boathook import Hook, after

    class Hello(Hook):
        @after("GET /hello/:name")
        def hello(self, req, res):
            return res.json({"hello": req.param("name")})

`python -m boathook build` makes a component of it. `boathook.testing` runs it without wasm.
"""

from .errors import HookError
from .fetch import FetchResponse, fetch
from .hook import Hook
from .kv import Counter, Namespace, kv
from .outcome import NEXT, NEXT_ROUTE, Outcome
from .request import Request, Session
from .response import Finish, Response
from .routes import after, before, method, named, observe_finish, observe_response
from .services import config, events, hooks, log, secrets, tasks

__all__ = [
    "NEXT",
    "NEXT_ROUTE",
    "Counter",
    "FetchResponse",
    "Finish",
    "Hook",
    "HookError",
    "Namespace",
    "Outcome",
    "Request",
    "Response",
    "Session",
    "after",
    "before",
    "config",
    "events",
    "fetch",
    "hooks",
    "kv",
    "log",
    "method",
    "named",
    "observe_finish",
    "observe_response",
    "secrets",
    "tasks",
]
