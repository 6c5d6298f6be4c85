"""Tools that add to the memory."""

from typing import Any

from neotoma.api import shapes
from neotoma.mcp import schemas
from neotoma.mcp.tool import Call, Tool
from neotoma.memory import recording, relationships


async def _store(call: Call) -> dict[str, Any]:
    given = call.arguments
    async with call.memory() as connection:
        recorded = await recording.store(connection, given["name"], given["entities"], given.get("relationships", []))
    return {"source_id": recorded.source_id, "entity_ids": list(recorded.entity_ids)}


async def _relationship(call: Call) -> dict[str, Any]:
    given = call.arguments
    async with call.memory() as connection:
        return shapes.relationship_json(
            await relationships.create(connection, given["type"], given["from"], given["to"])
        )


STORE = Tool(
    name="store",
    title="Store a record",
    description=(
        "Remembers structured facts as one record: entities with fields, and relationships between them. An entity is "
        "known by its type and name, so the same name adds to what is known of it. Write dates as "
        "2026-01-31 and money as 12.50 EUR, so that they are understood as such. The same record twice is stored once. "
        "For a file use upload_file; to change a fact use correct."
    ),
    takes={
        "name": schemas.text("What the record is called, such as: notes of the call with Ada.", 300),
        "entities": schemas.listed(schemas.RECORD, 100, at_least=1),
        "relationships": schemas.listed(schemas.RECORD_LINK, 200),
    },
    required=("name", "entities"),
    gives=schemas.answer(source_id=schemas.SOURCE_ID, entity_ids=schemas.listed(schemas.ENTITY_ID)),
    does=_store,
    writes=True,
)
CREATE_RELATIONSHIP = Tool(
    name="create_relationship",
    title="Relate two entities",
    description=(
        "Says that one entity has a relation to another, such as invoice settles contract. The types part_of, "
        "depends_on, supersedes, duplicate_of, settles and derived_from may not run in a circle: what would close one "
        "is refused with the code cycle. The same relationship twice is one."
    ),
    takes={
        "type": schemas.text("The relation in snake_case, such as part_of or works_for.", 40),
        "from": schemas.ENTITY_ID | {"description": "The entity that has the relation."},
        "to": schemas.ENTITY_ID | {"description": "The entity that it has it to."},
    },
    required=("type", "from", "to"),
    gives=schemas.RELATIONSHIP,
    does=_relationship,
    writes=True,
)
