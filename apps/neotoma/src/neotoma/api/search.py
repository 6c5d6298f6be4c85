"""GET /api/search."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from neotoma.accounts.current import caller
from neotoma.api.shapes import source_json
from neotoma.memory import search
from neotoma.memory.errors import Invalid


async def answer(request: Request) -> JSONResponse:
    """The sources that answer ``q`` best; ``type`` is a document type, ``limit`` 1 to 100."""
    who = await caller(request, "read")
    asked = request.query_params
    async with request.app.state.nest.database.of(who.user) as connection:
        hits = await search.search(connection, asked.get("q", ""), asked.get("type"), _limit(asked.get("limit", "20")))
    return JSONResponse({"query": asked["q"], "items": [hit_json(hit) for hit in hits]})


def hit_json(hit: search.Hit) -> dict[str, Any]:
    """A hit as every interface shows it; ``parts`` is the snippet in pieces, for marking what matched."""
    parts = [{"text": text, "matched": matched} for text, matched in hit.parts]
    rank = round(hit.rank, 6)
    return {"source": source_json(hit.source), "place": hit.place, "snippet": hit.snippet, "parts": parts, "rank": rank}


def _limit(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 9:
        raise Invalid("bad_limit", f"The limit is no number: use 1 to {search.MOST}.", least=1, most=search.MOST)
    return int(text)


ROUTES: tuple[BaseRoute, ...] = (Route("/api/search", answer),)
