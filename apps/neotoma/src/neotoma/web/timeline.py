"""The page of the timeline."""

from collections.abc import Sequence
from datetime import date
from itertools import groupby

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from neotoma.memory import entities, timeline
from neotoma.memory.model import Event
from neotoma.problems import Problem
from neotoma.web.rendering import page, with_query
from neotoma.web.signed import nest_of, reader

A_PAGE = 100
Months = list[tuple[str, list[Event]]]


async def listing(request: Request) -> Response:
    """``GET /timeline``; ``type``, ``entity``, ``start`` and ``end`` filter."""
    who, query = await reader(request), request.query_params
    given = {name: query.get(name, "").strip() for name in ("type", "entity", "start", "end")}
    start, end, cursor = _day(given["start"]), _day(given["end"]), query.get("cursor")
    async with nest_of(request).database.of(who.user) as connection:
        entity = await entities.find(connection, given["entity"]) if given["entity"] else None
        only = entity.id if entity else None
        found = await timeline.page(connection, given["type"] or None, only, start, end, A_PAGE, cursor)
        types = await entities.types(connection)
    return page(
        request,
        "timeline.html",
        who,
        type=given["type"],
        start=given["start"],
        end=given["end"],
        entity=entity,
        years=by_year(found.items),
        types=types,
        next=found.next,
        first=not cursor,
        filtered=any(given.values()),
        address=with_query("/timeline", **given),
    )


def by_year(events: Sequence[Event]) -> list[tuple[int, Months]]:
    """The events, which are in order, by year and in it by month."""
    return [
        (year, [(f"{month:%B}", list(those)) for month, those in groupby(group, lambda event: event.at.replace(day=1))])
        for year, group in groupby(events, lambda event: event.at.year)
    ]


def _day(given: str) -> date | None:
    try:
        return date.fromisoformat(given) if given else None
    except ValueError as error:
        raise Problem(422, "bad_date", "That is not a day. Write it like 2026-01-31.") from error


ROUTES = (Route("/timeline", listing),)
