"""``search`` and ``fetch`` in exactly the shape that ChatGPT's connectors and deep research ask for."""

from typing import Any

from neotoma.api.shapes import time_json
from neotoma.mcp import schemas
from neotoma.mcp.tool import Call, Tool
from neotoma.memory import entities, search, sources
from neotoma.memory.errors import NotThere
from neotoma.memory.model import Entity, Source

MOST_RESULTS = 20
MOST_CHUNKS, LONGEST_TEXT = 500, 200_000  # pieces and characters of a document


async def _search(call: Call) -> dict[str, Any]:
    with call.nest.metrics.searching():
        async with call.memory() as connection:
            hits = await search.search(connection, call.arguments["query"], limit=MOST_RESULTS)
    found = [hit.source for hit in hits]
    return {
        "results": [
            {"id": source.id, "title": _title(source), "url": f"{call.nest.settings.url}/sources/{source.id}"}
            for source in found
        ]
    }


async def _fetch(call: Call) -> dict[str, Any]:
    id = call.arguments["id"]
    if id.startswith("ent_"):
        async with call.memory() as connection:
            return _of_entity(call, await entities.find(connection, id))
    async with call.memory() as connection:
        if not (source := await sources.find(connection, id)):
            message = "There is nothing with that id in this memory. Ids come from search and retrieve_entities."
            raise NotThere("not_found", message)
        chunks = await sources.text(connection, id, MOST_CHUNKS + 1)
    text = ("\n" if source.kind == "file" else "").join(chunk.text for chunk in chunks[:MOST_CHUNKS])
    return {
        "id": source.id,
        "title": _title(source),
        "text": text[:LONGEST_TEXT],
        "url": f"{call.nest.settings.url}/sources/{source.id}",
        "metadata": {
            "name": source.name,
            "media_type": source.media_type,
            "document_type": source.document_type or "",
            "status": source.status,
            "stored_at": time_json(source.created_at),
            "cut": "yes" if len(text) > LONGEST_TEXT or len(chunks) > MOST_CHUNKS else "no",
        },
    }


def _of_entity(call: Call, entity: Entity) -> dict[str, Any]:
    lines = (f"{name}: {field.value}" for name, field in entity.snapshot.fields.items())
    return {
        "id": entity.id,
        "title": f"{entity.name} ({entity.type})",
        "text": "\n".join(lines),
        "url": f"{call.nest.settings.url}/entities/{entity.id}",
        "metadata": {"type": entity.type, "deleted": "yes" if entity.snapshot.deleted else "no"},
    }


def _title(source: Source) -> str:
    return source.title or source.name


_RESULT = schemas.answer(id={"type": "string"}, title={"type": "string"}, url={"type": "string", "format": "uri"})
SEARCH = Tool(
    name="search",
    title="Search documents",
    description=(
        "Full-text search in the user's documents and records, best first. Words must all occur; put a phrase in "
        '"quotes", a minus before a word to leave it out, and or between alternatives. Read a result with fetch.'
    ),
    takes={"query": schemas.text("What to look for.", 500)},
    required=("query",),
    gives=schemas.answer(results=schemas.listed(_RESULT)),
    does=_search,
)
FETCH = Tool(
    name="fetch",
    title="Read a document",
    description="The whole text of a document that search found, or the fields of an entity, by its id.",
    takes={"id": schemas.text("An id from search, or of an entity: src_ or ent_ and 24 characters.", 64)},
    required=("id",),
    gives=schemas.answer(
        id={"type": "string"},
        title={"type": "string"},
        text={"type": "string"},
        url={"type": "string", "format": "uri"},
        metadata={"type": "object", "additionalProperties": {"type": "string"}},
    ),
    does=_fetch,
)
