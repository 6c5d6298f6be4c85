"""Which schema the database has, and whether this version can work on it."""

from neotoma.database import Connection
from neotoma.memory import sources

VERSION = """
SELECT coalesce((SELECT version || CASE WHEN finished THEN '' ELSE '-partial' END
                 FROM schema_migrations ORDER BY version DESC LIMIT 1), '0')
"""
USED = (
    "SELECT user_id, email, created_at FROM users WHERE false",
    sources.USED,
    "SELECT source_id, position, place, text FROM chunks WHERE false",
    "SELECT id, type, name, snapshot, deleted, merged_into, created_at FROM entities WHERE false",
    "SELECT id, entity_id, source_id, kind, fields, observed_at FROM observations WHERE false",
    "SELECT id, type, from_id, to_id, source_id, created_at, deleted_at FROM relationships WHERE false",
    "SELECT digest, created_at, seen_at FROM sessions WHERE false",
    "SELECT id, digest, kind, name, scopes, created_at, used_at, expires_at FROM tokens WHERE false",
    "SELECT id, client_id, client_name, scopes, resource, challenge, redirect_uri FROM oauth_grants WHERE false",
    "SELECT digest, grant_id, kind, scopes, used_at, expires_at FROM oauth_tokens WHERE false",
    "SELECT from_id, into_id, merged_at FROM merges WHERE false",
    "SELECT relationship_id, created_at, deleted_at FROM relationship_periods WHERE false",
    "SELECT relationship_id, source_id FROM relationship_sources WHERE false",
    "SELECT at, entity_id, field, observation_id, type, name FROM timeline_events WHERE false",
    "SELECT 'claim_source(integer)'::regprocedure, 'search_chunks(text, text, integer)'::regprocedure",
)
"""Every column that requests use. Without a user no table shows a row, but each shows that it is there."""


async def version(connection: Connection) -> str:
    """The version of the schema, ``0`` for an empty one."""
    row = await (await connection.execute(VERSION)).fetchone()
    return str(row[0]) if row else "0"


async def suits(connection: Connection) -> None:
    """Ask for every column that this version uses. Raises psycopg.Error when one is missing, or may not be read."""
    await connection.execute("; ".join(USED), prepare=False)
