"""A request every second that leaves a line in the log of a proxy, so that a gap in the log shows."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

_EVERY_SECONDS = 1.0
_TIMEOUT_SECONDS = 1.0


class Heartbeat:
    """GETs a URL every second in a poll loop without ever blocking it. What is answered does not matter."""

    def __init__(self, url: str, poll: select.poll) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._request = f"GET {parts.path or '/'} HTTP/1.0\r\nHost: {parts.netloc}\r\n\r\n".encode()
        self._poll = poll
        self._socket: socket.socket | None = None
        self._sent = False
        self.due_at = time.monotonic()
        """When ``step`` has something to do again."""

    def step(self, now: float) -> None:
        """Begin the next request if it is time; give up one that got no answer."""
        if now < self.due_at:
            return
        self._close()
        self.due_at = now + max(_EVERY_SECONDS, _TIMEOUT_SECONDS)
        try:
            family = socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET
            self._socket = socket.socket(family, socket.SOCK_STREAM)
            self._socket.setblocking(False)
            self._socket.connect_ex(self._address)
            self._poll.register(self._socket, select.POLLOUT)
        except OSError:
            self._close()

    def answer(self, ready: Mapping[int, int]) -> None:
        """Go on with the request if its socket is ready."""
        if self._socket is None or self._socket.fileno() not in ready:
            return
        try:
            if not self._sent:
                self._socket.send(self._request)
                self._sent = True
                self._poll.modify(self._socket, select.POLLIN)
            elif not self._socket.recv(65536):
                self._close()
        except BlockingIOError:
            return
        except OSError:
            self._close()

    def _close(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(KeyError):  # it never came as far as being watched
                self._poll.unregister(self._socket)
            self._socket.close()
        self._socket, self._sent = None, False
