"""``/api/export`` and ``/api/import``: a whole memory as a tar of ``memory.jsonl`` and ``files/SHA256``.

A source whose bytes have gone from the storage has an empty ``gone/SHA256`` instead: it comes in without them, and its
file answers 410 there too. A tar with neither was damaged, and is refused.
"""

import io
import re
import tarfile
import tempfile
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from uuid import UUID

import anyio.to_thread
import psycopg
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from neotoma import tidy
from neotoma.accounts.current import caller
from neotoma.api.asking import strictly
from neotoma.memory import lines, portability
from neotoma.memory.errors import Invalid
from neotoma.nest import Nest
from neotoma.problems import unstorable

LINES = "memory.jsonl"
FILE = re.compile(r"(?:files|gone)/[0-9a-f]{64}")
BLOCK, PIECE = 512, 256 * 1024
SOURCES_OF_FILES = "SELECT sha256 FROM sources WHERE kind = 'file' ORDER BY sha256"
HEADERS = {"Content-Disposition": 'attachment; filename="memory.tar"', "Cache-Control": "no-store"}


async def export(request: Request) -> Response:
    """``GET /api/export``: everything, as it is at one moment. The same memory gives the same bytes."""
    who, nest = await caller(request), _nest(request)
    text = tempfile.TemporaryFile()  # noqa: SIM115 # closed by what sends it; a tar says lengths first
    try:
        async with nest.database.of(who.user) as connection:
            async for line in portability.export(connection):
                await anyio.to_thread.run_sync(text.write, line)
            found = await (await connection.execute(SOURCES_OF_FILES)).fetchall()
    except BaseException:
        text.close()
        raise
    paths = [(sha256, nest.storage.path(who.user, sha256)) for (sha256,) in found]
    return StreamingResponse(_tar(text, paths), media_type="application/x-tar", headers=HEADERS)


async def import_(request: Request) -> Response:
    """``POST /api/import`` with an exported tar as the body: adds it, all or nothing. Answers how much there was."""
    who, nest = await caller(request, "write"), _nest(request)
    try:
        staged = await nest.storage.stage(request.stream())
        try:
            with _opened(staged.path) as archive:
                return JSONResponse(await _taken(nest, who.user, archive))
        finally:
            await nest.storage.discard(staged)
    except OSError as error:
        raise unstorable(error) from error


async def _taken(nest: Nest, user: UUID, archive: "_Archive") -> dict[str, int]:
    """Rows first, in one transaction; then the files; then the commit. What was kept for nothing is deleted."""
    new: list[str] = []
    try:
        async with nest.database.of(user) as connection:
            read = dict(await portability.import_(connection, archive.lines()))
            for (sha256,) in await (await connection.execute(SOURCES_OF_FILES)).fetchall():
                if nest.storage.path(user, sha256).exists() or archive.says_gone(sha256):
                    continue
                new.append(sha256)
                await _keep(nest, user, archive, sha256)
    except BaseException:
        for sha256 in new:
            with suppress(psycopg.Error, OSError):
                await tidy.bytes_without_a_row(nest.database, nest.storage, user, sha256)
        raise
    return read


async def _keep(nest: Nest, user: UUID, archive: "_Archive", sha256: str) -> None:
    staged = await nest.storage.stage(archive.file(sha256))
    try:
        if staged.sha256 != sha256:
            raise _bad("a file in it is not what its name says")
        await nest.storage.keep(user, staged)
    finally:
        await nest.storage.discard(staged)


@dataclass(frozen=True)
class _Archive:
    """An opened tar, and its members by name; other names, links and folders are not looked at."""

    tar: tarfile.TarFile
    members: dict[str, tarfile.TarInfo]

    def __enter__(self) -> "_Archive":
        return self

    def __exit__(self, *_: object) -> None:
        self.tar.close()

    async def lines(self) -> AsyncIterator[bytes]:
        """The lines of the memory. Raises Invalid if there are none."""
        with self._open(LINES) as text:
            while batch := await anyio.to_thread.run_sync(_some_lines, text):
                for line in batch:
                    yield line

    def says_gone(self, sha256: str) -> bool:
        """Whether the bytes had gone when this was exported."""
        return f"files/{sha256}" not in self.members and f"gone/{sha256}" in self.members

    async def file(self, sha256: str) -> AsyncIterator[bytes]:
        """The bytes of a file. Raises Invalid if it is missing."""
        with self._open(f"files/{sha256}") as content:
            while piece := await anyio.to_thread.run_sync(content.read, PIECE):
                yield piece

    def _open(self, name: str) -> IO[bytes]:
        content = self.tar.extractfile(self.members[name]) if name in self.members else None
        if content is None:
            raise _bad(f"{name} is missing in it")
        return content


def _opened(path: Path) -> _Archive:
    """Uncompressed only, so that it is no larger than it came."""
    try:
        tar = tarfile.open(path, "r:")  # noqa: SIM115 # closed by _Archive
        members = {one.name: one for one in tar if one.isreg() and (one.name == LINES or FILE.fullmatch(one.name))}
    except (tarfile.TarError, ValueError, OverflowError, EOFError) as error:
        raise _bad("it is no tar, or not a whole one") from error
    return _Archive(tar, members)


def _some_lines(text: IO[bytes]) -> list[bytes]:
    return [line for line in (text.readline(lines.LONGEST_LINE + 1) for _ in range(200)) if line]


async def _tar(text: IO[bytes], files: list[tuple[str, Path]]) -> AsyncIterator[bytes]:
    """The archive, piece by piece."""
    with text:
        text.seek(0, 2)
        length = text.tell()
        text.seek(0)
        async for piece in _member(LINES, text, length):
            yield piece
    for sha256, path in files:
        try:
            content = path.open("rb")
        except FileNotFoundError:
            async for piece in _member(f"gone/{sha256}", io.BytesIO(), 0):
                yield piece
            continue
        with content:
            async for piece in _member(f"files/{sha256}", content, path.stat().st_size):
                yield piece
    yield bytes(2 * BLOCK)


async def _member(name: str, content: IO[bytes], length: int) -> AsyncIterator[bytes]:
    info = tarfile.TarInfo(name)
    info.size = length
    yield info.tobuf(tarfile.PAX_FORMAT)
    while piece := await anyio.to_thread.run_sync(content.read, PIECE):
        yield piece
    yield bytes(-length % BLOCK)


def _bad(why: str) -> Invalid:
    return Invalid("bad_export", f"This is no export of a memory: {why}. Nothing was stored. Export it again.")


def _nest(request: Request) -> Nest:
    nest: Nest = request.app.state.nest
    return nest


ROUTES: tuple[BaseRoute, ...] = strictly(
    (
        Route("/api/export", export, methods=["GET"]),
        Route("/api/import", import_, methods=["POST"]),
    )
)
