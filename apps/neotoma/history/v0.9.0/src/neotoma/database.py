"""Connections to the one memory that there is. Whoever has a credential is its owner.

The service serves as the role that it logs in as. A later schema knows many users; its policy for that role shows the
rows of this one, and what the role adds is this one's.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

Connection = AsyncConnection[Any]


class Database:
    """The pool. It opens, and the service starts, while the database is away."""

    def __init__(self, url: str, most: int = 10) -> None:
        self._url = url
        self._pool = AsyncConnectionPool(
            url,
            min_size=1,
            max_size=most,
            timeout=2.5,
            reconnect_timeout=1,
            check=AsyncConnectionPool.check_connection,
            kwargs={"application_name": "neotoma", "connect_timeout": 2},
            open=False,
        )

    async def open(self) -> None:
        """Begin to connect; does not wait."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """Give every connection back."""
        await self._pool.close()

    @asynccontextmanager
    async def of(self, user: UUID) -> AsyncIterator[Connection]:
        """A transaction, committed when the block ends without an error. There is one user."""
        del user
        async with self.of_nobody() as connection:
            yield connection

    @asynccontextmanager
    async def of_nobody(self) -> AsyncIterator[Connection]:
        """A transaction for what no user asks."""
        async with self._pool.connection() as connection:
            yield connection

    async def refusal(self) -> psycopg.Error | None:
        """Why the database, which answers, does not let us in; None if it does not answer, or does let us in."""
        try:
            async with await AsyncConnection.connect(self._url, connect_timeout=2):
                return None
        except psycopg.OperationalError:
            return None
        except psycopg.Error as error:
            return error
