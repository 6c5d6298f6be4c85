"""A whole memory as JSON lines, and back. The same memory gives the same bytes; files are carried beside it."""

import hashlib
import json
from collections import Counter
from collections.abc import AsyncIterable, AsyncIterator, Mapping, Sequence
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from neotoma.database import Connection
from neotoma.memory import lines, observing, sources
from neotoma.memory.errors import Invalid
from neotoma.memory.lines import PARTS, Values
from neotoma.memory.model import Source
from neotoma.memory.relationships import NO_CIRCLE

BATCH = 500
UTC = """to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""


def _at(column: str) -> str:
    return UTC.format(column)


EXPORT = f"""
SELECT line FROM (
  SELECT 1 AS part, id AS key, 0 AS position, jsonb_build_object('source', jsonb_build_object('id', id,
    'sha256', sha256, 'name', name, 'media_type', media_type, 'bytes', bytes, 'kind', kind, 'status', status,
    'document_type', document_type, 'title', title, 'problem', problem, 'created_at', {_at("created_at")})) AS line
  FROM ({sources.FIND}) s (id, sha256, name, media_type, bytes, kind, status, document_type, title, problem, created_at)
  UNION ALL SELECT 2, source_id, position, jsonb_build_object('chunk', jsonb_build_object(
    'source_id', source_id, 'position', position, 'place', place, 'text', text)) FROM chunks
  UNION ALL SELECT 3, id, 0, jsonb_build_object('entity', jsonb_build_object(
    'id', id, 'type', type, 'name', name, 'created_at', {_at("created_at")})) FROM entities
  UNION ALL SELECT 4, id, 0, jsonb_build_object('observation', jsonb_build_object('id', id, 'entity_id', entity_id,
    'source_id', source_id, 'kind', kind, 'fields', fields, 'observed_at', {_at("observed_at")})) FROM observations
  UNION ALL SELECT 5, id, 0, jsonb_build_object('relationship', jsonb_build_object('id', id, 'type', type,
    'from', from_id, 'to', to_id, 'source_id', source_id, 'created_at', {_at("created_at")},
    'deleted_at', {_at("deleted_at")},
    'said_by', (SELECT coalesce(jsonb_agg(said.source_id ORDER BY said.source_id COLLATE "C"), '[]') FROM (
       SELECT source_id FROM relationship_sources WHERE relationship_id = r.id
       UNION SELECT r.source_id WHERE r.deleted_at IS NULL) said),
    'periods', (SELECT coalesce(jsonb_agg(jsonb_build_array({_at("p.created_at")}, {_at("p.deleted_at")})
       ORDER BY p.created_at), '[]') FROM relationship_periods p WHERE p.relationship_id = r.id)))
    FROM relationships r
  UNION ALL SELECT 6, from_id, 0, jsonb_build_object('merge', jsonb_build_object(
    'from', from_id, 'into', into_id, 'merged_at', {_at("merged_at")})) FROM merges
) lines ORDER BY part, key COLLATE "C", position
"""
ADD = {
    "chunk": "INSERT INTO chunks (source_id, position, place, text) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
    "entity": "INSERT INTO entities (id, type, name, created_at) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
    "relationship": (
        "INSERT INTO relationships (id, type, from_id, to_id, source_id, created_at, deleted_at) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"
    ),
}
SAID = "INSERT INTO relationship_sources (relationship_id, source_id) VALUES (%s, %s) ON CONFLICT DO NOTHING"
PERIOD = """
INSERT INTO relationship_periods (relationship_id, created_at, deleted_at) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING
"""
MERGED = "SELECT merged_into FROM entities WHERE id = %s"
MERGE = "UPDATE entities SET merged_into = %s, snapshot = '{}', deleted = false WHERE id = %s"
KEEP_MERGE = "INSERT INTO merges (from_id, into_id, merged_at) VALUES (%s, %s, %s)"
UNSPOKEN = """
SELECT id FROM entities e WHERE id = ANY(%s) AND NOT EXISTS (SELECT FROM observations WHERE entity_id = e.id)
  AND NOT EXISTS (SELECT FROM entities WHERE merged_into = e.id) LIMIT 1
