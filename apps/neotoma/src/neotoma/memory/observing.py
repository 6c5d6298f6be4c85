"""Adds observations, and keeps every snapshot the fold of them.

Whoever adds one holds, until the end of the transaction, the rows of the entities that it is about and of those that
stand for them, always taken in the order of their ids; so no fold misses another's observation, and nobody deadlocks.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Rollback
from psycopg.types.json import Jsonb

from neotoma.database import Connection
from neotoma.memory import identity, rows
from neotoma.memory.errors import Conflict
from neotoma.memory.fold import SPEAKING, fold, winners
from neotoma.memory.model import Field, Observation, Snapshot
from neotoma.memory.values import is_text

ATTEMPTS = 20
CHAIN = """
WITH RECURSIVE chain AS (
  SELECT id, merged_into FROM entities WHERE id = ANY(%s)
  UNION SELECT e.id, e.merged_into FROM chain c JOIN entities e ON e.id = c.merged_into
) SELECT id, merged_into FROM chain
"""
MEMBERS = """
WITH RECURSIVE members AS (
  SELECT id AS root, id FROM unnest(%s::text[]) AS id
  UNION SELECT m.root, e.id FROM members m JOIN entities e ON e.merged_into = m.id
) """
HELD = "SELECT id, merged_into FROM entities WHERE id = ANY(%s) ORDER BY id "
SHARING, UPDATING, REMOVING = "FOR KEY SHARE", "FOR NO KEY UPDATE", "FOR UPDATE"
ENTER = """
INSERT INTO entities (id, type, name) SELECT * FROM unnest(%s::text[], %s::text[], %s::text[]) AS e (id, type, name)
ORDER BY id ON CONFLICT DO NOTHING
"""
NOW = (
    MEMBERS
    + """
SELECT greatest(clock_timestamp(), max(last.observed_at) + interval '1 microsecond') FROM members m CROSS JOIN LATERAL
  (SELECT observed_at FROM observations WHERE entity_id = m.id ORDER BY observed_at DESC LIMIT 1) last
"""
)
ADD = f"""
INSERT INTO observations ({rows.OBSERVATION}) SELECT * FROM unnest(
  %s::text[], %s::text[], %s::text[], %s::text[], %s::jsonb[], %s::timestamptz[]) ON CONFLICT DO NOTHING
