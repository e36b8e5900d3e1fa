"""Makes the world's exports of a hook. `python -m boathook build` writes the entry that imports this; it can be
loaded in a component alone, where `wit_world` is."""

import json
from typing import Any, Callable

from componentize_py_types import Err
from wit_world.exports import methods as wit_methods
from wit_world.exports import routing as wit_routing
from wit_world.imports import config, events, fetch, hooks, kv, log, request, response, secrets, session, tasks
from wit_world.imports.types import Error

from .errors import HookError, parts
from .hook import Hook
from .host import bind, text
from .instance import Instance
from .routes import Route


class _Log:
    """Levels cross by their index, so that nothing but this file needs the bindings."""

    _levels = list(log.Level)

    @classmethod
    def log(cls, level: int, message: str, fields: str) -> None:
        log.log(cls._levels[level], message, fields)

    @classmethod
    def enabled(cls, level: int) -> bool:
        return log.enabled(cls._levels[level])


class _Fetch:
    @staticmethod
    def send(method: str, url: str, headers: bytes, body: bytes, options: str) -> Any:
        return fetch.send(fetch.Request(method, url, headers, body, options))


bind(
    config=config, events=events, fetch=_Fetch, hooks=hooks, kv=kv, log=_Log, request=request,
    response=response, secrets=secrets, session=session, tasks=tasks,
)

_made: "type[Hook] | None" = None
_instance: "Instance | None" = None


def export(module: Any) -> None:
    """Exports the hook of a module: the one subclass of `Hook` that it defines."""
    global _made
    found = [
        made
        for made in vars(module).values()
        if isinstance(made, type) and issubclass(made, Hook) and made.__module__ == module.__name__
    ]
    # Bases of another hook in the module are no hooks of their own.
    leaves = [made for made in found if not any(other is not made and issubclass(other, made) for other in found)]
    if len(leaves) != 1:
        names = ", ".join(made.__name__ for made in leaves) or "none"
        raise HookError(f"`{module.__name__}` must define one subclass of `Hook`, and has: {names}")
    _made = leaves[0]


def _answer(call: "Callable[[Instance], Any]") -> Any:
    """The hook is made at the first call, not when it is built: its state is of this instance."""
    global _instance
    try:
        if _instance is None:
            assert _made is not None, "the entry has called `export`"
            _instance = Instance(_made)
        return call(_instance)
    except Exception as raised:
        raise Err(Error(*parts(raised))) from None


class Lifecycle:
    def defaults(self, overrides: str) -> str:
        return _answer(lambda instance: text(instance.hook.defaults(json.loads(overrides)) or {}))

    def configure(self) -> None:
        _answer(lambda instance: instance.hook.configure())

    def initialize(self) -> None:
        _answer(lambda instance: instance.hook.initialize())

    def lower(self) -> None:
        _answer(lambda instance: instance.hook.lower())


class Routing:
    def routes(self) -> "list[wit_routing.Route]":
        return _answer(lambda instance: [_wire_route(route) for route in instance.routes])

    def handle_route(self, route: int) -> wit_routing.Outcome:
        return _answer(lambda instance: wit_routing.Outcome(instance.handle_route(route).value))


class Observing:
    def handle_response(self, route: int) -> None:
        _answer(lambda instance: instance.handle_response(route))

    def handle_finish(self, route: int) -> None:
        _answer(lambda instance: instance.handle_finish(route))


class Methods:
    def methods(self) -> "list[wit_methods.Method]":
        return _answer(lambda instance: [
            wit_methods.Method(name, method.summary) for name, method in instance.hook.methods().items()
        ])

    def call(self, name: str, args: str) -> str:
        return _answer(lambda instance: text(instance.call(name, json.loads(args))))


class Listening:
    def handle_event(self, event: str, payload: str) -> None:
        _answer(lambda instance: instance.hook.handle_event(event, json.loads(payload)))


class Background:
    def handle_task(self, name: str, payload: str, attempt: int) -> None:
        _answer(lambda instance: instance.hook.handle_task(name, json.loads(payload), attempt))

    def handle_tick(self, name: str) -> None:
        _answer(lambda instance: instance.hook.handle_tick(name))


class Swapping:
    def before_swap(self) -> "str | None":
        return _answer(lambda instance: _text_or_none(instance.hook.before_swap()))

    def after_swap(self, value: str) -> None:
        _answer(lambda instance: instance.hook.after_swap(json.loads(value)))


def _text_or_none(value: Any) -> "str | None":
    return None if value is None else text(value)


def _wire_route(route: Route) -> wit_routing.Route:
    flag = wit_routing.RouteFlags
    flags = flag(0)
    for asked, bit in [
        (route.skip_assets, flag.SKIP_ASSETS),
        (route.keep_assets, flag.KEEP_ASSETS),
        (route.read_body, flag.READ_BODY),
        (route.response_observer is not None, flag.OBSERVE_RESPONSE),
        (route.finish_observer is not None, flag.OBSERVE_FINISH),
    ]:
        if asked:
            flags |= bit
    phases = {"before": wit_routing.Phase_Before, "after": wit_routing.Phase_After}
    is_named = route.phase == "named"
    phase = wit_routing.Phase_Named(route.address) if is_named else phases[route.phase]()
    return wit_routing.Route("" if is_named else route.address, phase, flags, text(route.options))
