"""``/api/sources``: files come in, are listed, read, sent back and deleted."""

from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from neotoma import ingest, jobs
from neotoma.accounts.current import caller
from neotoma.api import shapes
from neotoma.api.asking import strictly
from neotoma.memory import sources
from neotoma.memory.model import Source
from neotoma.nest import Nest
from neotoma.problems import Problem

MOST = 200
MOST_CHUNKS = 200
MOST_OBSERVATIONS = 1_000
STATUS = {"new": 201, "known": 200, "processing": 202}


async def upload(request: Request) -> Response:
    """``POST /api/sources``: 201 with its facts, 202 while they are found, 200 for bytes that are there already."""
    stored = await ingest.receive(request, await caller(request, "write"))
    where = {"Location": f"/api/sources/{stored.source.id}"}
    body = shapes.source_json(stored.source)
    if stored.sent_as:
        body["known_as"] = shapes.known_json(stored.source, stored.sent_as)
    return JSONResponse(body, STATUS[stored.outcome], where)


async def listing(request: Request) -> Response:
    """``GET /api/sources?limit=&cursor=``: newest first."""
    who, limit = await caller(request), whole_number(request, "limit", 50, MOST)
    async with _nest(request).database.of(who.user) as connection:
        page = await sources.page(connection, limit, request.query_params.get("cursor"))
    return JSONResponse({"sources": [shapes.source_json(source) for source in page.items], "next": page.next})


async def detail(request: Request) -> Response:
    """``GET /api/sources/{id}?from=``: with its text from that chunk on, and what it says of which entities."""
    who, start = await caller(request), whole_number(request, "from", 0, 10**9, least=0)
    async with _nest(request).database.of(who.user) as connection:
        source = await sources.find(connection, request.path_params["id"])
        if source is None:
            raise ingest.absent()
        chunks = await sources.text(connection, source.id, MOST_CHUNKS + 1, start)
        said = shapes.document_first(await sources.observations(connection, source.id))[:MOST_OBSERVATIONS]
    body: dict[str, Any] = shapes.source_json(source)
    body["chunks"] = [{"place": chunk.place, "text": chunk.text} for chunk in chunks[:MOST_CHUNKS]]
    body["next_from"] = start + MOST_CHUNKS if len(chunks) > MOST_CHUNKS else None
    body["entities"] = sorted({observation.entity_id for observation in said})
    body["observations"] = [shapes.observation_json(observation) for observation in said]
    return JSONResponse(body)


async def file(request: Request) -> Response:
    """``GET /api/sources/{id}/file``: the bytes as they came, as a download."""
    who, nest = await caller(request), _nest(request)
    async with nest.database.of(who.user) as connection:
        source = await sources.find(connection, request.path_params["id"])
    if source is None:
        raise ingest.absent()
    tag = f'"{source.sha256}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Content-Security-Policy": "sandbox"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return await _bytes(nest, who.user, source, headers)


async def delete(request: Request) -> Response:
    """``DELETE /api/sources/{id}``: with its bytes, and everything that only it said."""
    who = await caller(request, "write")
    await ingest.delete_source(_nest(request), who.user, request.path_params["id"])
    return Response(status_code=204)


async def _bytes(nest: Nest, user: UUID, source: Source, headers: dict[str, str]) -> Response:
    """The kept file; a record, which has none, is its own text."""
    if source.kind == "structured":
        async with nest.database.of(user) as connection:
            text = "".join(chunk.text for chunk in await sources.text(connection, source.id))
        headers["Content-Disposition"] = 'attachment; filename="record.json"'
        return Response(text, media_type=source.media_type, headers=headers)
    path = nest.storage.path(user, source.sha256)
    if not path.exists():
        raise Problem(410, jobs.GONE.code, jobs.GONE.message)
    return FileResponse(path, media_type=source.media_type, filename=source.name, headers=headers)


def whole_number(request: Request, name: str, default: int, most: int, least: int = 1) -> int:
    """A parameter of ``least`` to ``most``. Raises Problem for anything else."""
    sent = request.query_params.get(name, str(default))
    if not (sent.isascii() and sent.isdigit() and len(sent) < 12 and least <= int(sent) <= most):
        raise Problem(422, "bad_number", f"{name} is a whole number from {least} to {most}.", parameter=name)
    return int(sent)


def _nest(request: Request) -> Nest:
    nest: Nest = request.app.state.nest
    return nest


ROUTES: tuple[BaseRoute, ...] = strictly(
    (
        Route("/api/sources", upload, methods=["POST"]),
        Route("/api/sources", listing, methods=["GET"]),
        Route("/api/sources/{id}", detail, methods=["GET"]),
        Route("/api/sources/{id}", delete, methods=["DELETE"]),
        Route("/api/sources/{id}/file", file, methods=["GET"]),
    )
)