"""
CACHED = "SELECT id, snapshot, deleted FROM entities WHERE id = ANY(%s)"
NAMED = f"SELECT {rows.OBSERVATION} FROM observations WHERE id = ANY(%s)"
ALL = MEMBERS + (
    "SELECT m.root, o.id, o.entity_id, o.source_id, o.kind, o.fields, o.observed_at "
    "FROM members m JOIN observations o ON o.entity_id = m.id"
)
CACHE = """
UPDATE entities e SET snapshot = c.snapshot, deleted = c.deleted
FROM unnest(%s::text[], %s::jsonb[], %s::boolean[]) AS c (id, snapshot, deleted) WHERE e.id = c.id
"""


@dataclass(frozen=True)
class Said:
    """What becomes an observation."""

    entity_id: str
    source_id: str | None
    kind: str
    fields: Mapping[str, Field]


async def hold(connection: Connection, ids: Iterable[str], strength: str = UPDATING) -> dict[str, str]:
    """Lock these entities and all that stand for them. Returns the standing entity of each one that is there."""
    asked = sorted(id for id in set(ids) if is_text(id))
    for _ in range(ATTEMPTS):
        chain = dict(await (await connection.execute(CHAIN, (asked,))).fetchall())
        async with connection.transaction() as attempt:
            found = await (await connection.execute(HELD + strength, (sorted(chain),))).fetchall()
            if dict(found) == chain:
                return {id: standing(chain, id) for id in asked if id in chain}
            raise Rollback(attempt)  # merged or forgotten meanwhile; this gives the locks back
    raise Conflict("busy", "Others are merging these entities at this moment. Try again.")


async def enter(connection: Connection, names: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """Add the entities, given as id to type and name, that are not there, and hold them all; see ``hold``."""
    ids = sorted(names)
    for _ in range(ATTEMPTS):
        types, written = [names[id][0] for id in ids], [names[id][1] for id in ids]
        await connection.execute(ENTER, (ids, types, written))
        roots = await hold(connection, ids)
        if len(roots) == len(ids):
            return roots
    raise Conflict("busy", "Others are deleting these entities at this moment. Try again.")


def standing(chain: Mapping[str, str | None], id: str) -> str:
    """The end of a chain of merges."""
    while (into := chain[id]) is not None:
        id = into
    return id


async def observe(connection: Connection, roots: Mapping[str, str], said: Sequence[Said]) -> None:
    """Add observations of entities that are held, all at one moment, later than all before."""
    if not said:
        return
    held = sorted({roots[one.entity_id] for one in said})
    ((now,),) = await (await connection.execute(NOW, (held,))).fetchall()
    observations = [_observation(one, now) for one in said]
    await add(connection, [_row(observation) for observation in observations])
    await _fold_in(connection, roots, {observation.id: observation.entity_id for observation in observations})


async def add(connection: Connection, rows_: Sequence[tuple[Any, ...]]) -> None:
    """Add rows of observations, each with the columns ``rows.OBSERVATION``; those that are there stay as they are."""
    await connection.execute(ADD, [list(column) for column in zip(*rows_, strict=True)])


async def refold(connection: Connection, roots: Iterable[str]) -> None:
    """Fold entities that are held from all their observations; one of which nothing is said is left as it is."""
    groups: dict[str, list[Observation]] = {}
    for root, *row in await (await connection.execute(ALL, (sorted(roots),))).fetchall():
        groups.setdefault(root, []).append(rows.observation(tuple(row)))
    await _cache(connection, {root: fold(observations) for root, observations in groups.items()})


async def _fold_in(connection: Connection, roots: Mapping[str, str], new: Mapping[str, str]) -> None:
    """Fold the new, by id to entity, with the winners of before, which is folding all.

    A new deletion or restoration is the newest of all, so without one nothing changes in that.
    """
    held = sorted({roots[entity] for entity in new.values()})
    before = {
        id: Snapshot(rows.snapshot_fields(fields), deleted)
        for id, fields, deleted in await _all(connection, CACHED, held)
    }
    wanted = {id for snapshot in before.values() for id in winners(snapshot)} | new.keys()
    known = {row[0]: rows.observation(row) for row in await _all(connection, NAMED, sorted(wanted))}
    said: dict[str, list[Observation]] = {root: [] for root in held}
    for id, entity in new.items():
        said[roots[entity]].append(known[id])
    after = {}
    for root, snapshot in before.items():
        added = said[root]
        folded = fold([*(known[id] for id in winners(snapshot)), *added])
        silent = all(observation.kind in SPEAKING for observation in added)
        after[root] = Snapshot(folded.fields, snapshot.deleted if silent else folded.deleted)
    await _cache(connection, {root: snapshot for root, snapshot in after.items() if snapshot != before[root]})


async def _cache(connection: Connection, snapshots: Mapping[str, Snapshot]) -> None:
    ids = sorted(snapshots)
    fields = [Jsonb(rows.stored_snapshot(snapshots[id])) for id in ids]
    if ids:
        await connection.execute(CACHE, (ids, fields, [snapshots[id].deleted for id in ids]))


async def _all(connection: Connection, query: str, ids: Sequence[str]) -> list[tuple[Any, ...]]:
    return await (await connection.execute(query, (list(ids),))).fetchall()


def _observation(said: Said, now: datetime) -> Observation:
    """A source's words have the same id at any time; a person's are new each time."""
    at = None if said.source_id else now
    id = identity.observation_id(said.entity_id, said.source_id, said.kind, said.fields, at)
    return Observation(id, said.entity_id, said.source_id, said.kind, said.fields, now)


def _row(one: Observation) -> tuple[Any, ...]:
    return (one.id, one.entity_id, one.source_id, one.kind, Jsonb(rows.stored_fields(one.fields)), one.observed_at)
