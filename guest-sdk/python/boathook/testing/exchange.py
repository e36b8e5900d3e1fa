"""The exchange at hand in a test: what the request holds, and the response in the making."""

import copy
import json
import re
from dataclasses import dataclass, field
from typing import Any, Mapping

from ..headers import fields
from .refused import Refused

#: Fields of the connection, which no hook may set.
_CONNECTION = ("connection", "transfer-encoding", "content-length", "host")

Fields = "list[tuple[str, str]]"


@dataclass
class Target:
    """What the app answers where the hook lets a request pass."""

    status: int = 200
    body: "str | bytes" = b""
    headers: "Mapping[str, str | list[str]]" = field(default_factory=dict)


class Exchange:
    def __init__(
        self,
        method: str,
        path: str,
        *,
        headers: "Mapping[str, str | list[str]] | None" = None,
        body: "str | bytes" = b"",
        json_body: Any = None,
        ip: str = "127.0.0.1",
        protocol: str = "http",
        locals: "dict[str, Any] | None" = None,
        session: "dict[str, Any] | None" = None,
        target: "Target | None" = None,
    ) -> None:
        self.method = method.upper()
        self.path, _, self.query = path.partition("?")
        self.request_fields = pairs(headers or {})
        self.request_body = as_bytes(body) if json_body is None else json.dumps(json_body).encode()
        self.ip, self.protocol, self.target = ip, protocol, target
        self.locals = copy.deepcopy(locals or {})
        self.session = copy.deepcopy(session or {})
        self.flashes: "dict[str, Any]" = {}
        self.params: "list[tuple[str, str]]" = []
        self.options: "dict[str, Any]" = {}
        self.reads_body = False
        self.step = "route"
        self.status = 200
        self.fields: Fields = []
        self.body = b""

    @property
    def looks_like_asset(self) -> bool:
        """A dot inside the last segment."""
        return re.search(r"[^/]\.[^/]+$", self.path) is not None

    def set_fields(self, block: bytes) -> None:
        """For each name in the block: its values in place of those that are there."""
        fresh = _checked(block)
        names = {name for name, _ in fresh}
        self.fields = [pair for pair in self.fields if pair[0] not in names] + fresh

    def append_fields(self, block: bytes) -> None:
        self.fields += _checked(block)

    def answer_as_target(self) -> bool:
        """The target's status wins and so do its headers, but for `set-cookie`, which adds."""
        if self.target is None:
            return False
        own = pairs(self.target.headers)
        names = {name for name, _ in own if name != "set-cookie"}
        self.fields = [pair for pair in self.fields if pair[0] not in names] + own
        self.status, self.body = self.target.status, as_bytes(self.target.body)
        return True

    def answer_as_error(self, status: int, message: str) -> None:
        self.status, self.body = status, message.encode()


def pairs(headers: "Mapping[str, str | list[str]]") -> Fields:
    """Fields of a mapping; a list is several of one name."""
    return [
        (name.lower(), value)
        for name, values in headers.items()
        for value in ([values] if isinstance(values, str) else values)
    ]


def joined(list_of_fields: Fields, name: str) -> "bytes | None":
    """The values of one header, joined."""
    found = [value for field_name, value in list_of_fields if field_name == name.lower()]
    return ("; " if name.lower() == "cookie" else ", ").join(found).encode() if found else None


def block(list_of_fields: Fields) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in list_of_fields).encode()


def as_bytes(data: "str | bytes") -> bytes:
    return data.encode() if isinstance(data, str) else data


def _checked(given: bytes) -> Fields:
    fresh = list(fields(given))
    for name, _ in fresh:
        if name in _CONNECTION:
            raise Refused("E_HOOK_BAD_RESPONSE", f"header `{name}` belongs to the connection", 502)
    return fresh
