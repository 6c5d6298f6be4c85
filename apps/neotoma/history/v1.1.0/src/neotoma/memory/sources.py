"""Sources and their text in PostgreSQL. The only module that names the columns of ``sources``.

Every function takes a connection whose transaction the caller owns and which sees one memory only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from neotoma.database import Connection
from neotoma.extraction.model import Chunk, Extraction
from neotoma.memory import paging, rows
from neotoma.memory.model import Observation, Source
from neotoma.memory.paging import Page

COLUMNS = "id, sha256, file_name, media_type, bytes, kind, status, document_type, title, problem, created_at"
FIND = f"SELECT {COLUMNS.replace('file_name', 'file_name AS name')} FROM sources"
ADD = f"INSERT INTO sources ({COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"
READY = """
UPDATE sources SET status = 'ready', document_type = %s, title = %s, problem = NULL, leased_until = NULL WHERE id = %s
"""
FAILED = "UPDATE sources SET status = 'failed', problem = %s, leased_until = NULL WHERE id = %s"
ADD_CHUNKS = """
INSERT INTO chunks (source_id, position, place, text)
SELECT %s, position - 1, place, text FROM unnest(%s::text[], %s::text[]) WITH ORDINALITY AS c (place, text, position)
"""
CHUNKS = "SELECT place, text FROM chunks WHERE source_id = %s AND position >= %s ORDER BY position LIMIT %s"
OBSERVATIONS = f"SELECT {rows.OBSERVATION} FROM observations WHERE source_id = %s ORDER BY id LIMIT %s"
USED = f"SELECT {COLUMNS}, attempts, leased_until FROM sources WHERE false"
"""Fails on a schema that has not all of it."""


@dataclass(frozen=True)
class Counts:
    """How many sources there are, by status."""

    ready: int
    processing: int
    failed: int


async def lock(connection: Connection, owner: str, sha256: str) -> None:
    """Wait for, and until the end of the transaction shut out, whoever else stores or deletes these bytes."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"{owner}/{sha256}",))


async def find(connection: Connection, id: str) -> Source | None:
    """One source, or None."""
    async with connection.cursor(row_factory=class_row(Source)) as cursor:
        await cursor.execute(f"{FIND} WHERE id = %s", (id,))
        return await cursor.fetchone()


async def named(connection: Connection, ids: Sequence[str]) -> dict[str, Source]:
    """Those of these sources that are there, by id."""
    async with connection.cursor(row_factory=class_row(Source)) as cursor:
        await cursor.execute(f"{FIND} WHERE id = ANY(%s)", (list(ids),))
        return {source.id: source async for source in cursor}


async def page(connection: Connection, limit: int, cursor: str | None = None) -> Page[Source]:
    """Sources, newest first."""
    key = paging.after(cursor, 2)
    where, values = ("WHERE (created_at, id) < (%s, %s)", (rows.moment(key[0]), key[1])) if key else ("", ())
    async with connection.cursor(row_factory=class_row(Source)) as selecting:
        await selecting.execute(f"{FIND} {where} ORDER BY created_at DESC, id DESC LIMIT %s", (*values, limit + 1))
        found = await selecting.fetchall()
    last = found[limit - 1] if len(found) > limit else None
    return Page(tuple(found[:limit]), paging.cursor(last.created_at.isoformat(), last.id) if last else None)


async def counts(connection: Connection) -> Counts:
    """How many there are."""
    found = await connection.execute("SELECT status, count(*) FROM sources GROUP BY status")
    by_status = dict(await found.fetchall())
    return Counts(*(by_status.get(status, 0) for status in ("ready", "processing", "failed")))


async def add(connection: Connection, source: Source) -> bool:
    """Add a source as it is. Returns whether it is new; if its bytes are there already, nothing changes."""
    problem = Jsonb(source.problem) if source.problem is not None else None
    values = (source.id, source.sha256, source.name, source.media_type, source.bytes, source.kind, source.status)
    added = await connection.execute(ADD, (*values, source.document_type, source.title, problem, source.created_at))
    return added.rowcount == 1


async def ready(connection: Connection, id: str, extraction: Extraction) -> None:
    """Add the text that was read, and say that the source is ready. What it tells of entities is not kept here."""
    await connection.execute(READY, (extraction.document_type, extraction.title, id))
    await add_chunks(connection, id, extraction.chunks)


async def failed(connection: Connection, id: str, problem: Mapping[str, Any]) -> None:
    """Say that nothing could be read; ``problem`` is ``{code, message}``."""
    await connection.execute(FAILED, (Jsonb(problem), id))


async def add_chunks(connection: Connection, id: str, chunks: Sequence[Chunk]) -> None:
    """Add the text of a source that has none yet. (COPY is refused by row-level security.)"""
    places, texts = [chunk.place for chunk in chunks], [chunk.text for chunk in chunks]
    await connection.execute(ADD_CHUNKS, (id, places, texts))


async def text(connection: Connection, id: str, limit: int | None = None, start: int = 0) -> list[Chunk]:
    """The text of a source, in order; ``limit`` chunks from position ``start`` on."""
    async with connection.cursor(row_factory=class_row(Chunk)) as cursor:
        await cursor.execute(CHUNKS, (id, start, limit))
        return await cursor.fetchall()


async def observations(connection: Connection, id: str, limit: int | None = None) -> list[Observation]:
    """What a source says, by id of the observations."""
    found = await connection.execute(OBSERVATIONS, (id, limit))
    return [rows.observation(row) async for row in found]
