"""The interfaces about the exchange at hand: `request`, `response`, `session`."""

import json
from typing import Any, Callable
from urllib.parse import unquote

from .exchange import Exchange, block, joined, pairs
from .refused import Refused

_ALL = ("route", "response", "finish")
_OPEN = ("route", "response")


class Ambient:
    """What the three interfaces share: where the exchange is, and until when it can be changed."""

    def __init__(self, at_hand: "Callable[[], Exchange | None]") -> None:
        self._at_hand = at_hand

    def _at(self, steps: "tuple[str, ...]" = _ALL) -> Exchange:
        exchange = self._at_hand()
        if exchange is None:
            raise Refused("E_NO_EXCHANGE", "there is no exchange at hand")
        if exchange.step not in steps:
            raise Refused("E_TOO_LATE", f"too late for that: {exchange.step}")
        return exchange


class RequestInterface(Ambient):
    def method(self) -> str:
        return self._at().method

    def path(self) -> str:
        return self._at().path

    def query(self) -> str:
        return self._at().query

    def param(self, name: str) -> "str | None":
        return dict(self._at().params).get(name)

    def params(self) -> "list[tuple[str, str]]":
        return self._at().params

    def header(self, name: str) -> "bytes | None":
        return joined(self._at().request_fields, name)

    def headers(self) -> bytes:
        return block(self._at().request_fields)

    def cookie(self, name: str) -> "str | None":
        return dict(self.cookies()).get(name)

    def cookies(self) -> "list[tuple[str, str]]":
        sent = (self.header("cookie") or b"").decode().split("; ")
        split = [pair.partition("=") for pair in sent]
        return [(name, unquote(value)) for name, equals, value in split if equals]

    def ip(self) -> str:
        return self._at().ip

    def protocol(self) -> str:
        return self._at().protocol

    def id(self) -> str:
        return "0000000000000001"

    def options(self) -> str:
        return json.dumps(self._at().options)

    def body(self) -> bytes:
        exchange = self._at()
        if not exchange.reads_body:
            raise Refused("E_BODY_NOT_DECLARED", "the route does not say `read_body`")
        return exchange.request_body

    def local(self, name: str) -> "str | None":
        return _json_of(self._at().locals, name)

    def locals(self) -> str:
        return json.dumps(self._at().locals)

    def set_local(self, name: str, value: str) -> None:
        self._at(_OPEN).locals[name] = json.loads(value)

    def set_header(self, name: str, value: bytes) -> None:
        self.remove_header(name)
        self._at(("route",)).request_fields += pairs({name: value.decode()})

    def remove_header(self, name: str) -> None:
        exchange = self._at(("route",))
        exchange.request_fields = [pair for pair in exchange.request_fields if pair[0] != name.lower()]

    def set_path(self, path: str) -> None:
        self._at(("route",)).path = path

    def set_query(self, query: str) -> None:
        self._at(("route",)).query = query

    def set_body(self, body: bytes) -> None:
        self._at(("route",)).request_body = body


class ResponseInterface(Ambient):
    def status(self) -> int:
        return self._at().status

    def set_status(self, status: int) -> None:
        if not 200 <= status <= 599:
            raise Refused("E_HOOK_BAD_RESPONSE", f"status {status}", 502)
        self._at(_OPEN).status = status

    def header(self, name: str) -> "bytes | None":
        return joined(self._at().fields, name)

    def headers(self) -> bytes:
        return block(self._at().fields)

    def set_headers(self, given: bytes) -> None:
        self._at(_OPEN).set_fields(given)

    def append_headers(self, given: bytes) -> None:
        self._at(_OPEN).append_fields(given)

    def remove_header(self, name: str) -> None:
        exchange = self._at(_OPEN)
        exchange.fields = [pair for pair in exchange.fields if pair[0] != name.lower()]

    def set_body(self, body: bytes) -> None:
        self._at(_OPEN).body = body

    def write_body(self, chunk: bytes) -> None:
        self._at(_OPEN).body += chunk

    def body(self) -> bytes:
        return self._at().body

    def redirect(self, location: str, status: "int | None") -> None:
        self.set_headers(f"location: {location}\r\n".encode())
        self.set_status(status or 302)
        self.set_body(f"Redirecting to {location}".encode())

    def json(self, data: str) -> None:
        self._answer(self.status(), "", data)

    def ok(self, data: "str | None") -> None:
        self._answer(200, "OK", data)

    def bad_request(self, data: "str | None") -> None:
        self._answer(400, "Bad Request", data)

    def unauthorized(self, data: "str | None") -> None:
        self._answer(401, "Unauthorized", data)

    def forbidden(self, data: "str | None") -> None:
        self._answer(403, "Forbidden", data)

    def not_found(self, data: "str | None") -> None:
        self._answer(404, "Not Found", data)

    def server_error(self, data: "str | None") -> None:
        self._answer(500, "Internal Server Error", data)

    def bytes_sent(self) -> int:
        exchange = self._at()
        return len(exchange.body) if exchange.step == "finish" else 0

    def elapsed(self) -> int:
        return 1_000_000

    def completed(self) -> bool:
        return self._at().step == "finish"

    def _answer(self, status: int, usual: str, data: "str | None") -> None:
        kind = "text/plain" if data is None else "application/json"
        self.set_status(status)
        self.set_headers(f"content-type: {kind}; charset=utf-8\r\n".encode())
        self.set_body((usual if data is None else data).encode())


class SessionInterface(Ambient):
    def get(self, key: str) -> "str | None":
        return _json_of(self._at().session, key)

    def all(self) -> str:
        return json.dumps(self._at().session)

    def set(self, key: str, value: str) -> None:
        self._at(_OPEN).session[key] = json.loads(value)

    def delete(self, key: str) -> None:
        self._at(_OPEN).session.pop(key, None)

    def destroy(self) -> None:
        self._at(_OPEN).session = {}

    def regenerate(self) -> None:
        self._at(_OPEN)

    def flash(self, key: str, value: str) -> None:
        self._at(_OPEN).flashes[key] = json.loads(value)

    def read_flash(self, key: str) -> "str | None":
        found = _json_of(self._at().flashes, key)
        self._at().flashes.pop(key, None)
        return found


def _json_of(values: "dict[str, Any]", key: str) -> "str | None":
    return json.dumps(values[key]) if key in values else None
