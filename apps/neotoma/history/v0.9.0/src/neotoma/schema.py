"""Which schema the database has, and whether this version can work on it."""

from neotoma.database import Connection
from neotoma.memory import sources

VERSION = """
SELECT coalesce((SELECT version || CASE WHEN finished THEN '' ELSE '-partial' END
                 FROM schema_migrations ORDER BY version DESC LIMIT 1), '0')
"""
USED = (
    sources.USED,
    "SELECT source_id, position, place, text FROM chunks WHERE false",
    "SELECT id, type, name, snapshot, deleted, merged_into, created_at FROM entities WHERE false",
    "SELECT id, entity_id, source_id, kind, fields, observed_at FROM observations WHERE false",
    "SELECT id, type, from_id, to_id, source_id, created_at, deleted_at FROM relationships WHERE false",
)
"""Every column that requests use."""


async def version(connection: Connection) -> str:
    """The version of the schema, ``0`` for an empty one."""
    row = await (await connection.execute(VERSION)).fetchone()
    return str(row[0]) if row else "0"


async def suits(connection: Connection) -> None:
    """Ask for every column that this version uses. Raises psycopg.Error when one is missing, or may not be read."""
    for statement in USED:
        await connection.execute(statement)
