"""Two entities that are one: from then on the other stands for both. It cannot be undone."""

import psycopg

from neotoma.database import Connection
from neotoma.memory import entities, observing
from neotoma.memory.errors import Conflict, Invalid
from neotoma.memory.model import Entity
from neotoma.memory.relationships import NO_CIRCLE

POINT = "UPDATE entities SET merged_into = %s, snapshot = '{}' WHERE id = %s"
KEEP = "INSERT INTO merges (from_id, into_id) VALUES (%s, %s)"


async def merge(connection: Connection, from_id: str, into_id: str) -> Entity:
    """Merge one entity into another of its type. Returns the one that stands for both.

    Raises NotThere, Invalid for one entity or two types, and Conflict if one is deleted, or ``cycle`` if relationships
    of the two would close a circle.
    """
    roots = await observing.hold(connection, (from_id, into_id))
    for id in (from_id, into_id):
        if id not in roots:
            raise entities.not_there(id)
    source, target = roots[from_id], roots[into_id]
    _check(await entities.find(connection, source), await entities.find(connection, target))
    try:
        async with connection.transaction():
            await connection.execute(POINT, (target, source))
            await connection.execute(KEEP, (source, target))
    except psycopg.errors.IntegrityConstraintViolation as error:
        if error.diag.constraint_name != NO_CIRCLE:
            raise
        message = "Merged, relationships between them would close a circle. Take one of these back first."
        raise Conflict("cycle", message) from None
    await observing.refold(connection, (target,))
    return await entities.find(connection, target)


def _check(source: Entity, target: Entity) -> None:
    if source.id == target.id:
        raise Invalid("same_entity", "These are one entity already. Name another one.")
    if source.type != target.type:
        message = "Only entities of one type can be merged. To say how these two are related, relate them."
        raise Invalid("other_type", message, from_type=source.type, into_type=target.type)
    for entity in (source, target):
        if entity.snapshot.deleted:
            raise Conflict("deleted", "One of the two is deleted. Restore it first.", entity_id=entity.id)
