"""Visitors of a front door, as a process of their own: ``visitors.py ADDRESS MODE RATE SECONDS CONNECTIONS``.

Modes: ``open`` sends ``RATE`` requests a second over keep-alive connections on a fixed timetable, whatever the answers
do, and adds slow uploads, event streams and upgrades; ``steady`` the same without these; ``closed`` sends the next
request when the last is answered. Prints one JSON object: ``visits`` as [sent, answered, version, failed] with times of
CLOCK_MONOTONIC in seconds (``sent`` is the time in the timetable), ``long`` as counts of the slow ones.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

Visit = tuple[float, float, str, bool]
GET = b"GET /page HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /page HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n" + b"x" * 2000
FAILURES = (OSError, EOFError, ValueError, asyncio.LimitOverrunError, TimeoutError)


class Visitors:
    def __init__(self, address: str, rate: float, seconds: float, connections: int) -> None:
        host, port = address.split(":")
        self.host, self.port = host, int(port)
        self.rate, self.connections = rate, connections
        self.end = time.monotonic() + seconds
        self.visits: list[Visit] = []
        self.long: Counter[str] = Counter()

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            yield reader, writer
        finally:
            writer.close()

    async def regular(self, number: int, paced: bool) -> None:
        """One keep-alive connection, opened anew after a failure and after 500 requests."""
        due = time.monotonic() + number / self.rate
        while due < self.end:
            try:
                async with self.connected() as (reader, writer):
                    for turn in range(500):
                        if paced:
                            await asyncio.sleep(max(0.0, due - time.monotonic()))
                        sent = due if paced else time.monotonic()
                        due = due + self.connections / self.rate if paced else sent
                        if sent >= self.end:
                            return
                        await self.visit(reader, writer, sent, POST if turn % 10 == 0 else GET)
            except FAILURES as error:
                print(f"failed: {error!r}", file=sys.stderr)
                self.visits.append((due, time.monotonic(), "", True))

    async def visit(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sent: float, request: bytes
    ) -> None:
        writer.write(request)
        async with asyncio.timeout(30):
            status, version, length = parse(await reader.readuntil(b"\r\n\r\n"))
            await reader.readexactly(length)
        self.visits.append((sent, time.monotonic(), version, status != 200))

    async def again(self, kind: str, work: Callable[[], Awaitable[bool]]) -> None:
        while time.monotonic() < self.end - 5:
            try:
                async with asyncio.timeout(30):
                    good = await work()
            except FAILURES as error:
                print(f"{kind} failed: {error!r}", file=sys.stderr)
                good = False
            self.long[kind if good else f"failed {kind}"] += 1

    async def upload(self) -> bool:
        async with self.connected() as (reader, writer):
            writer.write(b"POST /upload HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 200000\r\n\r\n")
            for _ in range(20):
                writer.write(b"x" * 10_000)
                await writer.drain()
                await asyncio.sleep(0.1)
            return (await reader.read()).endswith(b" 200000")

    async def stream(self) -> bool:
        async with self.connected() as (reader, writer):
            writer.write(b"GET /events/60 HTTP/1.1\r\nHost: a\r\n\r\n")
            events = [line for line in (await reader.read()).splitlines() if line.startswith(b"data:")]
            return len(events) == 60 and len({line.split()[1] for line in events}) == 1

    async def upgrade(self) -> bool:
        async with self.connected() as (reader, writer):
            writer.write(b"GET /socket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
            version = parse(await reader.readuntil(b"\r\n\r\n"))[1].encode()
            for number in range(30):
                writer.write(b"%d\n" % number)
                if await reader.readline() != b"%s %d\n" % (version, number):
                    return False
                await asyncio.sleep(0.1)
            return True

    async def run(self, mode: str) -> None:
        work: list[Awaitable[None]] = [self.regular(n, mode != "closed") for n in range(self.connections)]
        if mode == "open":
            kinds = {"upload": self.upload, "stream": self.stream, "upgrade": self.upgrade}
            work += [self.again(kind, one) for kind, one in kinds.items() for _ in range(4)]
        await asyncio.gather(*work)


def parse(head: bytes) -> tuple[int, str, int]:
    first, *rest = head.decode().split("\r\n")
    headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in rest)}
    return int(first.split()[1]), headers.get("x-version", ""), int(headers.get("content-length", "0"))


def main(address: str, mode: str, rate: str, seconds: str, connections: str) -> None:
    visitors = Visitors(address, float(rate), float(seconds), int(connections))
    asyncio.run(visitors.run(mode))
    json.dump({"visits": visitors.visits, "long": visitors.long}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
