"""Connections that belong to one user for one transaction, and see nothing of anybody else's.

The service logs in as a role that owns nothing and, from the first moment of each connection on, is ``neotoma_member``.
For that role every table answers only for the user named by the transaction; without one, it answers nothing.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import AsyncConnectionPool

Connection = AsyncConnection[Any]
ROLE = "neotoma_member"
BECOME = f"SET ROLE {ROLE}"
CHECK_SECONDS = 1.0
"""How long a connection may take to say that it is there, before another one is made."""
LOST = {"tcp_user_timeout": 10_000, "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3}
"""When a query under way is given up because the network is gone: after about ten seconds, not after hours. The first
is in milliseconds, the others in seconds; a Unix socket, which no network can lose, takes none of them."""


class Database:
    """The pool. It opens, and the service starts, while the database is away."""

    def __init__(self, url: str, most: int = 10) -> None:
        self._url = url
        asked = str(conninfo_to_dict(url).get("options") or "")
        self._pool = AsyncConnectionPool(
            url,
            min_size=1,
            max_size=most,
            timeout=2.5,
            reconnect_timeout=1,
            check=_answers,
            kwargs={
                "application_name": "neotoma",
                "connect_timeout": 2,
                "options": f"{asked} -c role={ROLE}".strip(),
                **LOST,
            },
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
        """A transaction in which this user's rows are all there is; committed when the block ends without an error."""
        async with self._pool.connection() as connection:
            await connection.execute("SELECT set_config('neotoma.user_id', %s, true)", (str(user),))
            yield connection

    @asynccontextmanager
    async def of_nobody(self) -> AsyncIterator[Connection]:
        """A transaction that sees no row: for the functions that know who may ask what, such as a login."""
        async with self._pool.connection() as connection:
            yield connection

    async def refusal(self) -> psycopg.Error | None:
        """Why the database, which answers, does not let us in; None if it does not answer, or does let us in."""
        try:
            async with await AsyncConnection.connect(self._url, connect_timeout=2) as connection:
                await connection.execute(BECOME)
        except psycopg.OperationalError:
            return None
        except psycopg.Error as error:
            return error
        return None


async def _answers(connection: Connection) -> None:
    """Raise TimeoutError for a connection that says nothing: its server hangs, or the network has lost it."""
    checking = asyncio.ensure_future(AsyncConnectionPool.check_connection(connection))
    try:
        if not (await asyncio.wait({checking}, timeout=CHECK_SECONDS))[0]:
            raise TimeoutError
        checking.result()
    finally:
        while not checking.done():  # once, psycopg asks the server for ten seconds to cancel; twice, it hangs up
            checking.cancel()
            await asyncio.wait({checking}, timeout=0.05)
