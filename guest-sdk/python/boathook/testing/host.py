"""The host in memory: the interfaces that a component would import, as far as a test can see them."""

import copy
import json
import re
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Callable, Mapping

from ..services import _LEVELS
from .ambient import RequestInterface, ResponseInterface, SessionInterface
from .exchange import Exchange, as_bytes
from .kv import KvInterface
from .refused import Refused


@dataclass
class Line:
    """A line of the log."""

    level: str
    message: str
    fields: "dict[str, Any]"


@dataclass
class Sent:
    """A request that the hook sent to another server."""

    method: str
    url: str
    body: bytes
    options: "dict[str, Any]"


@dataclass
class Deferred:
    """A task that the hook handed itself."""

    name: str
    payload: Any
    options: "dict[str, Any]"


class MemoryHost:
    def __init__(
        self,
        name: str,
        config: "dict[str, Any]",
        *,
        hooks: "tuple[str, ...]" = (),
        published: "Mapping[str, dict[str, Any]] | None" = None,
        methods: "Mapping[str, Callable[[Any], Any]] | None" = None,
        secrets: "Mapping[str, str] | None" = None,
        fetch: "Callable[[Sent], Any] | None" = None,
        kv: "Mapping[str, Mapping[str, Any]] | None" = None,
    ) -> None:
        self.name = name
        self.tree = copy.deepcopy(config)
        self.stage = "defaults"
        self.lines: "list[Line]" = []
        self.fired: "list[tuple[str, Any]]" = []
        self.subscribed: "list[str]" = []
        self.sent: "list[Sent]" = []
        self.deferred: "list[Deferred]" = []
        self.exchange: "Exchange | None" = None
        self.published = copy.deepcopy(dict(published or {}))
        self._names = [name, *hooks]
        self._methods = dict(methods or {})
        self._secrets = dict(secrets or {})
        self._fetch = fetch
        at_hand = lambda: self.exchange  # noqa: E731
        self.interfaces: "dict[str, Any]" = {
            "request": RequestInterface(at_hand),
            "response": ResponseInterface(at_hand),
            "session": SessionInterface(at_hand),
            "config": SimpleNamespace(get=self._get, set=self._set, config_key=lambda: self.name),
            "events": SimpleNamespace(emit=self._emit, wait=self._wait, subscribe=self._subscribe),
            "hooks": SimpleNamespace(
                names=lambda: self._names, publish=self._publish, data=self._data, call=self._call
            ),
            "kv": KvInterface(kv or {}),
            "log": SimpleNamespace(log=self._log, enabled=lambda level: True),
            "secrets": SimpleNamespace(get=self._secret),
            "tasks": SimpleNamespace(defer=self._defer),
            "fetch": SimpleNamespace(send=self._send),
        }

    def under_defaults(self, defaults: "dict[str, Any]") -> None:
        """Puts defaults under the configuration; `__configKey__` stands for the hook's own."""
        rest = {key: value for key, value in defaults.items() if key != "__configKey__"}
        self.tree = merged(self.tree, {**rest, self.name: defaults.get("__configKey__", {})})

    def find(self, path: str) -> Any:
        """The value at a dotted path; none where there is nothing."""
        found: Any = self.tree
        for key in _keys(path):
            if not isinstance(found, dict) or key not in found:
                return None
            found = found[key]
        return found

    def _get(self, path: str) -> "str | None":
        found = self.find(path)
        return None if found is None else json.dumps(found)

    def _set(self, path: str, value: str) -> None:
        self._only("config.set", "configure")
        keys = _keys(path)
        if not keys or keys[0] not in (self.name, "custom"):
            raise Refused("", f"config.set: `{path}` is neither this hook's own nor `custom`")
        over: Any = json.loads(value)
        for key in reversed(keys):
            over = {key: over}
        self.tree = merged(over, self.tree)

    def _emit(self, event: str, payload: str) -> None:
        self.fired.append((event, json.loads(payload)))

    def _wait(self, events: "list[str]") -> None:
        self._only("events.wait", "initialize")
        missing = [event for event in events if event not in [name for name, _ in self.fired]]
        if missing:
            raise Refused("", f"nobody fires {', '.join(missing)} any more")

    def _subscribe(self, event: str) -> None:
        self._only("events.subscribe", "configure", "initialize")
        self.subscribed.append(event)

    def _publish(self, key: str, value: str) -> None:
        self._only("hooks.publish", "initialize")
        self.published.setdefault(self.name, {})[key] = json.loads(value)

    def _data(self, hook: str, key: str) -> "str | None":
        found = self.published.get(hook, {})
        return json.dumps(found[key]) if key in found else None

    def _call(self, hook: str, method: str, args: str) -> str:
        stub = self._methods.get(f"{hook}.{method}")
        if stub is None:
            raise Refused("E_NO_METHOD", f"no such method: `{hook}.{method}`")
        return json.dumps(stub(json.loads(args)))

    def _log(self, level: int, message: str, fields: str) -> None:
        self.lines.append(Line(_LEVELS[level], message, json.loads(fields)))

    def _secret(self, name: str) -> str:
        if name not in self._secrets:
            raise Refused("E_NOT_GRANTED", f"no secret `{name}` is granted")
        return self._secrets[name]

    def _send(self, method: str, url: str, headers: bytes, body: bytes, options: str) -> Any:
        sent = Sent(method, url, body, json.loads(options))
        self.sent.append(sent)
        if self._fetch is None:
            raise Refused("E_NOT_GRANTED", f"`{url}` is not granted")
        answer = self._fetch(sent)
        # Whatever is no pair of status and body is a body as JSON.
        status, payload = answer if isinstance(answer, tuple) else (200, json.dumps(answer))
        return SimpleNamespace(status=status, url=url, headers=b"", body=as_bytes(payload))

    def _defer(self, name: str, payload: str, options: str) -> None:
        self.deferred.append(Deferred(name, json.loads(payload), json.loads(options)))

    def _only(self, what: str, *stages: str) -> None:
        if self.stage not in stages:
            raise Refused("", f"{what}: works in {' and '.join(stages)} alone")


def merged(winner: Any, under: Any) -> Any:
    """Objects merge, everything else of the winner stays."""
    if not isinstance(winner, dict) or not isinstance(under, dict):
        return winner
    both = {key: merged(value, under[key]) if key in under else value for key, value in winner.items()}
    return {**under, **both}


def _keys(path: str) -> "list[str]":
    """The keys of a path; the first may stand in quotes, for a dot of its own."""
    quoted = re.match(r'"([^"]*)"\.?(.*)$', path)
    first, rest = ([quoted.group(1)], quoted.group(2)) if quoted else ([], path)
    return first + [key for key in rest.split(".") if key]
