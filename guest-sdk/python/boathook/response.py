"""Gathers what a handler says of the response, and hands it over in few crossings.

Setters do not cross into the host. At the end, or where a getter needs the host's view, what was gathered
crosses: the status if it was set, all headers as one block, the body.
"""

from typing import Any, Callable, Mapping
from urllib.parse import quote

from .headers import Block, Headers
from .host import ask, host, text
from .outcome import Outcome
from .request import encoded, utf8

_SAME_SITE = {"strict": "Strict", "lax": "Lax", "none": "None"}


class Response:
    """The response.

    What is set ahead of `NEXT` stays, but for a body; where the app's target answers then, its status and its
    headers of the same name win. What must win is set by an observer.
    """

    def __init__(self) -> None:
        self._status: "int | None" = None
        self._set = Block()
        self._appended = Block()
        self._body: "bytes | None" = None
        self._written = b""
        #: How the handler's step ends, if it has answered.
        self.outcome: "Outcome | None" = None

    def status(self, status: int) -> "Response":
        """Sets the status, 200 to 599."""
        self._status = status
        return self

    def set_header(self, name: str, value: "str | list[str]") -> "Response":
        """Replaces all values of one header, by one value or by a list of them."""
        # The host sees blocks, not their order: what was appended before this goes ahead.
        if self._appended:
            self.hand_over(with_body=False)
        self._set.set(name, value)
        return self

    def set_headers(self, headers: "Mapping[str, str | list[str]]") -> "Response":
        """The same for each key."""
        for name, value in headers.items():
            self.set_header(name, value)
        return self

    def append_header(self, name: str, value: str) -> "Response":
        """Adds a value to those that are there."""
        self._appended.append(name, value)
        return self

    def remove_header(self, name: str) -> "Response":
        """Removes all values of one header."""
        self._set.remove(name)
        self._appended.remove(name)
        ask(host.response.remove_header, name)
        return self

    def cookie(
        self,
        name: str,
        value: str,
        *,
        path: str = "/",
        domain: "str | None" = None,
        max_age: "int | None" = None,
        same_site: "str | None" = None,
        http_only: bool = False,
        secure: bool = False,
    ) -> "Response":
        """Adds a `set-cookie`. `max_age` is in seconds; `same_site` is `strict`, `lax` or `none`."""
        site = None if same_site is None else _SAME_SITE[same_site.lower()]
        attributes = [
            f"{quote(name, safe='')}={quote(value, safe='')}",
            f"Path={path.replace(';', '%3B')}",
            domain and f"Domain={domain.replace(';', '%3B')}",
            max_age is not None and f"Max-Age={max_age}",
            site and f"SameSite={site}",
            http_only and "HttpOnly",
            # Browsers take `None` with `Secure` alone.
            (secure or site == "None") and "Secure",
        ]
        return self.append_header("set-cookie", "; ".join(filter(None, attributes)))

    def clear_cookie(self, name: str, **options: Any) -> "Response":
        """Makes the browser forget a cookie."""
        return self.cookie(name, "", **{**options, "max_age": 0})

    def set_body(self, body: "str | bytes") -> "Response":
        """Sets the whole body, and goes on."""
        self._body, self._written = encoded(body), b""
        return self

    def write(self, chunk: "str | bytes") -> "Response":
        """Adds to the body, and goes on."""
        self._written += encoded(chunk)
        return self

    def send(self, body: "str | bytes") -> Outcome:
        """Answers with this body; the content type is the one that was set."""
        self.set_body(body)
        return self._answered()

    def text(self, body: str) -> Outcome:
        """Answers with text."""
        return self._default_type("text/plain; charset=utf-8").send(body)

    def html(self, body: str) -> Outcome:
        """Answers with HTML."""
        return self._default_type("text/html; charset=utf-8").send(body)

    def json(self, data: Any) -> Outcome:
        """Answers with JSON. Status and content type are those that were set."""
        return self._default_type("application/json; charset=utf-8").send(text(data))

    def redirect(self, location: str, status: "int | None" = None) -> Outcome:
        """Sends the client elsewhere: with this status, or the one that was set, if it is 300 to 399, else 302."""
        wanted = status or self._status
        wanted = wanted if wanted and 300 <= wanted < 400 else None
        return self._helper(host.response.redirect, location, wanted)

    def ok(self, data: Any = None) -> Outcome:
        """200 with this as JSON. For this helper and those below: without data the body is the status' usual text."""
        return self._helper(host.response.ok, _optional(data))

    def bad_request(self, data: Any = None) -> Outcome:
        """400 with this as JSON."""
        return self._helper(host.response.bad_request, _optional(data))

    def unauthorized(self, data: Any = None) -> Outcome:
        """401 with this as JSON."""
        return self._helper(host.response.unauthorized, _optional(data))

    def forbidden(self, data: Any = None) -> Outcome:
        """403 with this as JSON."""
        return self._helper(host.response.forbidden, _optional(data))

    def not_found(self, data: Any = None) -> Outcome:
        """404 with this as JSON."""
        return self._helper(host.response.not_found, _optional(data))

    def server_error(self, data: Any = None) -> Outcome:
        """500, with this as JSON in development and without it elsewhere."""
        return self._helper(host.response.server_error, _optional(data))

    @property
    def status_code(self) -> int:
        """The status as it stands."""
        return host.response.status() if self._status is None else self._status

    def header(self, name: str) -> "str | None":
        """One header as it stands; its values joined by `, `."""
        self.hand_over(with_body=False)
        return utf8(host.response.header(name))

    @property
    def headers(self) -> Headers:
        """All headers as they stand."""
        self.hand_over(with_body=False)
        return Headers(host.response.headers())

    def body(self) -> bytes:
        """The body as it stands. In an observer the host gathers it from whoever answers; over `limits.body`, and
        for an event stream, this is an error, and the body flows on untouched."""
        self.hand_over(with_body=True)
        return ask(host.response.body)

    def hand_over(self, *, with_body: bool) -> None:
        """Hands what was gathered to the host. The SDK does so when a handler returns."""
        if self._status is not None:
            status, self._status = self._status, None
            ask(host.response.set_status, status)
        if self._set:
            ask(host.response.set_headers, self._set.take())
        if self._appended:
            ask(host.response.append_headers, self._appended.take())
        if not with_body:
            return
        (body, self._body), (written, self._written) = (self._body, None), (self._written, b"")
        if body is not None:
            ask(host.response.set_body, body)
        if written:
            ask(host.response.write_body, written)

    def _default_type(self, value: str) -> "Response":
        return self if "content-type" in self._set else self.set_header("content-type", value)

    def _helper(self, helper: Callable[..., None], *arguments: Any) -> Outcome:
        # A helper of the host's sets status and body itself.
        self._status, self._body, self._written = None, None, b""
        self.hand_over(with_body=False)
        ask(helper, *arguments)
        return self._answered()

    def _answered(self) -> Outcome:
        self.outcome = Outcome.RESPOND
        return Outcome.RESPOND


class Finish:
    """The response when it is out: it can be read, and nothing can be changed any more."""

    @property
    def status_code(self) -> int:
        """The status that was sent."""
        return host.response.status()

    def header(self, name: str) -> "str | None":
        """One header that was sent."""
        return utf8(host.response.header(name))

    @property
    def bytes_sent(self) -> int:
        """Bytes of body that went to the client."""
        return host.response.bytes_sent()

    @property
    def elapsed(self) -> float:
        """Seconds from the request's head to the last byte."""
        return host.response.elapsed() / 1e9

    @property
    def completed(self) -> bool:
        """Whether the client received everything."""
        return host.response.completed()


def _optional(data: Any) -> "str | None":
    return None if data is None else text(data)
