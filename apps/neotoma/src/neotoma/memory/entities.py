"""Entities with what holds of them, and what a person says of them.

An entity that was merged is read through the one that stands for it: its id goes on to work.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from neotoma.database import Connection
from neotoma.memory import observing, paging, past, rows, sources, values
from neotoma.memory.errors import Conflict, Invalid, NotThere
from neotoma.memory.fold import precedence
from neotoma.memory.model import Entity, Observation, Source
from neotoma.memory.observing import Said
from neotoma.memory.paging import Page

MOST_FIELDS, LONGEST_NAME = 100, 300
STANDING = """
WITH RECURSIVE chain AS (
  SELECT id AS asked, id, merged_into FROM entities WHERE id = ANY(%s)
  UNION SELECT c.asked, e.id, e.merged_into FROM chain c JOIN entities e ON e.id = c.merged_into
) SELECT c.asked, e.id, e.type, e.name, e.snapshot, e.deleted, e.merged_into, e.created_at
FROM chain c JOIN entities e ON e.id = c.id WHERE e.merged_into IS NULL
"""
MEMBERS = f"{observing.MEMBERS} SELECT id FROM members ORDER BY id"
PAGE = f"""
SELECT {rows.ENTITY} FROM entities
WHERE merged_into IS NULL AND deleted = %(deleted)s AND (type = %(type)s OR %(type)s::text IS NULL)
  AND (name ILIKE %(text)s OR %(text)s::text IS NULL)
"""
OBSERVATIONS = f"SELECT {rows.OBSERVATION} FROM observations WHERE entity_id = ANY(%s)"
OF_FIELD = f"{OBSERVATIONS} AND fields ? %s"
TYPES = """
SELECT type, count(*) FROM entities WHERE merged_into IS NULL AND NOT deleted GROUP BY type ORDER BY type
"""


async def find(connection: Connection, id: str, at: datetime | None = None) -> Entity:
    """An entity, also a deleted one; the one that stands for it if it was merged. With ``at``, as it was then.

    Raises NotThere; also for a time before anything was said of it.
    """
    if at is not None:
        return await past.find(connection, id, at)
    if entity := (await standing(connection, (id,))).get(id):
        return entity
    raise not_there(id)


async def standing(connection: Connection, ids: Iterable[str]) -> dict[str, Entity]:
    """The entities that these ids mean, by id; without those that are not there."""
    asked = sorted(id for id in ids if values.is_text(id))
    found = await (await connection.execute(STANDING, (asked,))).fetchall()
    return {id: rows.entity(tuple(row)) for id, *row in found}


async def members(connection: Connection, root: str) -> list[str]:
    """The entity's id and those of all that were merged into it."""
    return [id for (id,) in await (await connection.execute(MEMBERS, ([root],))).fetchall()]


async def page(
    connection: Connection,
    type: str | None = None,
    text: str | None = None,
    limit: int = 50,
    cursor: str | None = None,
    deleted: bool = False,
) -> Page[Entity]:
    """Entities by type and name; ``text`` is a part of the name. Deleted ones if ``deleted``, else live ones."""
    for word in (type or "", text or ""):
        values.searchable(word)
    key = paging.after(cursor, 3)
    where = "AND (type, name, id) > (%(after_type)s, %(after_name)s, %(after_id)s)" if key else ""
    asked = {"type": type, "text": _part(text), "deleted": deleted, "limit": limit + 1}
    keys = dict(zip(("after_type", "after_name", "after_id"), key or (), strict=False))
    query = f"{PAGE} {where} ORDER BY type, name, id LIMIT %(limit)s"
    found = [rows.entity(row) for row in await (await connection.execute(query, {**asked, **keys})).fetchall()]
    last = found[limit - 1] if len(found) > limit else None
    return Page(tuple(found[:limit]), paging.cursor(last.type, last.name, last.id) if last else None)


