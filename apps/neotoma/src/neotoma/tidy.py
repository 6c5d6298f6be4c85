"""Bytes and rows agree: what no row speaks of does not stay."""

from uuid import UUID

from neotoma.database import Database
from neotoma.memory import sources
from neotoma.memory.identity import source_id
from neotoma.storage import Storage


async def bytes_without_a_row(database: Database, storage: Storage, user: UUID, sha256: str) -> None:
    """Delete a user's file unless a source has it. Whoever is about to add that source is waited for."""
    async with database.of(user) as connection:
        await sources.lock(connection, str(user), sha256)
        if await sources.find(connection, source_id(sha256)) is None:
            await storage.delete(user, sha256)
