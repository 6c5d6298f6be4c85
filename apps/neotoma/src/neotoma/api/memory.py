"""``/api/entities``, ``/api/relationships``, ``/api/types`` and ``/api/timeline``: what is known, and changing it."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from neotoma.accounts.caller import Caller
from neotoma.accounts.current import caller
from neotoma.api import carrying, shapes
from neotoma.api.asking import strictly
from neotoma.api.body import sent_object
from neotoma.api.sources import whole_number
from neotoma.database import Connection
from neotoma.memory import entities, merges, recording, relationships, rows, timeline
from neotoma.memory.errors import Invalid
from neotoma.memory.model import Entity
from neotoma.memory.values import is_text, shown
from neotoma.problems import Problem

MOST = 200


async def store(request: Request) -> Response:
    """``POST /api/entities``: a record of entities and relationships; the same again is known, and answers alike."""
    who = await caller(request, "write")
    given = await _sent(request, ("name", "entities"), ("relationships",))
    async with _memory(request, who) as connection:
        recorded = await recording.store(connection, given["name"], given["entities"], given.get("relationships", []))
    return JSONResponse({"source_id": recorded.source_id, "entity_ids": list(recorded.entity_ids)}, 201)


async def listing(request: Request) -> Response:
    """``GET /api/entities?type=&q=&deleted=&limit=&cursor=``."""
    who, asked, limit = await caller(request), request.query_params, whole_number(request, "limit", 50, MOST)
    deleted = asked.get("deleted", "false")
    if deleted not in ("true", "false"):
        raise Invalid("bad_parameter", "deleted is true or false.")
    async with _memory(request, who) as connection:
        page = await entities.page(
            connection, _text(request, "type"), _text(request, "q"), limit, asked.get("cursor"), deleted == "true"
        )
    return JSONResponse({"entities": [shapes.entity_json(one) for one in page.items], "next": page.next})


async def detail(request: Request) -> Response:
    """``GET /api/entities/{id}?at=``."""
    who = await caller(request)
    async with _memory(request, who) as connection:
        return _entity(await entities.find(connection, request.path_params["id"], _moment(request)))


async def observations(request: Request) -> Response:
    """``GET /api/entities/{id}/observations?limit=&cursor=``: newest first."""
    who, limit = await caller(request), whole_number(request, "limit", 50, MOST)
    async with _memory(request, who) as connection:
        cursor = request.query_params.get("cursor")
        page = await entities.observations(connection, request.path_params["id"], limit, cursor)
    return JSONResponse({"observations": [shapes.observation_json(one) for one in page.items], "next": page.next})


async def related(request: Request) -> Response:
    """``GET /api/entities/{id}/relationships?type=&direction=&at=``."""
    who, direction = await caller(request), request.query_params.get("direction", "both")
    async with _memory(request, who) as connection:
        found = await relationships.related(
            connection, request.path_params["id"], _text(request, "type"), direction, _moment(request)
        )
    pairs = [
        {"relationship": shapes.relationship_json(relation), "entity": shapes.entity_json(entity)}
        for relation, entity in found
    ]
    return JSONResponse({"related": pairs})


async def provenance(request: Request) -> Response:
    """``GET /api/entities/{id}/provenance/{field}``: the observation that holds first."""
    who = await caller(request)
    async with _memory(request, who) as connection:
        found = await entities.provenance(connection, request.path_params["id"], request.path_params["field"])
    told = [
        {"observation": shapes.observation_json(observation), "source": source and shapes.source_json(source)}
        for observation, source in found
    ]
    return JSONResponse({"provenance": told})


async def correct(request: Request) -> Response:
    """``POST /api/entities/{id}/corrections`` with ``{fields}``."""
    who = await caller(request, "write")
    given = await _sent(request, ("fields",))
    if not isinstance(given["fields"], Mapping):
        raise Invalid("bad_fields", "fields is an object of names with values. Send one.")
    async with _memory(request, who) as connection:
        return _entity(await entities.correct(connection, request.path_params["id"], given["fields"]))


async def delete(request: Request) -> Response:
    """``DELETE /api/entities/{id}``: hidden, not lost."""
    who = await caller(request, "write")
    async with _memory(request, who) as connection:
        return _entity(await entities.delete(connection, request.path_params["id"]))


async def restore(request: Request) -> Response:
    """``POST /api/entities/{id}/restore``."""
    who = await caller(request, "write")
    async with _memory(request, who) as connection:
        return _entity(await entities.restore(connection, request.path_params["id"]))


async def merge(request: Request) -> Response:
    """``POST /api/entities/{id}/merge`` with ``{into}``; answers the entity that stands for both."""
    who = await caller(request, "write")
    given = await _sent(request, ("into",))
    async with _memory(request, who) as connection:
        return _entity(await merges.merge(connection, request.path_params["id"], _word(given, "into")))


async def relate(request: Request) -> Response:
    """``POST /api/relationships`` with ``{type, from, to}``."""
    who = await caller(request, "write")
    given = await _sent(request, ("type", "from", "to"))
    words = [_word(given, name) for name in ("type", "from", "to")]
    async with _memory(request, who) as connection:
        made = await relationships.create(connection, words[0], words[1], words[2])
    return JSONResponse(shapes.relationship_json(made), 201)


async def unrelate(request: Request) -> Response:
    """``DELETE /api/relationships/{id}``."""
    who = await caller(request, "write")
    async with _memory(request, who) as connection:
        await relationships.delete(connection, request.path_params["id"])
    return Response(status_code=204)


async def types(request: Request) -> Response:
    """``GET /api/types``."""
    who = await caller(request)
    async with _memory(request, who) as connection:
        found = await entities.types(connection)
    return JSONResponse({"types": [{"type": type, "entities": count} for type, count in found]})


async def events(request: Request) -> Response:
    """``GET /api/timeline?type=&entity=&start=&end=&limit=&cursor=``."""
    who, asked, limit = await caller(request), request.query_params, whole_number(request, "limit", 50, MOST)
    start, end = _day(request, "start"), _day(request, "end")
    async with _memory(request, who) as connection:
        page = await timeline.page(
            connection, _text(request, "type"), _text(request, "entity"), start, end, limit, asked.get("cursor")
        )
    return JSONResponse({"events": [shapes.event_json(one) for one in page.items], "next": page.next})


def _memory(request: Request, who: Caller) -> AbstractAsyncContextManager[Connection]:
    """The one transaction of a request."""
    memory: AbstractAsyncContextManager[Connection] = request.app.state.nest.database.of(who.user)
    return memory


def _entity(entity: Entity) -> Response:
    return JSONResponse(shapes.entity_json(entity))


async def _sent(request: Request, needed: Sequence[str], possible: Sequence[str] = ()) -> dict[str, Any]:
    """The JSON object that was sent, with all that is needed and nothing unknown. Raises Problem."""
    given = sent_object(await request.body(), f"with {', '.join(needed)}")
    if missing := [name for name in needed if name not in given]:
        raise Problem(422, "bad_json", f"{missing[0]} is missing. Send a JSON object with {', '.join(needed)}.")
    if unknown := sorted(set(given) - {*needed, *possible}):
        message = f"Nobody reads {shown(unknown[0])}. Send only {', '.join((*needed, *possible))}."
        raise Problem(422, "unknown_field", message)
    return given


def _word(given: Mapping[str, Any], name: str) -> str:
    if not isinstance(given[name], str) or not is_text(given[name]):
        raise Problem(422, "bad_json", f"{name} is a text. Send one.")
    return str(given[name])


def _text(request: Request, name: str) -> str | None:
    """A parameter; one that no text in the memory can be finds nothing in PostgreSQL but an error."""
    if not is_text(sent := request.query_params.get(name, "")):
        raise Problem(422, "bad_parameter", f"{name} has a character that is no text. Take it out.")
    return sent or None


def _moment(request: Request) -> datetime | None:
    sent = request.query_params.get("at")
    return rows.moment(sent.replace(" ", "+")) if sent else None  # a + in a query is a space


def _day(request: Request, name: str) -> date | None:
    sent = request.query_params.get(name)
    try:
        return date.fromisoformat(sent) if sent else None
    except ValueError as error:
        raise Invalid("bad_date", f"{name} is a date such as 2026-01-31. Write it so.") from error


ROUTES: tuple[BaseRoute, ...] = (
    *strictly(
        (
            Route("/api/entities", store, methods=["POST"]),
            Route("/api/entities", listing, methods=["GET"]),
            Route("/api/entities/{id}", detail, methods=["GET"]),
            Route("/api/entities/{id}", delete, methods=["DELETE"]),
            Route("/api/entities/{id}/observations", observations, methods=["GET"]),
            Route("/api/entities/{id}/relationships", related, methods=["GET"]),
            Route("/api/entities/{id}/provenance/{field}", provenance, methods=["GET"]),
            Route("/api/entities/{id}/corrections", correct, methods=["POST"]),
            Route("/api/entities/{id}/restore", restore, methods=["POST"]),
            Route("/api/entities/{id}/merge", merge, methods=["POST"]),
            Route("/api/relationships", relate, methods=["POST"]),
            Route("/api/relationships/{id}", unrelate, methods=["DELETE"]),
            Route("/api/types", types, methods=["GET"]),
            Route("/api/timeline", events, methods=["GET"]),
        )
    ),
    *carrying.ROUTES,
)