"""


async def export(connection: Connection) -> AsyncIterator[bytes]:
    """All of the memory as it is at one moment, line by line."""
    yield _line({"memory": {"version": lines.VERSION}})
    async with connection.cursor(name="export") as cursor:
        cursor.itersize = BATCH
        await cursor.execute(EXPORT)
        async for (line,) in cursor:
            yield _line(line)


async def import_(connection: Connection, given: AsyncIterable[bytes]) -> Mapping[str, int]:
    """Add an exported memory to this one; what is there already stays as it is. Returns how many lines of each kind
    were read. Raises Invalid, and then the transaction must not be committed."""
    intake = _Intake(connection)
    try:
        async for line in given:
            await intake.take(*lines.read(line))
        await intake.finish()
    except psycopg.errors.ForeignKeyViolation:
        raise _refused("unknown_reference", "a line refers to something that is not in it") from None
    except psycopg.errors.IntegrityConstraintViolation as error:
        if error.diag.constraint_name == NO_CIRCLE:
            raise _refused("cycle", "relationships in it close a circle, or do so with those that are here") from None
        raise _refused("bad_export", "a merge in it does not join two standing entities of one type") from None
    except psycopg.IntegrityError:
        raise _refused("bad_export", "what one line says contradicts another") from None
    return intake.read


class _Intake:
    """Takes lines in their order, in batches of one kind."""

    def __init__(self, connection: Connection) -> None:
        self.read: Counter[str] = Counter()
        self._connection, self._part, self._batch = connection, "", list[Values]()
        self._entities: list[str] = []
        self._records: dict[str, _Record] = {}
        self._merges: list[Values] = []

    async def take(self, part: str, values: Values) -> None:
        """Take one line."""
        if not self._part and part != PARTS[0]:
            raise _refused("bad_export", "it does not begin as one")
        if self._part and (part == PARTS[0] or PARTS.index(part) < PARTS.index(self._part)):
            raise _refused("bad_export", "its lines are not in order")
        if part != self._part or len(self._batch) == BATCH:
            await self._flush()
        if part == "observation" and self._part != part:
            await observing.hold(self._connection, self._entities)
        self._part = part
        if part == "source" and values["kind"] == "structured":
            self._records[values["id"]] = _Record(values["sha256"])
        if part == "chunk" and values["source_id"] in self._records:
            self._records[values["source_id"]].take(values)
        if part != PARTS[0]:
            self._batch.append(values)
            self.read[part] += 1

    async def finish(self) -> None:
        """Take the last lines, merge what was merged, and fold everything."""
        await self._flush()
        roots = await observing.hold(self._connection, self._entities)
        for merge in sorted(self._merges, key=lambda one: (one["merged_at"], one["from"])):
            await self._merge(merge)
        if not self._part:
            raise _refused("bad_export", "it is empty")
        if not all(record.whole for record in self._records.values()):
            raise _refused("bad_export", "the text of a record in it is not the one that its id is of")
        if await (await self._connection.execute(UNSPOKEN, (self._entities,))).fetchone():
            raise _refused("bad_export", "it has an entity of which nothing is said")
        roots = await observing.hold(self._connection, self._entities)
        await observing.refold(self._connection, set(roots.values()))

    async def _flush(self) -> None:
        batch, self._batch = self._batch, []
        if not batch:
            return
        match self._part:
            case "source":
                for values in batch:
                    await sources.add(self._connection, _source(values))
            case "merge":
                self._merges += batch
            case "observation":
                await observing.add(self._connection, [ROWS["observation"](values) for values in batch])
            case part:
                await self._many(ADD[part], [ROWS[part](values) for values in batch])
        if self._part == "entity":
            self._entities += [values["id"] for values in batch]
        if self._part == "relationship":
            said = [(values["id"], source) for values in batch for source in values["said_by"]]
            await self._many(SAID, said)
            await self._many(PERIOD, [(values["id"], *period) for values in batch for period in values["periods"]])

    async def _many(self, query: str, rows: Sequence[tuple[Any, ...]]) -> None:
        async with self._connection.cursor() as cursor:
            await cursor.executemany(query, rows)

    async def _merge(self, merge: Values) -> None:
        found = await (await self._connection.execute(MERGED, (merge["from"],))).fetchone()
        if found is not None and found[0] == merge["into"]:
            return
        await self._connection.execute(MERGE, (merge["into"], merge["from"]))
        await self._connection.execute(KEEP_MERGE, (merge["from"], merge["into"], merge["merged_at"]))


class _Record:
    """The text of a structured record, which is its bytes, as its chunks come."""

    def __init__(self, sha256: str) -> None:
        self._sha256, self._digest, self._chunks, self._ordered = sha256, hashlib.sha256(), 0, True

    def take(self, chunk: Values) -> None:
        """The next piece."""
        self._ordered &= chunk["position"] == self._chunks
        self._chunks += 1
        self._digest.update(chunk["text"].encode())

    @property
    def whole(self) -> bool:
        """Whether that was all of it, and nothing else."""
        return self._ordered and self._digest.hexdigest() == self._sha256


ROWS: Mapping[str, Any] = {
    "chunk": lambda one: (one["source_id"], one["position"], one["place"], one["text"]),
    "entity": lambda one: (one["id"], one["type"], one["name"], one["created_at"]),
    "observation": lambda one: (
        one["id"], one["entity_id"], one["source_id"], one["kind"], Jsonb(one["fields"]), one["observed_at"]
    ),
    "relationship": lambda one: (
        one["id"], one["type"], one["from"], one["to"], one["source_id"], one["created_at"], one["deleted_at"]
    ),
}  # fmt: skip


def _source(values: Values) -> Source:
    return Source(**{**values, "created_at": lines.moment(values["created_at"])})


def _line(said: object) -> bytes:
    return json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _refused(code: str, why: str) -> Invalid:
    return Invalid(code, f"This memory cannot be taken in: {why}. Nothing was stored. Export it again.")
