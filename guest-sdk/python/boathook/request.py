"""Reads the request of the exchange at hand. Each getter asks the host for that one thing."""

import json
from typing import Any
from urllib.parse import parse_qs

from .errors import HookError
from .headers import Headers
from .host import ask, host, text, value


class Session:
    """Values that last from one request of a client to the next, by the grant `session = true`."""

    def get(self, key: str) -> Any:
        """The value of a key; none where there is none."""
        return value(ask(host.session.get, key))

    def all(self) -> "dict[str, Any]":
        """All keys with their values."""
        return value(ask(host.session.all))

    def set(self, key: str, data: Any) -> None:
        """Sets the value of a key. Where there was no session, one begins."""
        ask(host.session.set, key, text(data))

    def delete(self, key: str) -> None:
        """Removes a key."""
        ask(host.session.delete, key)

    def destroy(self) -> None:
        """Ends the session, and takes the cookie away from the client."""
        ask(host.session.destroy)

    def regenerate(self) -> None:
        """Gives the session a new id. Call it where a user logs in."""
        ask(host.session.regenerate)

    def flash(self, key: str, data: Any) -> None:
        """Leaves a value that is there until `read_flash` takes it, most often at the next request."""
        ask(host.session.flash, key, text(data))

    def read_flash(self, key: str) -> Any:
        """Takes a flash out; none where there is none."""
        return value(ask(host.session.read_flash, key))


class Request:
    """The request. A hook pays for what it reads."""

    #: The client's session. Nothing is read until it is asked for something.
    session = Session()

    @property
    def method(self) -> str:
        """In capitals: `GET`."""
        return host.request.method()

    @property
    def path(self) -> str:
        """The path, without the query."""
        return host.request.path()

    @property
    def query_string(self) -> str:
        """What stood behind the `?`, undecoded; empty where nothing did."""
        return host.request.query()

    @property
    def query(self) -> "dict[str, list[str]]":
        """The query, decoded: for each name the list of its values."""
        return parse_qs(self.query_string, keep_blank_values=True)

    def query_value(self, name: str) -> "str | None":
        """The first value of this name in the query."""
        return self.query.get(name, [None])[0]

    def param(self, name: str) -> "str | None":
        """A parameter of the route's address, decoded: `id` of `/users/:id`, `0` for the first `*`."""
        return host.request.param(name)

    @property
    def params(self) -> "dict[str, str]":
        """All parameters of the route's address."""
        return dict(host.request.params())

    def header(self, name: str) -> "str | None":
        """One header; none where it is missing or is not UTF-8."""
        return utf8(host.request.header(name))

    def header_bytes(self, name: str) -> "bytes | None":
        """The same as the bytes that it is."""
        return host.request.header(name)

    @property
    def headers(self) -> Headers:
        """All headers, in one crossing."""
        return Headers(host.request.headers())

    def cookie(self, name: str) -> "str | None":
        """One cookie, decoded."""
        return host.request.cookie(name)

    @property
    def cookies(self) -> "dict[str, str]":
        """All cookies, decoded."""
        return dict(host.request.cookies())

    @property
    def ip(self) -> str:
        """Who asks: the address of the peer, or what a trusted proxy says it is."""
        return host.request.ip()

    @property
    def protocol(self) -> str:
        """`http` or `https`."""
        return host.request.protocol()

    @property
    def id(self) -> str:
        """The request's id, as it stands in the log."""
        return host.request.id()

    @property
    def options(self) -> "dict[str, Any]":
        """The options of all routes that this request matches."""
        return value(host.request.options())

    def body(self) -> bytes:
        """The body. The route must say `read_body=True`. Over `limits.body` this is an error with status 413."""
        return ask(host.request.body)

    def text(self) -> str:
        """The body as text; bytes that are not UTF-8 are replaced."""
        return self.body().decode("utf-8", "replace")

    def json(self) -> Any:
        """The body, read as JSON; what is none is an error with status 400."""
        body = self.body()
        try:
            return json.loads(body)
        except ValueError as error:
            raise HookError.bad_request(f"body: {error}") from None

    def local(self, name: str) -> Any:
        """One local: a value that belongs to this exchange, for the hooks that follow and for observers."""
        return value(host.request.local(name))

    @property
    def locals(self) -> "dict[str, Any]":
        """All locals."""
        return value(host.request.locals())

    def set_local(self, name: str, data: Any) -> None:
        """Sets a local. Observers may, too."""
        ask(host.request.set_local, name, text(data))

    def set_header(self, name: str, value: "str | bytes") -> None:
        """Replaces all values of one header, for what follows in the chain."""
        ask(host.request.set_header, name, encoded(value))

    def remove_header(self, name: str) -> None:
        """Removes all values of one header, for what follows."""
        ask(host.request.remove_header, name)

    def set_path(self, path: str) -> None:
        """Replaces the path. What follows in the chain is matched anew."""
        ask(host.request.set_path, path)

    def set_query(self, query: str) -> None:
        """Replaces the query, for what follows; given without the `?`."""
        ask(host.request.set_query, query)

    def set_body(self, body: "str | bytes") -> None:
        """Replaces the body, for what follows."""
        ask(host.request.set_body, encoded(body))


def encoded(data: "str | bytes") -> bytes:
    """Text as UTF-8; bytes as they are."""
    return data.encode() if isinstance(data, str) else bytes(data)


def utf8(data: "bytes | None") -> "str | None":
    """The text of bytes; none where they are not UTF-8."""
    try:
        return None if data is None else bytes(data).decode()
    except UnicodeDecodeError:
        return None
