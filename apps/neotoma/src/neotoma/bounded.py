"""No request is longer than its address takes, whatever it says of itself and whoever reads it."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from neotoma.problems import Problem

LARGEST = 2 * 1024 * 1024
"""Bytes of any request that is not among ``LARGER``; MCP sends small files in base64."""
DISCARD = 200 * 1024 * 1024
"""How much of a refused request is read to its end: then its sender can read the refusal."""
LARGER = {"/api/sources": 50 * 1024 * 1024 + 64 * 1024, "/upload": DISCARD, "/api/import": 16 * 1024**3}


class Bounded:
    """Wraps the application."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http":
            receive = Body(receive, LARGER.get(scope["path"], LARGEST), Headers(scope=scope).get("content-length", ""))
        await self.app(scope, receive, send)


class Body:
    """The messages of a request until they are too long; then the rest is thrown away, and Problem raised.

    Of one that says so beforehand nothing is handed on.
    """

    def __init__(self, receive: Receive, limit: int, declared: str = "") -> None:
        self._receive, self._limit, self._bytes = receive, limit, 0
        self._declared = int(declared) if declared.isascii() and declared.isdecimal() else 0

    async def __call__(self) -> Message:
        """The next message. Raises Problem 413."""
        message = await self._receive()
        self._bytes += len(message.get("body", b""))
        if message["type"] != "http.request" or max(self._bytes, self._declared) <= self._limit:
            return message
        while message.get("more_body") and self._bytes < DISCARD:
            message = await self._receive()
            self._bytes += len(message.get("body", b""))
        raise too_large(self._limit)


def too_large(limit: int) -> Problem:
    """The refusal of what is over a limit in bytes."""
    message = f"That is larger than {limit // 2**20} MB. Divide it, or leave out what you do not need."
    return Problem(413, "too_large", message, limit_bytes=limit)
