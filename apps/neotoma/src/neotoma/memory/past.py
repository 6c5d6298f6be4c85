"""The memory as it was at a moment: what had been said by then, of what had been merged by then.

Needs the tables of the schema with merges; the version before has no past.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

from neotoma.database import Connection
from neotoma.memory import rows
from neotoma.memory.errors import NotThere
from neotoma.memory.fold import fold
from neotoma.memory.model import Entity, Relationship
from neotoma.memory.values import is_text

ROOTS = """
WITH RECURSIVE chain AS (
  SELECT id AS asked, id FROM unnest(%(ids)s::text[]) AS id
  UNION SELECT c.asked, m.into_id FROM chain c JOIN merges m ON m.from_id = c.id WHERE m.merged_at <= %(at)s
) SELECT asked, id FROM chain c WHERE NOT EXISTS (SELECT FROM merges WHERE from_id = c.id AND merged_at <= %(at)s)
"""
MEMBERS = """
WITH RECURSIVE members AS (
  SELECT id AS root, id FROM unnest(%(ids)s::text[]) AS id
  UNION SELECT m.root, e.from_id FROM members m JOIN merges e ON e.into_id = m.id WHERE e.merged_at <= %(at)s
) """
SAID = MEMBERS + (
    "SELECT m.root, o.id, o.entity_id, o.source_id, o.kind, o.fields, o.observed_at "
    "FROM members m JOIN observations o ON o.entity_id = m.id AND o.observed_at <= %(at)s"
)
NAMED = f"SELECT {rows.ENTITY} FROM entities WHERE id = ANY(%(ids)s)"
IDS = f"{MEMBERS} SELECT id FROM members"
AROUND = """
SELECT r.id, r.type, r.from_id, r.to_id, r.source_id, p.created_at, p.deleted_at
FROM relationships r CROSS JOIN LATERAL (
  SELECT r.created_at, r.deleted_at
  UNION ALL SELECT created_at, deleted_at FROM relationship_periods WHERE relationship_id = r.id
) p
WHERE (r.from_id = ANY(%(out)s) OR r.to_id = ANY(%(into)s)) AND (r.type = %(type)s OR %(type)s::text IS NULL)
  AND p.created_at <= %(at)s AND (p.deleted_at > %(at)s OR p.deleted_at IS NULL)
ORDER BY r.type, p.created_at, r.id LIMIT %(limit)s
"""


async def find(connection: Connection, id: str, at: datetime) -> Entity:
    """An entity as it was; the one that stood for it then. Raises NotThere if nothing had been said of it yet."""
    if is_text(id) and (entity := (await _stood(connection, [id], at)).get(id)):
        return entity
    raise NotThere("no_entity", "There was no such entity here at that time.", entity_id=id)


async def related(
    connection: Connection, id: str, type: str | None, direction: str, at: datetime, limit: int
) -> list[tuple[Relationship, Entity]]:
    """Relationships that an entity had, each with the entity at its other end as it was. Raises NotThere."""
    root = (await find(connection, id, at)).id
    ids = [member for (member,) in await _all(connection, IDS, [root], at)]
    asked = {"out": ids if direction != "in" else [], "into": ids if direction != "out" else []}
    cursor = await connection.execute(AROUND, {**asked, "type": type, "at": at, "limit": limit})
    found = [rows.relationship(row) for row in await cursor.fetchall()]
    stood = await _stood(connection, sorted({end for one in found for end in (one.from_id, one.to_id)}), at)
    pairs = []
    for one in found:
        start, end = stood.get(one.from_id), stood.get(one.to_id)
        if start is None or end is None or start.id == end.id:
            continue
        other = end if start.id == root else start
        if not other.snapshot.deleted:
            pairs.append((replace(one, from_id=start.id, to_id=end.id), other))
    return pairs


async def _stood(connection: Connection, ids: list[str], at: datetime) -> dict[str, Entity]:
    """What these ids meant then, by id; without those of which nothing had been said."""
    roots = dict(await _all(connection, ROOTS, ids, at))
    said: dict[str, list[Any]] = {}
    for root, *row in await _all(connection, SAID, sorted(set(roots.values())), at):
        said.setdefault(root, []).append(rows.observation(tuple(row)))
    named = {row[0]: rows.entity(row) for row in await _all(connection, NAMED, sorted(said), at)}
    stood = {root: replace(named[root], snapshot=fold(said[root]), merged_into=None) for root in said}
    return {id: stood[root] for id, root in roots.items() if root in stood}


async def _all(connection: Connection, query: str, ids: list[str], at: datetime) -> list[tuple[Any, ...]]:
    return await (await connection.execute(query, {"ids": ids, "at": at})).fetchall()
