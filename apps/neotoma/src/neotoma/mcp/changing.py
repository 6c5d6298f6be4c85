"""Tools that change what holds of an entity. What held before is kept, and can be seen with ``at``."""

from typing import Any

from neotoma.api import shapes
from neotoma.mcp import schemas
from neotoma.mcp.tool import Call, Tool
from neotoma.memory import entities, merges


async def _correct(call: Call) -> dict[str, Any]:
    given = call.arguments
    async with call.memory() as connection:
        return shapes.entity_json(await entities.correct(connection, given["entity_id"], given["fields"]))


async def _merge(call: Call) -> dict[str, Any]:
    given = call.arguments
    async with call.memory() as connection:
        return shapes.entity_json(await merges.merge(connection, given["from_entity_id"], given["into_entity_id"]))


async def _delete(call: Call) -> dict[str, Any]:
    async with call.memory() as connection:
        return shapes.entity_json(await entities.delete(connection, call.arguments["entity_id"]))


async def _restore(call: Call) -> dict[str, Any]:
    async with call.memory() as connection:
        return shapes.entity_json(await entities.restore(connection, call.arguments["entity_id"]))


CORRECT = Tool(
    name="correct",
    title="Correct an entity",
    description=(
        "Sets fields of an entity to what the user says is right. A correction beats whatever files and records say, "
        "whenever they are stored; the newest correction wins. Only correct what the user asked you to."
    ),
    takes={"entity_id": schemas.ENTITY_ID, "fields": schemas.FIELDS | {"minProperties": 1}},
    required=("entity_id", "fields"),
    gives=schemas.ENTITY,
    does=_correct,
    writes=True,
    repeats=False,
)
MERGE_ENTITIES = Tool(
    name="merge_entities",
    title="Merge two entities",
    description=(
        "Says that two entities of one type are the same: all that was observed of the first counts for the second "
        "from now on, and its id leads there. Use it for one thing under two names. It cannot be undone with a tool."
    ),
    takes={
        "from_entity_id": schemas.ENTITY_ID | {"description": "The entity that ends."},
        "into_entity_id": schemas.ENTITY_ID | {"description": "The entity that stands for both."},
    },
    required=("from_entity_id", "into_entity_id"),
    gives=schemas.ENTITY,
    does=_merge,
    writes=True,
    destroys=True,
)
DELETE_ENTITY = Tool(
    name="delete_entity",
    title="Delete an entity",
    description=(
        "Takes an entity out of lists, search and timeline. Nothing is lost: restore_entity brings it back. Only "
        "delete what the user asked you to."
    ),
    takes={"entity_id": schemas.ENTITY_ID},
    required=("entity_id",),
    gives=schemas.ENTITY,
    does=_delete,
    writes=True,
    destroys=True,
)
RESTORE_ENTITY = Tool(
    name="restore_entity",
    title="Restore an entity",
    description="Brings back an entity that was deleted. retrieve_entities with deleted: true lists such entities.",
    takes={"entity_id": schemas.ENTITY_ID},
    required=("entity_id",),
    gives=schemas.ENTITY,
    does=_restore,
    writes=True,
)
