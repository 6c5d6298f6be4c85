"""Tools that read entities and what was observed of them."""

from datetime import datetime
from typing import Any

from neotoma.api import shapes
from neotoma.mcp import schemas
from neotoma.mcp.tool import Call, Tool
from neotoma.memory import entities, rows


def moment(call: Call) -> datetime | None:
    """The argument ``at``; None is now."""
    text = call.arguments.get("at")
    return rows.moment(text) if text else None


async def _entities(call: Call) -> dict[str, Any]:
    given = call.arguments
    async with call.memory() as connection:
        page = await entities.page(
            connection,
            type=given.get("type"),
            text=given.get("query"),
            limit=given.get("limit", schemas.USUAL),
            cursor=given.get("cursor"),
            deleted=given.get("deleted", False),
        )
    return {"entities": [shapes.entity_json(entity) for entity in page.items], "next_cursor": page.next}


async def _snapshot(call: Call) -> dict[str, Any]:
    async with call.memory() as connection:
        return shapes.entity_json(await entities.find(connection, call.arguments["entity_id"], moment(call)))


async def _observations(call: Call) -> dict[str, Any]:
    given = call.arguments
    async with call.memory() as connection:
        page = await entities.observations(
            connection, given["entity_id"], given.get("limit", schemas.USUAL), given.get("cursor")
        )
    return {"observations": [shapes.observation_json(item) for item in page.items], "next_cursor": page.next}


RETRIEVE_ENTITIES = Tool(
    name="retrieve_entities",
    title="Find entities",
    description=(
        "Lists what the user's memory knows: invoices, people, companies, events and so on, each with its current "
        "fields. Filter by type (list_entity_types names them) and by words in the name. Comes in pages: pass "
        "next_cursor as cursor to go on. To look into the text of documents, use search."
    ),
    takes={
        "type": schemas.text("Only this type, such as invoice.", 100),
        "query": schemas.text("Only entities whose name contains this.", 200),
        "deleted": {"type": "boolean", "default": False, "description": "Show the deleted ones instead."},
        **schemas.PAGED,
    },
    gives=schemas.page("entities", schemas.ENTITY),
    does=_entities,
)
RETRIEVE_ENTITY_SNAPSHOT = Tool(
    name="retrieve_entity_snapshot",
    title="Read an entity",
    description=(
        "The fields of one entity as they hold now or, with at, as they held at a moment in the past. Each field names "
        "the observation that it comes from. An entity that was merged answers with the one that stands for it."
    ),
    takes={
        "entity_id": schemas.ENTITY_ID,
        "at": schemas.time("The moment to look at; now if left out. What was stored later is not taken into account."),
    },
    required=("entity_id",),
    gives=schemas.ENTITY,
    does=_snapshot,
)
LIST_OBSERVATIONS = Tool(
    name="list_observations",
    title="List what was observed",
    description=(
        "Everything that was ever said of an entity, newest first: what was extracted from files, what agents stored, "
        "corrections, deletions and restorations. Observations never change, so this is the entity's history."
    ),
    takes={"entity_id": schemas.ENTITY_ID, **schemas.PAGED},
    required=("entity_id",),
    gives=schemas.page("observations", schemas.OBSERVATION),
    does=_observations,
)
