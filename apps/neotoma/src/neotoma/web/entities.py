"""The pages of the entities, to read. What their forms do is in ``changes.py``."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from neotoma.database import Connection
from neotoma.memory import entities, relationships, sources
from neotoma.memory.model import ACYCLIC, Entity, Observation, Source
from neotoma.problems import Problem
from neotoma.web.rendering import page, see_other
from neotoma.web.signed import nest_of, reader

A_PAGE = 50
MOST_OBSERVATIONS = 100
MOST_OTHERS = 200
OTHER_RELATIONS = ("works_for", "issued_by", "mentions", "related_to")


@dataclass(frozen=True)
class Row:
    """A field of a snapshot as it is shown: with the observation that says it, its source and the place in that."""

    name: str
    value: str
    type: str
    observation: Observation
    source: Source | None
    place: str


async def listing(request: Request) -> Response:
    """``GET /entities``; ``type`` and ``q`` filter."""
    who, query = await reader(request), request.query_params
    type, text, cursor = query.get("type", ""), query.get("q", "").strip(), query.get("cursor")
    async with nest_of(request).database.of(who.user) as connection:
        found = await entities.page(connection, type or None, text or None, A_PAGE, cursor)
        types = await entities.types(connection)
    context: dict[str, Any] = {"entities": found.items, "next": found.next, "first": not cursor, "types": types}
    return page(request, "entities.html", who, type=type, q=text, **context)


async def detail(request: Request) -> Response:
    """``GET /entities/{id}``; ``at`` shows it as of that time. A merged entity leads to the one that stays."""
    who, id, at = await reader(request), request.path_params["id"], _at(request)
    async with nest_of(request).database.of(who.user) as connection:
        entity = await entities.find(connection, id, at)
        if entity.id != id and at is None:
            return see_other(f"/entities/{entity.id}", done="led")
        said = await entities.observations(connection, entity.id, MOST_OBSERVATIONS)
        told = [one for one in said.items if at is None or one.observed_at <= at]
        named = await sources.named(connection, sorted({one.source_id for one in told if one.source_id}))
        context: dict[str, Any] = {
            "fields": await _rows(connection, entity, {one.id: one for one in told}, named),
            "observations": [(one, named.get(one.source_id or "")) for one in told],
            "more_observations": said.next is not None,
            "related": await relationships.related(connection, entity.id, at=at),
            "others": await _others(connection, entity) if at is None else (),
            "relations": (*ACYCLIC, *OTHER_RELATIONS),
        }
    correcting = request.query_params.get("field", "")[:100]
    return page(request, "entity.html", who, entity=entity, at=at, correcting=correcting, **context)


async def _rows(
    connection: Connection, entity: Entity, told: dict[str, Observation], named: dict[str, Source]
) -> list[Row]:
    rows = []
    for name, field in sorted(entity.snapshot.fields.items()):
        if (observation := told.get(field.observation_id)) is not None:
            source = named.get(observation.source_id or "")
        else:
            said = await entities.provenance(connection, entity.id, name)
            observation, source = next(pair for pair in said if pair[0].id == field.observation_id)
        rows.append(Row(name, field.value, field.type, observation, source, observation.fields[name].place))
    return rows


async def _others(connection: Connection, entity: Entity) -> list[Entity]:
    """Some entities to choose from, those of the same type first."""
    same = await entities.page(connection, entity.type, None, MOST_OTHERS // 2)
    any_type = await entities.page(connection, None, None, MOST_OTHERS)
    others = {other.id: other for other in (*same.items, *any_type.items) if other.id != entity.id}
    return list(others.values())[:MOST_OTHERS]


def _at(request: Request) -> datetime | None:
    """The time asked for, in universal time unless it says otherwise. Raises Problem."""
    if not (given := request.query_params.get("at", "")):
        return None
    try:
        at = datetime.fromisoformat(given)
    except ValueError as error:
        message = "That is not a day and time. Write it like 2026-01-31T12:00."
        raise Problem(422, "bad_time", message) from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)


ROUTES = (Route("/entities", listing), Route("/entities/{id}", detail))
