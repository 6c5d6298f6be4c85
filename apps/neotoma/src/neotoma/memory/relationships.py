"""How entities relate. Between two there is one relationship of a type, taken back softly.

Types in ``ACYCLIC`` may not close a circle; a trigger of the database refuses it, whoever inserts. Relationships of
merged entities are those of the entity that stands for them.
"""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime

import psycopg

from neotoma.database import Connection
from neotoma.memory import entities, identity, observing, past, rows
from neotoma.memory.errors import Conflict, Invalid, NotThere
from neotoma.memory.model import Entity, Relationship
from neotoma.memory.values import is_text, searchable

TYPE = re.compile(r"[a-z_]{1,40}")
MOST = 500
EXISTING = (
    observing.MEMBERS
    + f"""
SELECT {rows.RELATIONSHIP} FROM relationships r WHERE type = %s AND deleted_at IS NULL
  AND from_id IN (SELECT id FROM members WHERE root = %s) AND to_id IN (SELECT id FROM members WHERE root = %s)
ORDER BY created_at, id LIMIT 1
"""
)
HOLD = "SELECT FROM relationships WHERE id = ANY(%s) ORDER BY type, id FOR UPDATE"
AGAIN = """
UPDATE relationships SET deleted_at = NULL, created_at = clock_timestamp(), source_id = %s
WHERE id = %s AND deleted_at IS NOT NULL
"""
ADD = """
INSERT INTO relationships (id, type, from_id, to_id, source_id, created_at)
SELECT id, type, from_id, to_id, %s, clock_timestamp()
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[]) AS r (id, type, from_id, to_id)
ORDER BY type, id ON CONFLICT DO NOTHING
"""
FIND = f"SELECT {rows.RELATIONSHIP} FROM relationships WHERE id = %s"
TAKE_BACK = "UPDATE relationships SET deleted_at = clock_timestamp() WHERE id = %s AND deleted_at IS NULL"
AROUND = f"""
SELECT {rows.RELATIONSHIP} FROM relationships
WHERE (from_id = ANY(%(out)s) OR to_id = ANY(%(into)s)) AND (type = %(type)s OR %(type)s::text IS NULL)
  AND deleted_at IS NULL ORDER BY type, created_at, id LIMIT %(limit)s
"""
NO_CIRCLE = "no_circle"
"""The name that the trigger's refusal goes by."""


async def create(connection: Connection, type: str, from_id: str, to_id: str) -> Relationship:
    """Relate two entities; the relationship that is there already, if there is. Raises Conflict ``cycle``."""
    _check_type(type)
    roots = await observing.hold(connection, (from_id, to_id), observing.SHARING)
    for id in (from_id, to_id):
        if id not in roots:
            raise entities.not_there(id)
    start, end = roots[from_id], roots[to_id]
    if start == end:
        raise Invalid("same_entity", "An entity cannot be related to itself. Name another one.")
    for id in (start, end):
        if (await entities.find(connection, id)).snapshot.deleted:
            raise Conflict("deleted", "This entity is deleted. Restore it first.", entity_id=id)
    there = await (await connection.execute(EXISTING, ([start, end], type, start, end))).fetchone()
    if there:
        await link(connection, None, [(type, there[2], there[3])])  # a person says it, too
        return _resolved(rows.relationship(there), roots | {there[2]: start, there[3]: end})
    await link(connection, None, [(type, start, end)], again=True)
    return await find(connection, identity.relationship_id(type, start, end))


async def link(
    connection: Connection, source_id: str | None, links: Sequence[tuple[str, str, str]], again: bool = False
) -> None:
    """Add relationships, each a type and two entities that are held. One that was taken back stays so, unless
    ``again``. Raises Conflict ``cycle``, and then adds none."""
    wanted = {identity.relationship_id(*one): one for one in links}
    ids = sorted(wanted, key=lambda id: (wanted[id][0], id))
    columns = [[wanted[id][part] for id in ids] for part in range(3)]
    async with _refusing_circles(connection):
        if again:
            await connection.execute(HOLD, (ids,))
            for id in ids:
                await connection.execute(AGAIN, (source_id, id))
        if ids:
            await connection.execute(ADD, (source_id, ids, *columns))


async def find(connection: Connection, id: str) -> Relationship:
    """One relationship as it was made, also one that was taken back. Raises NotThere."""
    if is_text(id) and (row := await (await connection.execute(FIND, (id,))).fetchone()):
        return rows.relationship(row)
    raise NotThere("no_relationship", "There is no such relationship here.")


async def delete(connection: Connection, id: str) -> None:
    """Take a relationship back; once more changes nothing. Raises NotThere."""
    await find(connection, id)
    await connection.execute(TAKE_BACK, (id,))


async def related(
    connection: Connection,
    id: str,
    type: str | None = None,
    direction: str = "both",
    at: datetime | None = None,
    limit: int = MOST,
) -> list[tuple[Relationship, Entity]]:
    """Relationships of an entity, each with the live entity at its other end; ``direction`` is out, in or both.

    By type, then in the order in which they were made. With ``at``, as it was then. Raises NotThere.
    """
    searchable(type or "")
    if direction not in ("out", "in", "both"):
        raise Invalid("bad_direction", "The direction is out, in or both.")
    if at is not None:
        return await past.related(connection, id, type, direction, at, limit)
    root = (await entities.find(connection, id)).id
    members = await entities.members(connection, root)
    asked = {"out": members if direction != "in" else [], "into": members if direction != "out" else []}
    found = await (await connection.execute(AROUND, {**asked, "type": type, "limit": limit})).fetchall()
    relations = [rows.relationship(row) for row in found]
    standing = await entities.standing(connection, {end for one in relations for end in (one.from_id, one.to_id)})
    ends = {id: entity.id for id, entity in standing.items()}
    resolved = [(one, _resolved(one, ends)) for one in relations]
    pairs = [(both, standing[_other(one, both, root)]) for one, both in resolved if both.from_id != both.to_id]
    return [(relation, entity) for relation, entity in pairs if not entity.snapshot.deleted]


def _other(made: Relationship, resolved: Relationship, root: str) -> str:
    """The end, as it was made, that is not ``root``."""
    return made.to_id if resolved.from_id == root else made.from_id


def _resolved(relationship: Relationship, ends: dict[str, str]) -> Relationship:
    return replace(relationship, from_id=ends[relationship.from_id], to_id=ends[relationship.to_id])


def _check_type(type: str) -> None:
    if not TYPE.fullmatch(type):
        message = "A relationship's type has 1 to 40 small letters and underscores, such as part_of. Rename it."
        raise Invalid("bad_type", message)


@asynccontextmanager
async def _refusing_circles(connection: Connection) -> AsyncIterator[None]:
    """The database's refusal as a Conflict; the transaction can go on."""
    try:
        async with connection.transaction():
            yield
    except psycopg.errors.IntegrityConstraintViolation as error:
        if error.diag.constraint_name != NO_CIRCLE:
            raise
        message = "This would close a circle, which relationships of this type may not. Take one of the others back."
        raise Conflict("cycle", message) from None
