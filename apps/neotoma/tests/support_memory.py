"""A memory of somebody new on a real database, and short words to fill it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID, uuid4

from apps.neotoma.tests.support import Database
from psycopg import AsyncConnection

from neotoma.database import Connection
from neotoma.memory import recording
from neotoma.memory.entities import find
from neotoma.memory.recording import Recorded


class Memory:
    """A new user's memory, or a known one's; each ``open`` is a transaction of its own, on a connection of its own."""

    def __init__(self, database: Database, user: UUID | None = None) -> None:
        self.database, self.user = database, user or uuid4()
        if user is None:
            database.query(f"INSERT INTO users (user_id, email) VALUES ('{self.user}', '{self.user}@example.org')")

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Connection]:
        """A transaction as the service has it; committed at the end."""
        url = self.database.url("app")
        async with await AsyncConnection.connect(url, options="-c role=neotoma_member") as connection:
            await connection.execute("SELECT set_config('neotoma.user_id', %s, true)", (str(self.user),))
            yield connection

    async def say(self, name: str, type: str = "contact", record: str = "a record", **fields: object) -> str:
        """Store a record of one entity. Returns the entity's id."""
        async with self.open() as connection:
            return (await say(connection, name, type, record, **fields)).entity_ids[0]

    async def value(self, id: str, field: str, at: datetime | None = None) -> str | None:
        """What a field is."""
        async with self.open() as connection:
            found = (await find(connection, id, at)).snapshot.fields.get(field)
            return found.value if found else None

    async def now(self) -> datetime:
        """The database's clock."""
        async with self.open() as connection:
            ((now,),) = await (await connection.execute("SELECT clock_timestamp()")).fetchall()
            assert isinstance(now, datetime)
            return now


async def say(connection: Connection, name: str, type: str, record: str, **fields: object) -> Recorded:
    """Store a record of one entity."""
    entity: Mapping[str, object] = {"type": type, "name": name, "fields": fields}
    return await recording.store(connection, record, [entity], [])
