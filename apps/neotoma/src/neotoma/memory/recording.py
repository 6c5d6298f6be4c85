"""What a source says becomes part of the memory, and ceases to be when the source is forgotten."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from neotoma.database import Connection
from neotoma.extraction.model import Found, Link
from neotoma.memory import identity, observing, records, relationships, sources
from neotoma.memory.entities import not_there
from neotoma.memory.errors import Conflict, NotThere
from neotoma.memory.fold import SPEAKING
from neotoma.memory.model import Source
from neotoma.memory.observing import Said
from neotoma.memory.records import Record, Relation

SHARE = "SELECT FROM sources WHERE id = %s FOR KEY SHARE"
TAKE = "SELECT FROM sources WHERE id = %s FOR UPDATE"
SPOKEN_OF = """
SELECT DISTINCT entity_id FROM observations WHERE source_id = %s
"""
ABOVE = observing.CHAIN
REMOVE = "DELETE FROM sources WHERE id = %s"
SILENT = f"""
SELECT id FROM entities e WHERE id = ANY(%s)
  AND NOT EXISTS (SELECT FROM observations WHERE entity_id = e.id AND kind IN {SPEAKING})
  AND NOT EXISTS (SELECT FROM entities WHERE merged_into = e.id)
"""
REMOVE_ENTITIES = (
    "DELETE FROM relationships WHERE from_id = ANY(%(ids)s) OR to_id = ANY(%(ids)s)",
    "DELETE FROM observations WHERE entity_id = ANY(%(ids)s)",
    "DELETE FROM entities WHERE id = ANY(%(ids)s)",
)


@dataclass(frozen=True)
class Recorded:
    """A stored record, with the ids of its entities in their order."""

    source_id: str
    entity_ids: Sequence[str]


async def record(
    connection: Connection, source_id: str, kind: str, entities: Sequence[Found], links: Sequence[Link]
) -> list[str]:
    """Add what a source says. Returns the ids of ``entities``, in their order. Recorded again, nothing changes.

    Raises NotThere if the source was deleted meanwhile, and Conflict if links of a structured record close a circle.
    """
    if (await connection.execute(SHARE, (source_id,))).rowcount == 0:
        raise NotThere("no_source", "This source is not here any more. Store it again.")
    ids = [identity.entity_id(found.type, found.name) for found in entities]
    names = {id: (found.type, found.name) for id, found in reversed(list(zip(ids, entities, strict=True)))}
    roots = await observing.enter(connection, names)
    said = {(id, _key(found)): Said(id, source_id, kind, found.fields) for id, found in zip(ids, entities, strict=True)}
    await observing.observe(connection, roots, list(said.values()))
    ends = [(link.type, ids[link.from_index], ids[link.to_index]) for link in links]
    await _relate(connection, source_id, kind, [one for one in ends if roots[one[1]] != roots[one[2]]])
    return ids


async def store(
    connection: Connection,
    name: str,
    entities: Sequence[Mapping[str, Any]],
    relationships: Sequence[Mapping[str, Any]],
) -> Recorded:
    """Add a structured record: entities as ``{type, name, fields}`` with scalars as values, and relationships as
    ``{type, from, to}``. The record is a source of its own; stored twice it is known, and nothing changes.

    Raises Invalid, NotThere for an end that is no known entity, and Conflict for a circle.
    """
    record_ = records.read(name, entities, relationships)
    source = _source(record_)
    ids = tuple(identity.entity_id(found.type, found.name) for found in record_.entities)
    if await sources.add(connection, source):
        await sources.add_chunks(connection, source.id, record_.chunks)
        await record(connection, source.id, source.kind, record_.entities, ())
        await _relate_known(connection, source.id, ids, record_.relations)
    return Recorded(source.id, ids)


async def forget(connection: Connection, source_id: str) -> None:
    """Delete a source and all that only it says: its text, observations and relationships, and the entities of which
    no other source and no correction speaks, with every relationship to them. The rest is folded anew.

    Raises NotThere. The file itself is the storage's matter.
    """
    if (await connection.execute(TAKE, (source_id,))).rowcount == 0:
        raise NotThere("no_source", "There is no such source here.")
    spoken_of = [id for (id,) in await (await connection.execute(SPOKEN_OF, (source_id,))).fetchall()]
    roots = set((await observing.hold(connection, spoken_of, observing.REMOVING)).values())
    above = [id for id, _ in await (await connection.execute(ABOVE, (spoken_of,))).fetchall()]
    await connection.execute(REMOVE, (source_id,))
    while silent := [id for (id,) in await (await connection.execute(SILENT, (above,))).fetchall()]:
        for removal in REMOVE_ENTITIES:
            await connection.execute(removal, {"ids": silent})
        roots.difference_update(silent)
    await observing.refold(connection, roots)


async def _relate(connection: Connection, source_id: str, kind: str, links: list[tuple[str, str, str]]) -> None:
    """Add the links. A person's record is refused with one that closes a circle; a file, which cannot be told to be
    otherwise, only loses it."""
    try:
        await relationships.link(connection, source_id, links, again=kind == "structured")
    except Conflict:
        if kind == "structured":
            raise
        for one in sorted(links):
            with suppress(Conflict):
                await relationships.link(connection, source_id, [one])


async def _relate_known(
    connection: Connection, source_id: str, ids: Sequence[str], relations: Sequence[Relation]
) -> None:
    """Add a record's relationships, between its own entities and known ones."""
    links = [(one.type, _end(ids, one.start), _end(ids, one.end)) for one in relations]
    known = [end for _, start, end_ in links for end in (start, end_)]
    roots = await observing.hold(connection, known, observing.SHARING)
    for end in known:
        if end not in roots:
            raise not_there(end)
    await _relate(connection, source_id, "structured", [one for one in links if roots[one[1]] != roots[one[2]]])


def _end(ids: Sequence[str], end: int | str) -> str:
    return ids[end] if isinstance(end, int) else end


def _source(record_: Record) -> Source:
    """The source that a record is."""
    size, now = len(record_.text.encode()), datetime.now(UTC)
    id, kind = identity.source_id(record_.sha256), "structured"
    media_type, type = "application/json", "record"
    return Source(id, record_.sha256, record_.name, media_type, size, kind, "ready", type, record_.name, None, now)


def _key(found: Found) -> str:
    """Tells two sayings of one entity in one source apart."""
    return repr(sorted((name, field.value, field.type, field.place) for name, field in found.fields.items()))
