"""Tools that follow what is related, where a field comes from, and what happened when."""

from datetime import date
from typing import Any

from neotoma.api import shapes
from neotoma.mcp import schemas
from neotoma.mcp.reading import moment
from neotoma.mcp.tool import Call, Tool
from neotoma.memory import entities, relationships, timeline
from neotoma.memory.errors import Invalid


async def _related(call: Call) -> dict[str, Any]:
    given = call.arguments
    async with call.memory() as connection:
        found = await relationships.related(
            connection, given["entity_id"], given.get("type"), given.get("direction", "both"), moment(call)
        )
    return {
        "related": [
            {"relationship": shapes.relationship_json(relationship), "entity": shapes.entity_json(entity)}
            for relationship, entity in found
        ]
    }


async def _provenance(call: Call) -> dict[str, Any]:
    given = call.arguments
    async with call.memory() as connection:
        found = await entities.provenance(connection, given["entity_id"], given["field"])
    return {
        "provenance": [
            {"observation": shapes.observation_json(observation), "source": source and shapes.source_json(source)}
            for observation, source in found
        ]
    }


async def _types(call: Call) -> dict[str, Any]:
    async with call.memory() as connection:
        found = await entities.types(connection)
    return {"types": [{"type": type, "entities": count} for type, count in found]}


def _day(call: Call, name: str) -> date | None:
    if not (text := call.arguments.get(name)):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Invalid("bad_date", f"{name} is not a date. Write it like 2026-01-31.") from error


async def _timeline(call: Call) -> dict[str, Any]:
    given = call.arguments
    async with call.memory() as connection:
        page = await timeline.page(
            connection,
            type=given.get("type"),
            entity=given.get("entity_id"),
            start=_day(call, "start"),
            end=_day(call, "end"),
            limit=given.get("limit", schemas.USUAL),
            cursor=given.get("cursor"),
        )
    return {"events": [shapes.event_json(event) for event in page.items], "next_cursor": page.next}


RETRIEVE_RELATED_ENTITIES = Tool(
    name="retrieve_related_entities",
    title="Follow relationships",
    description=(
        "The entities that one entity has a relationship with, one step away, each with the relationship. Filter by "
        "type and direction; with at, as it was at a moment in the past."
    ),
    takes={
        "entity_id": schemas.ENTITY_ID,
        "type": schemas.text("Only relationships of this type, such as part_of.", 40),
        "direction": {
            "enum": ["both", "out", "in"],
            "default": "both",
            "description": "out: from this entity to others; in: from others to this one.",
        },
        "at": schemas.time("The moment to look at; now if left out."),
    },
    required=("entity_id",),
    gives=schemas.answer(
        related=schemas.listed(schemas.answer(relationship=schemas.RELATIONSHIP, entity=schemas.ENTITY))
    ),
    does=_related,
)
RETRIEVE_FIELD_PROVENANCE = Tool(
    name="retrieve_field_provenance",
    title="Ask where a field comes from",
    description=(
        "Every observation that gave one field of an entity a value, the one that holds first, each with its source: "
        "the file and the page, line or cell. Use it to cite, and to find out why sources disagree."
    ),
    takes={"entity_id": schemas.ENTITY_ID, "field": schemas.text("The name of the field, such as total.", 300)},
    required=("entity_id", "field"),
    gives=schemas.answer(
        provenance=schemas.listed(
            schemas.answer(observation=schemas.OBSERVATION, source=schemas.or_null(schemas.SOURCE))
        )
    ),
    does=_provenance,
)
LIST_ENTITY_TYPES = Tool(
    name="list_entity_types",
    title="List types of entities",
    description="The types of entities in this memory, and how many entities there are of each. A good first call.",
    takes={},
    gives=schemas.answer(
        types=schemas.listed(schemas.answer(type={"type": "string"}, entities={"type": "integer", "minimum": 0}))
    ),
    does=_types,
)
LIST_TIMELINE_EVENTS = Tool(
    name="list_timeline_events",
    title="Read the timeline",
    description=(
        "What happened when: every date field of every entity as an event, in the order of the dates. Filter by the "
        "type of entity, by one entity, and by first and last day."
    ),
    takes={
        "type": schemas.text("Only entities of this type, such as invoice.", 100),
        "entity_id": schemas.ENTITY_ID,
        "start": schemas.day("The first day."),
        "end": schemas.day("The last day."),
        **schemas.PAGED,
    },
    gives=schemas.page("events", schemas.EVENT),
    does=_timeline,
)
