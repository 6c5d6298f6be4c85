"""The page of the search."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from neotoma.extraction import types
from neotoma.memory import search
from neotoma.memory.errors import Refused
from neotoma.web.rendering import page
from neotoma.web.signed import nest_of, reader

MOST = 30
TYPES = sorted({type.name for type in types.TYPES} | {table.name for table in types.TABLES} | {"document", "table"})


async def searching(request: Request) -> Response:
    """``GET /search``; a query that makes no sense is told beside the form, not on a page of its own."""
    who, query = await reader(request), request.query_params
    q, type = query.get("q", "").strip(), query.get("type", "")
    hits: list[search.Hit] = []
    refused: Refused | None = None
    if q:
        try:
            with nest_of(request).metrics.searching():
                async with nest_of(request).database.of(who.user) as connection:
                    hits = await search.search(connection, q, type or None, MOST)
        except Refused as error:
            refused = error
    status = refused.status if refused else 200
    return page(request, "search.html", who, status, q=q, type=type, types=TYPES, hits=hits, most=MOST, problem=refused)


ROUTES = (Route("/search", searching),)
