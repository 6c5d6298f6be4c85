"""One user's sources, put into the database as the service would, and searched as it does."""

import asyncio
import uuid
from collections.abc import Callable, Coroutine
from typing import Any

import psycopg
from apps.neotoma.tests.support import Database

from neotoma.database import Connection
from neotoma.memory.search import Hit, search


class Library:
    """One user's sources: ``put`` them there, ``ask`` for them."""

    def __init__(self, database: Database) -> None:
        self.database, self.user, self.count = database, str(uuid.uuid4()), 0
        database.query(f"INSERT INTO users (user_id, email) VALUES ('{self.user}', '{self.user}@example.org')")

    def put(self, *texts: str, type: str = "document") -> str:
        """A source with these chunks, later than those before. Returns its id."""
        self.count += 1
        id = f"src_{self.count:04d}"
        with self.connected() as connection:
            values = (id, f"{self.user}{id}", f"{id}.txt", type, f"2026-01-01 00:00:00.{self.count:06d}+00")
            connection.execute(
                "INSERT INTO sources (id, sha256, name, media_type, bytes, kind, status, document_type, created_at)"
                " VALUES (%s, %s, %s, 'text/plain', 1, 'file', 'ready', %s, %s)",
                values,
            )
            for position, text in enumerate(texts):
                chunk = (id, position, f"page {position + 1}", text)
                connection.execute(
                    "INSERT INTO chunks (source_id, position, place, text) VALUES (%s, %s, %s, %s)", chunk
                )
        return id

    def ask(self, query: str, **filters: Any) -> list[Hit]:
        """What the search finds."""
        return asyncio.run(self._ask(lambda connection: search(connection, query, **filters)))

    def ids(self, query: str, **filters: Any) -> list[str]:
        """The ids of what it finds."""
        return [hit.source.id for hit in self.ask(query, **filters)]

    def connected(self) -> psycopg.Connection[Any]:
        """A transaction of this user."""
        connection = psycopg.connect(self.database.url("app"), options="-c role=neotoma_member")
        connection.execute("SELECT set_config('neotoma.user_id', %s, true)", (self.user,))
        return connection

    async def _ask(self, question: Callable[[Connection], Coroutine[Any, Any, list[Hit]]]) -> list[Hit]:
        url = self.database.url("app")
        async with await psycopg.AsyncConnection.connect(url, options="-c role=neotoma_member") as connection:
            await connection.execute("SELECT set_config('neotoma.user_id', %s, true)", (self.user,))
            return await question(connection)
