"""Asks other servers, as far as the operator grants it. The call waits for the answer."""

import json as jsons
from dataclasses import dataclass
from typing import Any, Mapping

from .errors import HookError
from .headers import Block, Headers
from .host import ask, host, text
from .request import encoded


@dataclass
class FetchResponse:
    """What came back."""

    status: int
    url: str
    headers: Headers
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether the status is 200 to 299."""
        return 200 <= self.status < 300

    def header(self, name: str) -> "str | None":
        """One header."""
        return self.headers.get(name)

    def text(self) -> str:
        """The body as text; bytes that are not UTF-8 are replaced."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body, read as JSON; what is none is an error with status 502."""
        try:
            return jsons.loads(self.body)
        except ValueError as error:
            message = f"the answer of {self.url} is not what was expected: {error}"
            raise HookError(message, code="E_FETCH_BODY", status=502) from None

    def successful(self) -> "FetchResponse":
        """This answer if its status is 200 to 299; else an error with status 502."""
        if self.ok:
            return self
        message = f"{self.url} answered with status {self.status}"
        raise HookError(message, code="E_FETCH_STATUS", status=502)


def fetch(
    url: str,
    *,
    method: str = "GET",
    headers: "Mapping[str, str] | None" = None,
    body: "str | bytes" = b"",
    json: Any = None,
    redirects: "int | None" = None,
    timeout: "float | None" = None,
) -> FetchResponse:
    """Sends a request and waits for the whole answer. `json` stands in place of `body`; `redirects` says how many
    to follow, none by default; `timeout` is in seconds."""
    block = Block()
    for name, value in (headers or {}).items():
        block.set(name, value)
    if json is not None and "content-type" not in block:
        block.set("content-type", "application/json")
    payload = encoded(body) if json is None else text(json).encode()
    options: "dict[str, int]" = {}
    if redirects is not None:
        options["redirects"] = redirects
    if timeout is not None:
        options["timeout"] = round(timeout * 1000)
    answer = ask(host.fetch.send, method.upper(), url, block.take(), payload, text(options))
    return FetchResponse(answer.status, answer.url, Headers(answer.headers), bytes(answer.body))
