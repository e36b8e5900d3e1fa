"""Keeps values that outlive an instance, in namespaces, wherever the operator has them kept."""

import json
from dataclasses import dataclass
from typing import Any, Callable, Iterator

from .errors import HookError
from .host import ask, host, text

_PAGE = 100
#: Attempts of `update`: at each of them somebody else was quicker.
_ATTEMPTS = 100


@dataclass
class Counter:
    """What an increment came to: the number, and the seconds until it begins at zero again, if it does."""

    value: int
    left: "float | None"


class Namespace:
    """Keys and values, by the grant `kv = ["name"]`. Each call is one atomic step. Times are in seconds."""

    def __init__(self, name: str) -> None:
        self.name = name

    def get(self, key: str) -> Any:
        """The value of a key; none where there is none."""
        found = self.get_bytes(key)
        return None if found is None else self._parse(key, found)

    def set(self, key: str, data: Any, *, expires_in: "float | None" = None) -> None:
        """Sets a value."""
        self.set_bytes(key, text(data).encode(), expires_in=expires_in)

    def get_bytes(self, key: str) -> "bytes | None":
        """The bytes of a value."""
        return ask(host.kv.get, self.name, key)

    def set_bytes(self, key: str, data: bytes, *, expires_in: "float | None" = None) -> None:
        """Sets a value to bytes."""
        ask(host.kv.set, self.name, key, data, _ms(expires_in))

    def delete(self, key: str) -> bool:
        """Removes a value, and says whether there was one."""
        return ask(host.kv.delete, self.name, key)

    def compare_and_set(
        self, key: str, old: "bytes | None", new: "bytes | None", *, expires_in: "float | None" = None
    ) -> bool:
        """If the bytes that are there are `old`, none being nothing, sets them to `new`; says whether it did."""
        return ask(host.kv.compare_and_set, self.name, key, old, new, _ms(expires_in))

    def update(
        self, key: str, change: Callable[[Any], Any], *, expires_in: "float | None" = None
    ) -> Any:
        """Makes a value of the one that is there, again if somebody else changes it meanwhile, and returns it.
        None removes it."""
        for _ in range(_ATTEMPTS):
            old = self.get_bytes(key)
            new = change(None if old is None else self._parse(key, old))
            data = None if new is None else text(new).encode()
            if self.compare_and_set(key, old, data, expires_in=expires_in):
                return new
        raise HookError(f"kv `{self.name}`: `{key}` was changed by others {_ATTEMPTS} times")

    def increment(self, key: str, by: int = 1, *, window: "float | None" = None) -> Counter:
        """Adds to a number that begins at zero, and again so whenever `window` is over."""
        counter = ask(host.kv.increment, self.name, key, by, _ms(window))
        left = counter.left_ms
        return Counter(counter.value, None if left is None else left / 1000)

    def keys(self, prefix: str = "") -> Iterator[str]:
        """The keys that begin with a prefix, in no promised order."""
        cursor = None
        while True:
            page = ask(host.kv.keys, self.name, prefix, cursor, _PAGE)
            yield from page.keys
            cursor = page.cursor
            if cursor is None:
                return

    def _parse(self, key: str, found: bytes) -> Any:
        try:
            return json.loads(found)
        except ValueError as error:
            raise HookError(f"kv `{self.name}`: `{key}`: {error}") from None


def kv(name: str) -> Namespace:
    """The namespace of this name."""
    return Namespace(name)


def _ms(seconds: "float | None") -> "int | None":
    return None if seconds is None else round(seconds * 1000)
