"""GET /api/search."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from neotoma.accounts.current import caller
from neotoma.api.asking import strictly
from neotoma.api.shapes import source_json
from neotoma.api.sources import whole_number
from neotoma.memory import search


async def answer(request: Request) -> JSONResponse:
    """The sources that answer ``q`` best; ``type`` is a document type, ``limit`` 1 to 100."""
    who = await caller(request, "read")
    asked, limit = request.query_params, whole_number(request, "limit", 20, search.MOST)
    with request.app.state.nest.metrics.searching():
        async with request.app.state.nest.database.of(who.user) as connection:
            hits = await search.search(connection, asked.get("q", ""), asked.get("type"), limit)
    return JSONResponse({"query": asked["q"], "hits": [hit_json(hit) for hit in hits]})


def hit_json(hit: search.Hit) -> dict[str, Any]:
    """A hit as every interface shows it; ``parts`` is the snippet in pieces, for marking what matched."""
    parts = [{"text": text, "matched": matched} for text, matched in hit.parts]
    rank = round(hit.rank, 6)
    return {"source": source_json(hit.source), "place": hit.place, "snippet": hit.snippet, "parts": parts, "rank": rank}


ROUTES: tuple[BaseRoute, ...] = strictly((Route("/api/search", answer),))
