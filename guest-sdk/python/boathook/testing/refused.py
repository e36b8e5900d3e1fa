"""What the host raises, in the shape in which componentize-py raises it."""

from dataclasses import dataclass


@dataclass
class ErrorRecord:
    """The world's record `error`."""

    code: str
    message: str
    status: "int | None" = None
    details: "str | None" = None


class Refused(Exception):
    """An error of the host's."""

    def __init__(self, code: str, message: str, status: "int | None" = None) -> None:
        super().__init__(message)
        self.value = ErrorRecord(code, message, status)
