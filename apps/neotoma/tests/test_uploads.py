"""An upload is held to its limit as it arrives, whatever its sender says; a form gives its file."""

import pytest
from starlette.requests import Request
from starlette.types import Message

from neotoma import uploads
from neotoma.bounded import DISCARD, LARGER, Body
from neotoma.problems import Problem

pytestmark = pytest.mark.anyio
CHUNK = 64 * 1024
HEAD = b'--b\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\n'
TAIL = b"\r\n--b--\r\n"


def request(*pieces: bytes, **headers: str) -> Request:
    """A request with a form that comes in pieces."""
    coming = list(pieces)

    async def receive() -> Message:
        return {"type": "http.request", "body": coming.pop(0), "more_body": bool(coming)}

    sent = {"content-type": "multipart/form-data; boundary=b"}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    raw = [(name.encode(), value.encode()) for name, value in sent.items()]
    return Request({"type": "http", "method": "POST", "headers": raw}, receive)


async def refusal(asked: Request) -> tuple[int, str]:
    """How it is refused."""
    with pytest.raises(Problem) as refused:
        async with uploads.read(asked):
            pass
    return refused.value.status, refused.value.code


async def refused_after(length: int, declared: str = "") -> int:
    """Send ``length`` bytes to a limit of 1 MB; returns how many were taken before they were refused as too large."""
    taken = 0

    async def receive() -> Message:
        nonlocal taken
        taken += CHUNK
        return {"type": "http.request", "body": bytes(CHUNK), "more_body": taken < length}

    body = Body(receive, 2**20, declared)
    while taken < 2**20 and not declared.isdecimal():
        assert len((await body())["body"]) == CHUNK
    with pytest.raises(Problem) as refused:
        await body()
    assert (refused.value.status, refused.value.code) == (413, "too_large")
    return taken


async def test_a_form_gives_the_file_its_name_and_the_other_fields() -> None:
    field = b'--b\r\nContent-Disposition: form-data; name="csrf"\r\n\r\nsecret\r\n'
    async with uploads.read(request(field + HEAD % b"a.txt" + b"hel", b"lo" + TAIL)) as upload:
        assert (upload.name, upload.form["csrf"]) == ("a.txt", "secret")
        assert b"".join([piece async for piece in upload.chunks]) == b"hello"


async def test_a_large_file_comes_in_pieces_and_whole() -> None:
    body = [HEAD % b"a.txt", *[b"x" * 2**20] * 5, TAIL]
    async with uploads.read(request(*body)) as upload:
        pieces = [len(piece) async for piece in upload.chunks]
    assert (sum(pieces), max(pieces)) == (5 * 2**20, uploads.CHUNK)


async def test_a_refused_request_is_read_to_its_end_so_that_its_sender_can_read_the_answer() -> None:
    for declared in ("", "99999999999", "x", "-1"):
        assert await refused_after(320 * CHUNK, declared) == 320 * CHUNK


async def test_an_endless_request_is_cut_off() -> None:
    assert await refused_after(10**12) <= DISCARD + CHUNK


async def test_the_longest_file_fits_its_request() -> None:
    assert LARGER["/api/sources"] - uploads.LARGEST_FILE == 64 * 1024


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("a.txt", "a.txt"),
        ("C:\\Users\\ada\\a.txt", "a.txt"),
        ("../../etc/a.txt", "a.txt"),
        ("  a\r\n\x00\u202e.txt ", "a.txt"),
        ("ca\u0301fe.txt", "c\u00e1fe.txt"),
        ("発票.pdf", "発票.pdf"),
        ("..", ".."),
    ],
)
async def test_a_name_is_the_files_own_without_folders_and_tricks(sent: str, kept: str) -> None:
    assert uploads.clean(sent) == kept


@pytest.mark.parametrize("name", ["", "/", " ", "\x00", "n" * 256])
async def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(Problem, match="Rename it"):
        uploads.clean(name)


async def test_a_form_that_is_none_is_refused_and_says_what_to_send() -> None:
    empty = b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\ntext' + TAIL
    assert await refusal(request(empty)) == (422, "no_file")
    assert await refusal(request(b"raw", content_type="text/plain")) == (422, "no_file")
    assert await refusal(request(b"--b", content_type="multipart/form-data")) == (400, "bad_form")
    assert await refusal(request(b"nonsense" + TAIL)) == (400, "bad_form")
    two = HEAD % b"a.txt" + b"a\r\n" + HEAD % b"b.txt" + b"b" + TAIL
    assert await refusal(request(two)) == (400, "bad_form")