async def observations(
    connection: Connection, id: str, limit: int = 50, cursor: str | None = None
) -> Page[Observation]:
    """All that was said of an entity and of those merged into it, newest first. Raises NotThere."""
    ids = await members(connection, (await find(connection, id)).id)
    key = paging.after(cursor, 2)
    where, keys = ("AND (observed_at, id) < (%s, %s)", (rows.moment(key[0]), key[1])) if key else ("", ())
    query = f"{OBSERVATIONS} {where} ORDER BY observed_at DESC, id DESC LIMIT %s"
    rows_found = await (await connection.execute(query, (ids, *keys, limit + 1))).fetchall()
    found = [rows.observation(row) for row in rows_found]
    last = found[limit - 1] if len(found) > limit else None
    return Page(tuple(found[:limit]), paging.cursor(last.observed_at.isoformat(), last.id) if last else None)


async def provenance(connection: Connection, id: str, field: str) -> list[tuple[Observation, Source | None]]:
    """Every observation that gave a field a value, the one that holds first, with its source. Raises NotThere."""
    ids = await members(connection, (await find(connection, id)).id)
    cursor = await connection.execute(OF_FIELD, (ids, field if values.is_text(field) else ""))
    found = [rows.observation(row) for row in await cursor.fetchall()]
    if not found:
        raise NotThere("no_field", "This entity has no such field. See its fields for those it has.")
    named = await sources.named(connection, sorted({one.source_id for one in found if one.source_id}))
    ordered = sorted(found, key=precedence, reverse=True)
    return [(one, named.get(one.source_id) if one.source_id else None) for one in ordered]


async def correct(connection: Connection, id: str, fields: Mapping[str, object]) -> Entity:
    """Say what fields really are; this beats every source. A field keeps its type. Raises NotThere, Invalid, and
    Conflict for a deleted entity."""
    if not 0 < len(fields) <= MOST_FIELDS:
        raise Invalid("bad_fields", f"A correction has 1 to {MOST_FIELDS} fields. Send it in parts.")
    root, entity = await _held(connection, id)
    if entity.snapshot.deleted:
        raise Conflict("deleted", "This entity is deleted. Restore it first.", entity_id=root)
    corrected = {}
    for name, value in fields.items():
        values.storable(name.strip(), "A field's name", LONGEST_NAME)
        known, what = entity.snapshot.fields.get(name), f"The field {values.shown(name)}"
        corrected[name] = values.of_type(value, known.type, what) if known else values.typed(value, what)
    await observing.observe(connection, {root: root}, [Said(root, None, "correction", corrected)])
    return await find(connection, root)


async def delete(connection: Connection, id: str) -> Entity:
    """Hide an entity; nothing of it is lost. Once more changes nothing. Raises NotThere."""
    return await _hidden(connection, id, True)


async def restore(connection: Connection, id: str) -> Entity:
    """Show a deleted entity again. Raises NotThere."""
    return await _hidden(connection, id, False)


async def types(connection: Connection) -> list[tuple[str, int]]:
    """The types of live entities, and how many there are of each."""
    return [(type, count) for type, count in await (await connection.execute(TYPES)).fetchall()]


def not_there(id: str) -> NotThere:
    """The refusal of an id that is not in this memory."""
    return NotThere("no_entity", "There is no such entity here.", entity_id=id)


async def _hidden(connection: Connection, id: str, deleted: bool) -> Entity:
    root, entity = await _held(connection, id)
    if entity.snapshot.deleted != deleted:
        kind = "deletion" if deleted else "restoration"
        await observing.observe(connection, {root: root}, [Said(root, None, kind, {})])
    return await find(connection, root)


async def _held(connection: Connection, id: str) -> tuple[str, Entity]:
    """The entity that an id means, its row held until the end of the transaction."""
    roots = await observing.hold(connection, (id,))
    if id not in roots:
        raise not_there(id)
    return roots[id], await find(connection, roots[id])


def _part(text: str | None) -> str | None:
    """A pattern for LIKE that finds the text itself."""
    if not text:
        return None
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
