"""Plain HTTP requests, each with a limit for all of it."""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from collections.abc import Mapping
from functools import cached_property

import httpx

from goaround.ports import Answer

_BODY_BYTES = 64 * 1024
_SHOWN_CHARACTERS = 200


class PlainHttp:
    """``ports.Http``. Follows no redirects, uses no proxy of the environment, keeps no connection.

    ``detail`` is the reason for no answer, where a redirect leads, or the status in words and how the body begins.
    """

    def get(self, url: str, timeout_seconds: float) -> Answer:
        """See the port. Raises nothing."""
        return self._answer("GET", url, b"", {}, timeout_seconds)

    def post(self, url: str, body: bytes, headers: Mapping[str, str], timeout_seconds: float) -> Answer:
        """See the port. Raises nothing."""
        return self._answer("POST", url, body, headers, timeout_seconds)

    def _answer(self, method: str, url: str, body: bytes, headers: Mapping[str, str], timeout: float) -> Answer:
        began = time.monotonic()
        try:
            # The client's own limits are for each read, so a drip of bytes could take for ever: one limit for all.
            status, detail = asyncio.run(asyncio.wait_for(self._ask(method, url, body, headers), timeout))
        except TimeoutError:
            status, detail = None, f"no complete answer within {timeout:g} s"
        except Exception as error:  # noqa: BLE001 (whatever a URL or a server makes the libraries raise: no answer)
            status, detail = None, _reason(error)
        return Answer(status, detail, time.monotonic() - began)

    async def _ask(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int | None, str]:
        client = httpx.AsyncClient(verify=self._tls, trust_env=False, follow_redirects=False, timeout=None)
        async with client, client.stream(method, url, content=body or None, headers=dict(headers)) as answer:
            content = b""
            async for piece in answer.aiter_bytes():
                content += piece
                if len(content) >= _BODY_BYTES:
                    break
            return answer.status_code, _in_words(answer, content)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return httpx.create_ssl_context()


def _in_words(answer: httpx.Response, content: bytes) -> str:
    if answer.has_redirect_location:
        return f"redirects to {answer.headers['location']}"
    begins = " ".join(content.decode("utf-8", "replace").split())[:_SHOWN_CHARACTERS]
    return ": ".join(filter(None, (answer.reason_phrase, begins)))


def _reason(error: BaseException) -> str:
    """The innermost cause that has words, such as *Connection refused*."""
    words, seen = str(error) or type(error).__name__, error
    while (deeper := _cause(seen)) is not None:
        seen = deeper
        if isinstance(seen, OSError) and seen.strerror:
            words = os.strerror(seen.errno) if isinstance(seen, ConnectionError) and seen.errno else seen.strerror
    return words


def _cause(error: BaseException) -> BaseException | None:
    return error.exceptions[0] if isinstance(error, BaseExceptionGroup) else error.__cause__ or error.__context__
