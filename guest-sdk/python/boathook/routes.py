"""Decorators that make routes and public methods of a hook's methods.

    class Notes(Hook):
        @before("POST /notes", read_body=True)
        def add(self, req, res): ...

        @add.observe_response
        def stamp(self, req, res): ...
"""

from dataclasses import dataclass, field
from typing import Any, Callable

#: Handles a request that reached a route: `(self, req, res)`.
Handler = Callable[..., Any]


@dataclass
class Route:
    """One route: where it stands, what it asks for, who handles it."""

    phase: str
    address: str
    handle: "Handler | None" = None
    read_body: bool = False
    skip_assets: bool = False
    keep_assets: bool = False
    options: "dict[str, Any]" = field(default_factory=dict)
    response_observer: "Handler | None" = None
    finish_observer: "Handler | None" = None

    def __call__(self, handle: Handler) -> "Route":
        self.handle = handle
        return self

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """The handler as the method that it would be without the decorator."""
        wrapped = self.handle or self.response_observer or self.finish_observer
        return self if instance is None or wrapped is None else wrapped.__get__(instance, owner)

    def observe_response(self, observer: Handler) -> Handler:
        """Decorates what sees the response before it is sent, whoever made it: `(self, req, res)`."""
        self.response_observer = observer
        return observer

    def observe_finish(self, observer: Handler) -> Handler:
        """Decorates what hears that the response is out: `(self, req, finish)`."""
        self.finish_observer = observer
        return observer


@dataclass
class Method:
    """A method that other hooks may call: `(self, args)`."""

    call: "Callable[..., Any]"
    summary: str = ""

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else self.call.__get__(instance, owner)


def before(address: str, **flags: Any) -> Route:
    """A route ahead of the app's own routes. Flags: `read_body`, `skip_assets`, `keep_assets`, `options`."""
    return Route("before", address, **flags)


def after(address: str, **flags: Any) -> Route:
    """A route behind them: it sees what nobody has answered yet. Flags as for `before`."""
    return Route("after", address, **flags)


def named(action: str, **flags: Any) -> Route:
    """A route that the operator binds, by `[[routes]] hook = "...", action = "..."`. Flags as for `before`."""
    return Route("named", action, **flags)


def observe_response(address: str, **flags: Any) -> Callable[[Handler], Route]:
    """A route ahead of the app's that lets requests pass, and sees their responses: `(self, req, res)`."""
    return lambda observer: Route("before", address, response_observer=observer, **flags)


def observe_finish(address: str, **flags: Any) -> Callable[[Handler], Route]:
    """A route ahead of the app's that lets requests pass, and hears of their end: `(self, req, finish)`."""
    return lambda observer: Route("before", address, finish_observer=observer, **flags)


def method(call: "Callable[..., Any]") -> Method:
    """Lets other hooks call a method, `(self, args)`. The first line of its docstring is the summary."""
    said = (call.__doc__ or "").strip().splitlines()
    return Method(call, said[0] if said else "")
