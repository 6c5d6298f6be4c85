"""An upload is held to its limit as it arrives, whatever its sender says."""

import asyncio

import pytest
from starlette.requests import Request
from starlette.types import Message

from neotoma import uploads
from neotoma.problems import Problem

CHUNK = 64 * 1024
HEAD = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'


def refused_after(length: int) -> int:
    """Send an upload of ``length`` bytes; returns how many were taken before it was refused as too large."""
    taken = 0

    async def receive() -> Message:
        nonlocal taken
        body = (HEAD if taken == 0 else b"").ljust(CHUNK, b"x")
        taken += CHUNK
        return {"type": "http.request", "body": body, "more_body": taken < length}

    headers = [(b"content-type", b"multipart/form-data; boundary=b")]
    request = Request({"type": "http", "method": "POST", "headers": headers}, receive)
    with pytest.raises(Problem) as refusal:
        asyncio.run(uploads.read(request))
    assert (refusal.value.status, refusal.value.code) == (413, "too_large")
    return taken


def test_a_refused_upload_is_read_to_its_end_so_that_its_sender_can_read_the_answer() -> None:
    assert refused_after(320 * CHUNK) == 320 * CHUNK


def test_an_endless_upload_is_cut_off() -> None:
    assert refused_after(10**12) <= uploads.LARGEST_DISCARD + CHUNK
