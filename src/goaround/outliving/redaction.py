"""Secrets taken out of a stream of bytes, also where a secret comes in two pieces; standard library only."""

from __future__ import annotations

import re
from collections.abc import Iterable

STARS = b"***"


class Redactor:
    """Replaces every secret in what is fed to it. Holds back only what may turn out to be the start of one."""

    def __init__(self, secrets: Iterable[str]) -> None:
        found = {secret.encode("utf-8", "surrogateescape") for secret in secrets} - {b""}
        self._secrets = sorted(found, key=len, reverse=True)  # the longest first, should one contain another
        self._pattern = re.compile(b"|".join(map(re.escape, self._secrets))) if found else None
        self._held = b""

    def feed(self, chunk: bytes) -> bytes:
        """What can be shown now."""
        if self._pattern is None:
            return chunk
        data, shown, at = self._held + chunk, [], 0
        while True:
            match = self._pattern.search(data, at)
            # A secret that began earlier, or at the same place and is longer, may be still to come: wait for it.
            pending = self._pending_from(data, at)
            if match is None or match.start() >= pending:
                break
            shown += [data[at : match.start()], STARS]
            at = match.end()
        self._held = data[pending:]
        return b"".join([*shown, data[at:pending]])

    def finish(self) -> bytes:
        """What was held back, when nothing follows any more."""
        held, self._held = self._held, b""
        return held if self._pattern is None else self._pattern.sub(STARS, held)

    def _pending_from(self, data: bytes, at: int) -> int:
        """Where the longest end of the data begins that is the beginning of a secret."""
        return min((self._begins(secret, data, at) for secret in self._secrets), default=len(data))

    @staticmethod
    def _begins(secret: bytes, data: bytes, at: int) -> int:
        for length in range(min(len(secret) - 1, len(data) - at), 0, -1):
            if data.endswith(secret[:length]):
                return len(data) - length
        return len(data)
