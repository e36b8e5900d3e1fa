"""Where the host's functions are found: those of the component's imports in a component, those of
`boathook.testing` in a test. Nothing else in the SDK knows which of the two it is."""

import json
from typing import Any, Callable, TypeVar

from .errors import HookError

T = TypeVar("T")


class _Host:
    """One attribute an interface of the world's imports: `request`, `response`, `kv`, ..."""

    def __getattr__(self, interface: str) -> Any:
        raise HookError(
            f"no host: `{interface}` was asked for outside of a component and of a test\n"
            "hint: in a test, lift the hook by `boathook.testing.lift`"
        )


host: Any = _Host()


def bind(**interfaces: Any) -> None:
    """Puts these interfaces in place of those that were there."""
    vars(host).update(interfaces)


def ask(call: Callable[..., T], *arguments: Any) -> T:
    """Calls the host, and turns its error into a `HookError`."""
    try:
        return call(*arguments)
    except Exception as raised:
        error = HookError.of_host(raised)
        if error is None:
            raise
        raise error from None


def text(value: Any) -> str:
    """The JSON text of a value."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def value(json_text: "str | None") -> Any:
    """The value of a JSON text of the host's; none where the host has none."""
    return None if json_text is None else json.loads(json_text)
