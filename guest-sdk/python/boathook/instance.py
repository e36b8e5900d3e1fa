"""Runs a hook: turns what the host calls, an index or a name, into the call of a handler.

Both the component's exports and `boathook.testing` come through here.
"""

import inspect
from typing import Any, Callable

from .errors import HookError
from .hook import Hook
from .outcome import Outcome
from .request import Request
from .response import Finish, Response
from .routes import Route


class Instance:
    """One live hook with its tables."""

    def __init__(self, made: "type[Hook]") -> None:
        self.hook = made()
        self._routes: "list[Route] | None" = None
        self._request = Request()

    @property
    def routes(self) -> "list[Route]":
        """The routes, built on the first call."""
        if self._routes is None:
            self._routes = list(self.hook.routes())
        return self._routes

    def handle_route(self, index: int) -> Outcome:
        """Goes through a route's handler, hands over what it gathered, and says how the step ends."""
        route = self._route(index)
        if route.handle is None:
            return Outcome.NEXT
        response = Response()
        returned = self._run(route.handle, response)
        outcome = returned if isinstance(returned, Outcome) else response.outcome
        if outcome is None:
            raise HookError(f"the handler of `{route.address}` neither answered nor returned `NEXT`")
        response.hand_over(with_body=outcome is Outcome.RESPOND)
        return outcome

    def handle_response(self, index: int) -> None:
        observer = self._route(index).response_observer
        if observer is not None:
            response = Response()
            self._run(observer, response)
            response.hand_over(with_body=True)

    def handle_finish(self, index: int) -> None:
        observer = self._route(index).finish_observer
        if observer is not None:
            observer(self.hook, self._request, Finish())

    def call(self, name: str, args: Any) -> Any:
        """Calls a public method by name."""
        found = self.hook.methods().get(name)
        if found is None:
            raise HookError(f"no such method: `{name}`", code="E_NO_METHOD")
        return found.call(self.hook, args)

    def _route(self, index: int) -> Route:
        if index >= len(self.routes):
            raise HookError(f"no such route: {index}")
        return self.routes[index]

    def _run(self, handler: Callable[..., Any], response: Response) -> Any:
        """Headers and status reach the host on an error too, as they would had they been set one by one."""
        try:
            returned = handler(self.hook, self._request, response)
        except Exception:
            try:
                response.hand_over(with_body=False)
            except HookError:
                pass  # The first error is the one to tell.
            raise
        if inspect.iscoroutine(returned):
            returned.close()
            raise HookError(
                f"`{handler.__name__}` is `async`, and hooks are not\n"
                "hint: leave `async` and `await` out: what has to wait waits by itself"
            )
        return returned
