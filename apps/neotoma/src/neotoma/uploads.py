"""Reads the uploaded file out of a request. How long a request may be at all is told in ``bounded``."""

import unicodedata
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request

from neotoma.bounded import too_large
from neotoma.extraction import MEDIA_TYPES
from neotoma.problems import Problem

LARGEST_FILE = 50 * 1024 * 1024
LONGEST_NAME = 255
CHUNK = 256 * 1024


@dataclass(frozen=True)
class Upload:
    """What a form brought: the file's own name, its bytes in pieces, and the form with its other fields."""

    name: str
    chunks: AsyncIterator[bytes]
    form: Mapping[str, Any]


@asynccontextmanager
async def read(request: Request) -> AsyncIterator[Upload]:
    """The form's ``file``, of which a large one is on the disk and never whole in memory. Raises Problem."""
    try:
        form = await request.form(max_files=1, max_fields=8, max_part_size=64 * 1024)
    except (HTTPException, MultiPartException) as error:
        reason = error.detail if isinstance(error, HTTPException) else error.message
        message = f"The form cannot be read: {reason} Send multipart/form-data with one field named file."
        raise Problem(400, "bad_form", message) from error
    try:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise Problem(422, "no_file", "Choose a file: the form has no field named file with one in it.")
        yield Upload(clean(file.filename or ""), _pieces(file), form)
    finally:
        await form.close()


def clean(sent: str) -> str:
    """The file's own name, without folders and control characters. Raises Problem 422."""
    printable = "".join(character for character in sent if unicodedata.category(character)[0] != "C")
    name = unicodedata.normalize("NFC", PurePosixPath(printable.replace("\\", "/")).name).strip()
    if not 0 < len(name) <= LONGEST_NAME:
        raise Problem(422, "bad_name", f"The file needs a name of 1 to {LONGEST_NAME} characters. Rename it.")
    return name


def media_type(name: str) -> str:
    """What the name's ending says. Raises Problem 415 for what we do not take."""
    suffix = PurePosixPath(name).suffix.lower()
    if found := MEDIA_TYPES.get(suffix):
        return found
    known = ", ".join(MEDIA_TYPES)
    message = f"We take no files that end in {suffix or 'nothing'}. Send one that ends in {known}."
    raise Problem(415, "unknown_type", message, known=sorted(MEDIA_TYPES))


async def limited(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The pieces as they come. Raises Problem when they are too many."""
    length = 0
    async for chunk in chunks:
        if (length := length + len(chunk)) > LARGEST_FILE:
            raise too_large(LARGEST_FILE)
        yield chunk


async def _pieces(file: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await file.read(CHUNK):
        yield chunk
