"""Takes a hook through its life, and requests through the routes of one hook, as the server would."""

import json
from dataclasses import dataclass
from typing import Any, Callable

from ..errors import HookError
from ..hook import Hook
from ..host import bind
from ..instance import Instance
from ..outcome import Outcome
from ..routes import Route
from .address import matches, passes_assets
from .exchange import Exchange, joined
from .host import Deferred, Line, MemoryHost, Sent


@dataclass
class Reply:
    """What became of a request."""

    #: How the hook's last step ended; `NEXT` where it let the request pass, none where it raised.
    outcome: "Outcome | None"
    #: What the hook raised, if it did.
    error: "Exception | None"
    status: int
    body: bytes
    locals: "dict[str, Any]"
    session: "dict[str, Any]"
    fields: "list[tuple[str, str]]"

    def header(self, name: str) -> "str | None":
        """The values of one header, joined by `, `."""
        found = joined(self.fields, name)
        return None if found is None else found.decode()

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)


class Lifted:
    """A lifted hook: one instance, as in mode `single`."""

    def __init__(self, made: "type[Hook]", name: str, config: "dict[str, Any]", **world: Any) -> None:
        self._lifted_of = (made, config, world)
        self._host = MemoryHost(name, config, **world)
        bind(**self._host.interfaces)
        self._instance = Instance(made)
        self._host.under_defaults(self._instance.hook.defaults(json.loads(json.dumps(config))))
        self._at("configure")
        self._at("initialize")
        self._host.stage = "running"
        self._host.fired.append((f"hook:{name}:loaded", None))

    @property
    def hook(self) -> Any:
        """The hook itself."""
        return self._instance.hook

    @property
    def log(self) -> "list[Line]":
        """The lines that the hook wrote to the log."""
        return self._host.lines

    @property
    def fired(self) -> "list[tuple[str, Any]]":
        """The events that fired, in order, with their payloads."""
        return self._host.fired

    @property
    def published(self) -> "dict[str, Any]":
        """What the hook made public, by key."""
        return self._host.published.get(self._host.name, {})

    @property
    def sent(self) -> "list[Sent]":
        """The requests that the hook sent to other servers."""
        return self._host.sent

    def config(self, path: str = "") -> Any:
        """The configuration as it stands."""
        return self._host.find(path)

    def request(self, method: str, path: str, *, json: Any = None, **options: Any) -> Reply:
        """Sends a request through the hook: `before`, the request's `target`, `after`, observers. Options:
        `headers`, `body`, `json`, `ip`, `protocol`, `locals`, `session`, `target`."""
        return self._exchange(Exchange(method, path, json_body=json, **options), None)

    def action(self, name: str, method: str, path: str, *, json: Any = None, **options: Any) -> Reply:
        """Sends a request to a named route, as the operator's binding would."""
        return self._exchange(Exchange(method, path, json_body=json, **options), name)

    def call(self, name: str, args: Any = None) -> Any:
        """Calls one of the hook's public methods, as another hook would."""
        bind(**self._host.interfaces)
        return self._instance.call(name, args)

    def deliver(self, event: str, payload: Any = None) -> bool:
        """Delivers an event, if the hook subscribed to it, and says whether it did."""
        bind(**self._host.interfaces)
        if event not in self._host.subscribed:
            return False
        self._instance.hook.handle_event(event, payload)
        return True

    @property
    def deferred(self) -> "list[Deferred]":
        """The tasks that the hook handed itself."""
        return self._host.deferred

    def run_tasks(self, attempt: int = 1) -> None:
        """Runs the tasks that were deferred so far, and takes them from the list."""
        bind(**self._host.interfaces)
        tasks, self._host.deferred = self._host.deferred, []
        for task in tasks:
            self._instance.hook.handle_task(task.name, task.payload, attempt)

    def tick(self, name: str) -> None:
        """Has a tick come."""
        bind(**self._host.interfaces)
        self._instance.hook.handle_tick(name)

    def swap(self, made: "type[Hook] | None" = None, config: "dict[str, Any] | None" = None, **world: Any) -> "Lifted":
        """Puts another hook, or this one once more, in its place, as a deploy does: lifts it, with the same settings
        and world or others, gives it what this one hands over, and returns it."""
        given, its_config, its_world = self._lifted_of
        new = Lifted(made or given, self._host.name, its_config if config is None else config, **(world or its_world))
        bind(**self._host.interfaces)
        handed = self._instance.hook.before_swap()
        bind(**new._host.interfaces)
        if handed is not None:
            new._instance.hook.after_swap(json.loads(json.dumps(handed)))
        return new

    def lower(self) -> None:
        """Calls `lower`."""
        self._at("lower")

    def _at(self, verb: str) -> None:
        self._host.stage = verb
        bind(**self._host.interfaces)
        getattr(self._instance.hook, verb)()

    def _exchange(self, exchange: Exchange, action: "str | None") -> Reply:
        # Of several hooks that a test has lifted each finds its own host.
        bind(**self._host.interfaces)
        self._host.exchange = exchange
        try:
            return self._walk(exchange, action)
        finally:
            self._host.exchange = None

    def _walk(self, exchange: Exchange, action: "str | None") -> Reply:
        reached: "list[int]" = []
        error: "Exception | None" = None
        outcome: "Outcome | None" = None
        try:
            outcome = self._steps(exchange, reached, action)
        except Exception as raised:
            error = raised
            _answer_as_error(exchange, raised)
        for step, observe in (
            ("response", self._instance.handle_response),
            ("finish", self._instance.handle_finish),
        ):
            exchange.step = step
            for index in reversed(reached):
                try:
                    observe(index)
                except Exception as raised:
                    error = error or raised
                    if step == "response":
                        _answer_as_error(exchange, raised)
        return Reply(
            outcome, error, exchange.status, exchange.body, exchange.locals, exchange.session, exchange.fields
        )

    def _steps(self, exchange: Exchange, reached: "list[int]", action: "str | None") -> Outcome:
        outcome = self._phase(exchange, reached, lambda route: route.phase == "before")
        if outcome is Outcome.NEXT and action is not None:
            outcome = self._phase(
                exchange, reached, lambda route: route.phase == "named" and route.address == action
            )
        if outcome is Outcome.NEXT and not exchange.answer_as_target():
            outcome = self._phase(exchange, reached, lambda route: route.phase == "after")
            if outcome is Outcome.NEXT:
                exchange.answer_as_error(404, "Not Found")
        return outcome

    def _phase(
        self, exchange: Exchange, reached: "list[int]", is_wanted: Callable[[Route], bool]
    ) -> Outcome:
        """Runs the routes of one phase that match. The path is asked anew each time: a hook may change it."""
        for index, route in enumerate(self._instance.routes):
            if not is_wanted(route):
                continue
            is_named = route.phase == "named"
            params = [] if is_named else matches(route.address, exchange.method, exchange.path)
            if params is None or (not is_named and passes_assets(route) and exchange.looks_like_asset):
                continue
            exchange.params, exchange.reads_body = params, route.read_body
            exchange.options = {**route.options, **exchange.options}
            reached.append(index)
            if self._instance.handle_route(index) is Outcome.RESPOND:
                return Outcome.RESPOND
            exchange.body = b""
        return Outcome.NEXT


def lift(made: "type[Hook]", config: "dict[str, Any] | None" = None, *, name: str = "hook", **world: Any) -> Lifted:
    """Lifts a hook as the server would: `defaults`, `configure`, `initialize`. `name` is the key of its settings. The
    world around it: `hooks`, `published`, `methods` (by `hook.method`), `secrets`, `kv`, and `fetch`, a function that
    answers for other servers with a pair of status and body, or with what is to be JSON."""
    return Lifted(made, name, config or {}, **world)


def _answer_as_error(exchange: Exchange, raised: Exception) -> None:
    status = raised.status if isinstance(raised, HookError) else None
    exchange.answer_as_error(status or 500, str(raised))
