"""The pages of the sources."""

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from neotoma import ingest
from neotoma.api.shapes import document_first
from neotoma.database import Connection
from neotoma.memory import entities, sources
from neotoma.memory.errors import NotThere
from neotoma.memory.model import Entity, Field, Observation, Source
from neotoma.problems import Problem
from neotoma.web.places import passages
from neotoma.web.rendering import page, see_other
from neotoma.web.signed import nest_of, reader, writer

A_PAGE = 50
MOST_ENTITIES = 60
MOST_CHUNKS = 60
"""More than this of one source is not shown on its page: it would be slow, and nobody reads it there."""
Said = tuple[Entity, list[tuple[str, Field]]]


async def listing(request: Request) -> Response:
    """``GET /sources``."""
    who = await reader(request)
    cursor = request.query_params.get("cursor")
    async with nest_of(request).database.of(who.user) as connection:
        found = await sources.page(connection, A_PAGE, cursor)
    return page(request, "sources.html", who, sources=found.items, next=found.next, first=not cursor)


async def detail(request: Request) -> Response:
    """``GET /sources/{id}``; ``place`` marks a place in its text."""
    who, place = await reader(request), request.query_params.get("place", "")[:300]
    async with nest_of(request).database.of(who.user) as connection:
        source = await _source(connection, request)
        said = document_first(await sources.observations(connection, source.id))
        found = await _found(connection, said[:MOST_ENTITIES])
        text = await sources.text(connection, source.id, MOST_CHUNKS + 1)
    shown, met = passages(text[:MOST_CHUNKS], place)
    return page(
        request,
        "source.html",
        who,
        source=source,
        found=found,
        more_found=max(0, len(said) - MOST_ENTITIES),
        text=shown,
        more_text=len(text) > MOST_CHUNKS,
        place=place,
        outside=bool(place) and not met,
    )


async def confirm(request: Request) -> Response:
    """``GET /sources/{id}/delete``: asks once more."""
    who = await reader(request)
    async with nest_of(request).database.of(who.user) as connection:
        source = await _source(connection, request)
    context: dict[str, Any] = {"name": source.title or source.name, "address": f"/sources/{source.id}/delete"}
    return page(request, "confirm.html", who, back=f"/sources/{source.id}", **context)


async def delete(request: Request) -> Response:
    """``POST /sources/{id}/delete``."""
    id = request.path_params["id"]
    who, _ = await writer(request, f"/sources/{id}")
    await ingest.delete_source(nest_of(request), who.user, id)
    return see_other("/sources", done="deleted-source")


async def _source(connection: Connection, request: Request) -> Source:
    source = await sources.find(connection, request.path_params["id"])
    if source is None:
        raise Problem(404, "not_found", "There is no such source in your memory. It may have been deleted.")
    return source


async def _found(connection: Connection, said: Sequence[Observation]) -> list[Said]:
    """The entities that a source speaks of, the one with the most to say first, each with what it says."""
    found: list[Said] = []
    for observation in said:
        try:
            entity = await entities.find(connection, observation.entity_id)
        except NotThere:  # forgotten by another request since
            continue
        found.append((entity, sorted(observation.fields.items())))
    return sorted(found, key=lambda one: (-len(one[1]), one[0].type, one[0].name, one[0].id))


ROUTES = (
    Route("/sources", listing),
    Route("/sources/{id}", detail),
    Route("/sources/{id}/delete", confirm, methods=["GET"]),
    Route("/sources/{id}/delete", delete, methods=["POST"]),
)
