"""A small service that says which version it is: ``labelled_service.py PORT LABEL SEEN IDLE``, where connections that
are idle for IDLE seconds are closed.

Every request is noted in the file SEEN before it is answered, as ``<method> <path> <bytes of body>``. Paths:
``/health`` · ``/slow/<ms>`` · ``/status/<code>`` · ``/events/<count>`` (one each 50 ms) · ``/socket`` (upgrade, echoes
lines) · ``/die`` (takes the request and ends the process) · ``/drop`` (takes it and hangs up) · ``/cut`` (half an
answer) · ``/sick`` and ``/well`` (what health says from now on) · anything else.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

PORT, LABEL, SEEN = int(sys.argv[1]), sys.argv[2].encode(), Path(sys.argv[3])
IDLE_SECONDS = float(sys.argv[4])
REASONS = {101: b"Switching Protocols"}
healthy = True


def head(status: int, *headers: bytes) -> bytes:
    lines = [b"HTTP/1.1 %d %s" % (status, REASONS.get(status, b"-")), b"X-Version: " + LABEL, *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def answer(status: int, body: bytes) -> bytes:
    return head(status, b"Content-Length: %d" % len(body)) + body


async def body_length(reader: asyncio.StreamReader, headers: dict[bytes, bytes]) -> int:
    if headers.get(b"transfer-encoding") == b"chunked":
        total = 0
        while size := int(await reader.readline(), 16):
            await reader.readexactly(size + 2)
            total += size
        await reader.readline()
        return total
    left = total = int(headers.get(b"content-length", b"0"))
    while left:
        left -= len(chunk := await reader.read(min(left, 65536)))
        if not chunk:
            raise ConnectionError
    return total


async def events(writer: asyncio.StreamWriter, count: int) -> None:
    writer.write(head(200, b"Content-Type: text/event-stream", b"Connection: close"))
    for number in range(count):
        writer.write(b"data: %s %d\n\n" % (LABEL, number))
        await writer.drain()
        await asyncio.sleep(0.05)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(head(101, b"Connection: Upgrade", b"Upgrade: echo"))
    while line := await reader.readline():
        writer.write(LABEL + b" " + line)
        await writer.drain()


async def respond(path: str, length: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Answer; False if the connection is to be closed."""
    global healthy
    match path.split("?")[0].split("/")[1:]:
        case ["health"]:
            writer.write(answer(200 if healthy else 503, LABEL))
        case ["sick" | "well" as word]:
            healthy = word == "well"
            writer.write(answer(200, LABEL))
        case ["slow", ms]:
            await asyncio.sleep(int(ms) / 1000)
            writer.write(answer(200, LABEL))
        case ["status", code]:
            writer.write(answer(int(code), LABEL))
        case ["events", count]:
            await events(writer, int(count))
            return False
        case ["socket"]:
            await echo(reader, writer)
            return False
        case ["cut"]:
            writer.write(head(200, b"Content-Length: 1000") + b"half")
            return False
        case ["drop"]:
            return False
        case ["die"]:
            os._exit(1)
        case _:
            writer.write(answer(200, LABEL + b" %d" % length))
    return True


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while request := await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), IDLE_SECONDS):
            first, *rest = request.rstrip().split(b"\r\n")
            headers = {k.strip().lower(): v.strip() for k, v in (line.split(b":", 1) for line in rest)}
            method, path, _ = first.decode().split(" ")
            if headers.get(b"expect"):
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            # `/die` takes the head and part of the body, as a server that is killed in the middle of it does.
            length = 0 if path == "/die" else await body_length(reader, headers)
            if not path.startswith("/health"):
                with SEEN.open("a") as seen:
                    seen.write(f"{method} {path} {length}\n")
            if not await respond(path, length, reader, writer) or headers.get(b"connection") == b"close":
                break
            await writer.drain()
    except (TimeoutError, OSError, EOFError, asyncio.LimitOverrunError):
        pass
    finally:
        writer.close()


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", PORT, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
