"""Reads and writes header blocks: `name: value` and CRLF, one field after the other."""

import re
from typing import Iterator, Mapping

from .errors import HookError

_NAME = re.compile(r"[\x21-\x39\x3b-\x7e]+")
_ENDS_A_FIELD = re.compile(r"[\r\n\0]")


class Headers(Mapping[str, str]):
    """Headers that were read. Names ignore case; where one has several values they are joined."""

    def __init__(self, block: bytes) -> None:
        self._fields = list(fields(block))

    def __getitem__(self, name: str) -> str:
        found = [value for field, value in self._fields if field == name.lower()]
        if not found:
            raise KeyError(name)
        return ("; " if name.lower() == "cookie" else ", ").join(found)

    def __iter__(self) -> Iterator[str]:
        return iter(dict(self._fields))

    def __len__(self) -> int:
        return len(dict(self._fields))

    def all(self, name: str) -> "list[str]":
        """The values of a header one by one."""
        return [value for field, value in self._fields if field == name.lower()]


def fields(block: bytes) -> "Iterator[tuple[str, str]]":
    """The fields of a block, in order; names in lower case. What is no UTF-8 in a value is replaced."""
    for line in block.decode("utf-8", "replace").split("\n"):
        name, colon, value = line.partition(":")
        if name and colon:
            yield name.lower(), value.strip()


class Block:
    """A block in the making."""

    def __init__(self) -> None:
        self._fields: "list[tuple[str, str]]" = []

    def __bool__(self) -> bool:
        return bool(self._fields)

    def __contains__(self, name: str) -> bool:
        return any(field == name.lower() for field, _ in self._fields)

    def append(self, name: str, value: str) -> None:
        """Adds a field. What could end one early is refused here: in a block the host could no longer tell."""
        if not _NAME.fullmatch(name):
            raise _refused(f"not the name of a header: `{name}`")
        if _ENDS_A_FIELD.search(value):
            raise _refused(f"header `{name}`: line break or NUL in the value")
        self._fields.append((name.lower(), value))

    def set(self, name: str, value: "str | list[str]") -> None:
        """Puts one value, or a list of them, in place of all of that name."""
        self.remove(name)
        for each in [value] if isinstance(value, str) else value:
            self.append(name, each)

    def remove(self, name: str) -> None:
        self._fields = [field for field in self._fields if field[0] != name.lower()]

    def take(self) -> bytes:
        """The block's bytes; it is empty afterwards."""
        taken, self._fields = self._fields, []
        return "".join(f"{name}: {value}\r\n" for name, value in taken).encode()


def _refused(message: str) -> HookError:
    return HookError(message, code="E_HOOK_BAD_RESPONSE", status=502)
