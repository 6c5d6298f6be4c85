"""A shop: the smallest service with a database that can be released for real. ``python3 service.py PORT``.

``version.json`` beside this file says which version it is, which columns it uses and what is wrong with it. It answers
500 ``wrong schema`` whenever the schema does not suit it, so whoever counts those knows of every violation.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg

TOLD: dict[str, Any] = json.loads(Path(__file__).with_name("version.json").read_text())
IN_PRODUCTION = os.environ.get("SHOP_ENVIRONMENT") == "production"
LONGEST_DRAIN_SECONDS = 5.0


class WrongSchema(Exception):
    pass


class Items:
    """The table, as this version knows it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._idle: queue.LifoQueue[psycopg.Connection[Any]] = queue.LifoQueue()

    def add(self, name: str) -> int:
        columns, values = [TOLD["label"]], [name]
        if TOLD["note"]:
            columns, values = [*columns, "note"], [*values, TOLD["version"]]
        places = ", ".join(["%s"] * len(values))
        return self._one(f"INSERT INTO items ({', '.join(columns)}) VALUES ({places}) RETURNING id", values) or 0

    def name(self, number: int) -> Any:
        return self._one(f"SELECT {TOLD['label']} FROM items WHERE id = %s", [number])

    def count(self) -> int:
        return self._one("SELECT count(*) FROM items", []) or 0

    def _one(self, statement: str, values: list[Any]) -> Any:
        with self._connection() as connection, connection.transaction():
            there = connection.execute(
                "SELECT coalesce(array_agg(attname::text), '{}') FROM pg_attribute "
                "WHERE attrelid = to_regclass('items') AND attnum > 0 AND NOT attisdropped"
            ).fetchone()
            if not {TOLD["label"], *(["note"] if TOLD["note"] else [])} <= set(there[0] if there else ()):
                raise WrongSchema
            try:
                row = connection.execute(statement.encode(), values).fetchone()
            except (psycopg.errors.UndefinedColumn, psycopg.errors.UndefinedTable) as error:
                raise WrongSchema from error
        return row[0] if row else None

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection[Any]]:
        try:
            connection = self._idle.get_nowait()
        except queue.Empty:
            connection = psycopg.connect(self._url, connect_timeout=3, autocommit=True, prepare_threshold=None)
        try:
            yield connection
        finally:
            if connection.closed or connection.broken:
                connection.close()
            else:
                self._idle.put(connection)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port: int, items: Items) -> None:
        super().__init__(("127.0.0.1", port), Visit)
        self.items = items
        self.lock = threading.Lock()
        self.busy = self.served = 0

    def drain(self) -> None:
        """Until nothing is in flight."""
        until = time.monotonic() + LONGEST_DRAIN_SECONDS
        while self.busy and time.monotonic() < until:
            time.sleep(0.01)


class Visit(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # one packet an answer
    server: Server

    def do_GET(self) -> None:
        self._answered(self._get)

    def do_POST(self) -> None:
        self._answered(self._post)

    def _answered(self, make: Any) -> None:
        with self.server.lock:
            self.server.busy += 1
        try:
            try:
                status, body = make()
            except WrongSchema:
                status, body = 500, {"error": "wrong schema"}
            except psycopg.Error as error:
                status, body = 503, {"error": f"database: {error}"}
            content = json.dumps({"version": TOLD["version"], "label": TOLD["label"], **body}).encode()
            self.send_response(status)
            self.send_header("X-Version", TOLD["version"])
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            self.wfile.flush()
        finally:
            with self.server.lock:
                self.server.busy -= 1

    def _get(self) -> tuple[int, dict[str, Any]]:
        items = self.server.items
        match self.path.strip("/").split("/"):
            case ["health"]:
                items.count()
                return (503, {"error": "unhealthy"}) if "unhealthy" in TOLD["faults"] else (200, {})
            case ["environment"]:
                return 200, {"environment": "production" if IN_PRODUCTION else "staging"}
            case ["items", "count"]:
                return 200, {"count": items.count()}
            case ["items", number] if number.isdigit():
                name = items.name(int(number))
                return (404, {"error": "no such item"}) if name is None else (200, {"id": int(number), "name": name})
        return 404, {"error": "no such page"}

    def _post(self) -> tuple[int, dict[str, Any]]:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        with self.server.lock:
            self.server.served += 1
            served = self.server.served
        if "errors" in TOLD["faults"] and IN_PRODUCTION and served > TOLD["errors_after"]:
            return 500, {"error": "out of luck"}
        return 201, {"id": self.server.items.add(str(body["name"]))}

    def log_message(self, format: str, *arguments: Any) -> None:
        """The front door logs."""


def main() -> None:
    server = Server(int(sys.argv[1]), Items(os.environ["DATABASE_URL"]))
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"{TOLD['version']} listens on {sys.argv[1]}", flush=True)
    server.serve_forever(poll_interval=0.02)
    server.drain()


if __name__ == "__main__":
    main()
