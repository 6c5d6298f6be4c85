"""Reads the uploaded file out of a request, whatever its sender claims about its size."""

import unicodedata
from pathlib import PurePosixPath

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.types import Message

from neotoma.problems import Problem

LARGEST_FILE = 10 * 1024 * 1024
LARGEST_REQUEST = LARGEST_FILE + 64 * 1024  # the multipart envelope
LARGEST_DISCARD = 8 * LARGEST_REQUEST  # read to the end, so that the client can read the refusal
LONGEST_NAME = 255


async def read(request: Request) -> tuple[str, bytes]:
    """The name and the bytes of the form's ``file``. Raises Problem for anything else."""
    limited = Request(request.scope, _Limited(request))
    async with limited.form(max_files=1, max_fields=8) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise Problem(422, "no_file", "Choose a file: the form has no field named file with one in it.")
        content = await file.read()
        if len(content) > LARGEST_FILE:
            raise too_large()
        return _name(file.filename or ""), content


def too_large() -> Problem:
    """The refusal of a file over the limit."""
    message = "The file is larger than 10 MB. Divide it, or leave out what you do not need."
    return Problem(413, "too_large", message, limit_bytes=LARGEST_FILE)


class _Limited:
    """The body of a request as it arrives, until it is too large; then the rest is thrown away and Problem raised."""

    def __init__(self, request: Request) -> None:
        self._receive, self._bytes = request.receive, 0

    async def __call__(self) -> Message:
        message = await self._receive()
        self._bytes += len(message.get("body", b""))
        if self._bytes <= LARGEST_REQUEST:
            return message
        while message.get("more_body") and self._bytes < LARGEST_DISCARD:
            message = await self._receive()
            self._bytes += len(message.get("body", b""))
        raise too_large()


def _name(sent: str) -> str:
    """The file's own name, without folders and control characters."""
    printable = "".join(character for character in sent if unicodedata.category(character)[0] != "C")
    name = PurePosixPath(printable.replace("\\", "/")).name.strip()
    if not 0 < len(name) <= LONGEST_NAME:
        raise Problem(422, "bad_name", f"The file needs a name of 1 to {LONGEST_NAME} characters. Rename it.")
    return name
