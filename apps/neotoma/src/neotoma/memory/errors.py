"""Why a memory refuses: always with a code for programs and a message that tells a person what to do."""

from typing import Any


class Refused(Exception):
    """The memory is as it was. ``status`` is what HTTP calls it."""

    status = 422

    def __init__(self, code: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.code, self.message, self.details = code, message, details


class NotThere(Refused):
    """What was asked for is not in this memory; nobody learns whether it is in another."""

    status = 404


class Conflict(Refused):
    """It contradicts what is there, such as a relationship that would close a circle."""

    status = 409


class Invalid(Refused):
    """The request makes no sense whatever is there."""
