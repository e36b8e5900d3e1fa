"""Defines what goes wrong, from a hook to the host and back."""

import json
import traceback
from typing import Any


class HookError(Exception):
    """An error that says which response it makes.

    A client sees the message where the status is 400 to 499. Any other exception that a hook raises is a
    500. What the host refuses is raised as one of these.
    """

    def __init__(
        self, message: str, *, status: "int | None" = None, code: str = "", details: Any = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.details = details

    @classmethod
    def bad_request(cls, message: str, **more: Any) -> "HookError":
        """400."""
        return cls(message, status=400, **more)

    @classmethod
    def unauthorized(cls, message: str, **more: Any) -> "HookError":
        """401."""
        return cls(message, status=401, **more)

    @classmethod
    def forbidden(cls, message: str, **more: Any) -> "HookError":
        """403."""
        return cls(message, status=403, **more)

    @classmethod
    def not_found(cls, message: str, **more: Any) -> "HookError":
        """404."""
        return cls(message, status=404, **more)

    @classmethod
    def of_host(cls, raised: BaseException) -> "HookError | None":
        """What the host raised, `Err(error)` in its bindings, as an error of ours; none if it is another."""
        record = getattr(raised, "value", None)
        code, message = getattr(record, "code", None), getattr(record, "message", None)
        if not isinstance(code, str) or not isinstance(message, str):
            return None
        details = record.details if record else None
        return cls(
            message,
            status=record.status if record else None,
            code=code,
            details=None if details is None else json.loads(details),
        )


def parts(raised: BaseException) -> "tuple[str, str, int | None, str | None]":
    """Whatever was raised, as code, message, status and details of the world's record `error`."""
    if isinstance(raised, HookError):
        return raised.code, raised.message, _status(raised.status), _json(raised.details)
    # The type tells a KeyError, whose text alone says little, from what a hook says itself.
    said = str(raised)
    name = type(raised).__name__
    stack = "".join(traceback.format_exception(type(raised), raised, raised.__traceback__))
    return "", f"{name}: {said}" if said else name, None, _json({"stack": stack[-3000:]})


def _status(status: "int | None") -> "int | None":
    return status if isinstance(status, int) and 400 <= status <= 599 else None


def _json(details: Any) -> "str | None":
    try:
        return None if details is None else json.dumps(details)
    except (TypeError, ValueError):
        return None
