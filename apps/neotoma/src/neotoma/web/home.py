"""The first page, and the form on it for browsers that run no script."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from neotoma import ingest, problems
from neotoma.accounts import csrf
from neotoma.accounts.caller import Caller
from neotoma.accounts.current import caller
from neotoma.extraction import MEDIA_TYPES
from neotoma.memory import entities, sources, timeline
from neotoma.memory.errors import Refused
from neotoma.problems import Problem
from neotoma.uploads import LARGEST_FILE
from neotoma.web.rendering import page, person, see_other
from neotoma.web.signed import nest_of

NEWEST = 8
SOONEST = 4
MOST_TYPES = 8
MOST_FILES = 20
PIECE = 256 * 1024  # bytes
"""Of a file that arrived in a form, handed on at once."""


async def home(request: Request) -> Response:
    """``GET /``: what neotoma is, for a visitor; one's own memory, for a person."""
    if (who := await person(request)) is None:
        return page(request, "landing.html", None)
    request.state.caller = who
    return await _home(request, who, [])


async def _home(request: Request, who: Caller, refused: list[Problem]) -> Response:
    async with nest_of(request).database.of(who.user) as connection:
        counted = await sources.counts(connection)
        types = await entities.types(connection)
        newest = await sources.page(connection, NEWEST)
        soon = await timeline.page(connection, start=datetime.now(UTC).date(), limit=SOONEST)
    counts = SimpleNamespace(
        sources=counted.ready + counted.processing + counted.failed,
        entities=sum(count for _, count in types),
        types=len(types),
    )
    context: dict[str, Any] = {"counts": counts, "types": _foremost(types), "sources": newest.items, "soon": soon.items}
    context |= {"limit": LARGEST_FILE, "accept": ",".join(MEDIA_TYPES), "problems": refused}
    return page(request, "home.html", who, refused[0].status if refused else 200, **context)


def _foremost(types: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """The types with the most entities."""
    return sorted(types, key=lambda counted: (-counted[1], counted[0]))[:MOST_TYPES]


async def upload(request: Request) -> Response:
    """``POST /upload``: files from a plain form. Each that is refused is told by itself; the others are kept."""
    request.state.caller = who = await caller(request, "write")
    async with request.form(max_files=MOST_FILES, max_fields=8) as form:
        csrf.check(request, who, form)
        files = [file for file in form.getlist("file") if isinstance(file, UploadFile) and file.filename]
        if not files:
            raise Problem(422, "no_file", "Choose at least one file first.")
        stored, refused = [], []
        for file in files:
            try:
                stored.append(await _stored(request, who, file))
            except (*problems.UNDERSTOOD, Refused) as error:
                problem = problems.understood(error)
                details = {**problem.details, "name": file.filename}
                refused.append(Problem(problem.status, problem.code, problem.message, **details))
    if refused:
        return await _home(request, who, refused)
    if len(stored) == 1:
        (one,) = stored
        return see_other(f"/sources/{one.source.id}", done="otherwise" if one.sent_as else one.outcome)
    return see_other("/", done="several-otherwise" if any(one.sent_as for one in stored) else "several")


async def _stored(request: Request, who: Caller, file: UploadFile) -> ingest.Stored:
    return await ingest.store_file(nest_of(request), who.user, file.filename or "", _pieces(file))


async def _pieces(file: UploadFile) -> AsyncIterator[bytes]:
    while piece := await file.read(PIECE):
        yield piece


ROUTES = (Route("/", home), Route("/upload", upload, methods=["POST"]))
