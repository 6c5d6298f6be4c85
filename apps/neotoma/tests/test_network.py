"""What becomes of a query when the network between the service and its database is gone, and says nothing."""

import asyncio
import ctypes
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, LiteralString
from uuid import UUID

import psycopg
import pytest
from apps.neotoma.tests.support import OWNER, within
from apps.neotoma.tests.support import Database as Kept

from neotoma.database import Database

PATIENCE = 25  # seconds; the query would take far longer
SO_ATTACH_FILTER = 26
DROP_EVERYTHING = struct.pack("HBBI", 0x06, 0, 0, 0)  # BPF: of any packet, keep 0 bytes


class Wire:
    """TCP to the socket of a database. ``cut`` makes it one on which nothing arrives and nothing is acknowledged."""

    def __init__(self, to: str) -> None:
        self._to, self._ends = to, list[asyncio.StreamWriter]()

    async def joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry bytes both ways until one side ends."""
        self._ends.append(writer)
        there, back = await asyncio.open_unix_connection(self._to)
        carried = [asyncio.create_task(_carry(reader, back)), asyncio.create_task(_carry(there, writer))]
        try:
            await asyncio.wait(carried, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in carried:
                one.cancel()
            writer.close()
            back.close()

    def cut(self) -> None:
        """Lose what is sent on the connections there are; those made later work."""
        code = ctypes.create_string_buffer(DROP_EVERYTHING)
        program = struct.pack("HL", 1, ctypes.addressof(code))
        for end in self._ends:
            end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)

    def close(self) -> None:
        """End the connections there are, in a way that is noticed."""
        for end in self._ends:
            end.close()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(65536):
        writer.write(piece)
        await writer.drain()


@asynccontextmanager
async def wired(kept: Kept) -> AsyncIterator[tuple[Database, Wire]]:
    """The pool of a service that reaches its database over TCP."""
    wire = Wire(f"{kept.folder}/.s.PGSQL.5432")
    listening = await asyncio.start_server(wire.joined, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    database = Database(f"postgresql://app@127.0.0.1:{port}/{kept.name}")
    await database.open()
    try:
        yield database, wire
    finally:
        wire.close()
        await database.close()
        listening.close()


@pytest.mark.anyio
async def test_a_query_under_way_when_the_network_is_lost_ends_and_the_next_one_is_answered(
    current_database: Kept,
) -> None:
    async with wired(current_database) as (database, wire):
        asked = asyncio.create_task(_asked(database, "SELECT pg_sleep(60)"))
        await asyncio.to_thread(_asleep, current_database)
        wire.cut()
        ended, _ = await asyncio.wait({asked}, timeout=PATIENCE)
        wire.close()  # or a query that did not end would keep us for ever
        with pytest.raises(psycopg.OperationalError):
            await asked
        assert ended
        assert await _asked(database, "SELECT 1") == (1,)


async def _asked(database: Database, query: LiteralString) -> Any:
    async with database.of(UUID(OWNER)) as connection:
        return await (await connection.execute(query)).fetchone()


def _asleep(kept: Kept) -> None:
    """Wait until the query has arrived."""
    asked = f"SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = '{kept.name}'"
    within(20, lambda: bool(kept.query(asked)))
