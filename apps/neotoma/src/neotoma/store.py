"""Documents and facts in PostgreSQL. Every function takes a connection; the caller owns the transaction."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row

from neotoma.extraction import Extraction, Fact
from neotoma.titles import title_of

Connection = AsyncConnection[Any]
LARGEST_ID = 2**63 - 1

SUMMARY = """
SELECT id, name, kind, coalesce(title, name) AS title, created_at,
       (SELECT count(*) FROM facts WHERE document_id = documents.id) AS facts
FROM documents
"""
INSERT = """
INSERT INTO documents (sha256, name, kind, original, body, title) VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (sha256) DO NOTHING RETURNING id
"""
SCHEMA = """
SELECT coalesce((SELECT version || CASE WHEN finished THEN '' ELSE '-partial' END
                 FROM schema_migrations ORDER BY version DESC LIMIT 1), '0')
"""
WORKS = """
SELECT d.id, d.sha256, d.name, d.kind, d.original, d.body, d.title, d.created_at,
       f.position, f.place, f.text, f.words
FROM documents d JOIN facts f ON f.document_id = d.id LIMIT 0
"""


@dataclass(frozen=True)
class Document:
    """A document as lists show it; ``facts`` is how many it has."""

    id: int
    name: str
    kind: str
    title: str
    created_at: datetime
    facts: int


async def add(connection: Connection, name: str, content: bytes, extraction: Extraction) -> tuple[int, bool]:
    """Store a document unless the same bytes are there already. Returns its id and whether it is new."""
    sha256 = hashlib.sha256(content).hexdigest()
    values = (sha256, name, extraction.kind, content, extraction.text, title_of(extraction))
    while (row := await (await connection.execute(INSERT, values)).fetchone()) is None:
        known = await connection.execute("SELECT id FROM documents WHERE sha256 = %s", (sha256,))
        if (row := await known.fetchone()) is not None:  # None: deleted since, so insert after all
            return row[0], False
    copying = connection.cursor().copy("COPY facts (document_id, position, place, text) FROM STDIN")
    async with copying as copy:
        for position, fact in enumerate(extraction.facts):
            await copy.write_row((row[0], position, fact.place, fact.text))
    return row[0], True


async def find(connection: Connection, document_id: int) -> Document | None:
    """One document, or None."""
    if document_id > LARGEST_ID:
        return None
    async with connection.cursor(row_factory=class_row(Document)) as cursor:
        await cursor.execute(SUMMARY + "WHERE id = %s", (document_id,))
        return await cursor.fetchone()


async def newest(connection: Connection, limit: int) -> list[Document]:
    """The documents uploaded last, newest first."""
    async with connection.cursor(row_factory=class_row(Document)) as cursor:
        await cursor.execute(SUMMARY + "ORDER BY id DESC LIMIT %s", (limit,))
        return await cursor.fetchall()


async def text(connection: Connection, document_id: int) -> str:
    """The text of a document that exists."""
    found = await connection.execute("SELECT body FROM documents WHERE id = %s", (document_id,))
    row = await found.fetchone()
    return row[0] if row else ""


async def facts(connection: Connection, document_id: int) -> list[Fact]:
    """The facts of a document, in the order of the file."""
    async with connection.cursor(row_factory=class_row(Fact)) as cursor:
        await cursor.execute("SELECT place, text FROM facts WHERE document_id = %s ORDER BY position", (document_id,))
        return await cursor.fetchall()


async def delete(connection: Connection, document_id: int) -> bool:
    """Delete a document with its facts. Returns whether it was there."""
    if document_id > LARGEST_ID:
        return False
    return (await connection.execute("DELETE FROM documents WHERE id = %s", (document_id,))).rowcount == 1


async def count(connection: Connection) -> int:
    """How many documents there are."""
    row = await (await connection.execute("SELECT count(*) FROM documents")).fetchone()
    return int(row[0]) if row else 0


async def schema(connection: Connection) -> str:
    """The version of the schema, ``0`` for an empty one."""
    row = await (await connection.execute(SCHEMA)).fetchone()
    return str(row[0]) if row else "0"


async def works(connection: Connection) -> None:
    """Ask for every column that this version uses. Raises psycopg.Error when the schema does not suit it."""
    await connection.execute(WORKS)
