"""What visitors feel of neotoma's way from v0.9 to now: ``neotoma_migration.py [--json] [--documents 100000]``.

A database as v0.9 left it, the one role that it serves as, writing and reading without a pause, and ``migrate up``
beside them. Reported are the longest wait of a writer and of a reader, and the longest that the migration held a lock
which keeps somebody out, sampled every 5 ms. The database does not wait for its disk (fsync is off).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

sys.path.insert(0, str(Path(__file__).parents[1]))

from apps.neotoma.tests.support import Database, migrate, running_server
from benchmarks.neotoma_corpus import Connection, Corpus, fill

NEOTOMA = Path(__file__).parents[1] / "apps" / "neotoma"
BLOCKING = ("AccessExclusiveLock", "ExclusiveLock", "ShareRowExclusiveLock", "ShareLock")
LOCKS = """
SELECT c.relname || ' ' || l.mode, left(regexp_replace(a.query, '\\s+', ' ', 'g'), 90)
FROM pg_locks l JOIN pg_stat_activity a USING (pid) JOIN pg_class c ON c.oid = l.relation
WHERE l.granted AND a.usename = 'owner' AND c.relkind = 'r' AND l.mode = ANY (%s)
  AND c.relname IN ('sources', 'chunks', 'entities', 'observations', 'relationships')
"""
MORE = """
INSERT INTO entities (id, type, name) SELECT 'ent_' || n, 'invoice', 'Invoice ' || n FROM generate_series(1, %(n)s) n;
INSERT INTO observations (id, entity_id, source_id, kind, fields)
  SELECT 'obs_' || row_number() OVER (), 'ent_' || row_number() OVER (), id, 'extracted',
         '{"issued": {"value": "2026-01-05", "type": "date", "place": ""}}' FROM sources;
UPDATE entities SET snapshot =
  '{"fields": {"issued": {"value": "2026-01-05", "type": "date", "observation_id": "obs"}}}';
INSERT INTO relationships (id, type, from_id, to_id)
  SELECT 'rel_' || n, 'related_to', 'ent_' || n, 'ent_' || n + 1 FROM generate_series(1, %(n)s - 1) n
"""


@dataclass
class Felt:
    """How long each of somebody's requests took, in seconds."""

    name: str
    took: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


@dataclass
class Held:
    """How long each lock was held at most, in seconds, and by which statement."""

    longest: dict[str, tuple[float, str]] = field(default_factory=dict)
    since: dict[str, tuple[float, float, str]] = field(default_factory=dict)

    def see(self, now: float, locks: dict[str, str]) -> None:
        """One sample: the locks held now."""
        for lock, query in locks.items():
            first, _, _ = self.since.get(lock, (now, now, query))
            self.since[lock] = (first, now, query)
        for lock in self.since.keys() - locks.keys():
            first, last, query = self.since.pop(lock)
            self.longest[lock] = max(self.longest.get(lock, (0.0, "")), (last - first, query))


@contextmanager
def again_and_again(action: Callable[[], None]) -> Iterator[None]:
    """Do it without a pause in a thread of its own, as long as the block lasts."""
    over = threading.Event()

    def repeat() -> None:
        while not over.is_set():
            action()

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def visitor(database: Database, felt: Felt, visit: Callable[[Connection], None]) -> Callable[[], None]:
    """One more request of v0.9, timed."""
    connection = psycopg.connect(database.url("app"))

    def once() -> None:
        began = time.monotonic()
        try:
            with connection.transaction():
                visit(connection)
        except psycopg.Error as error:
            felt.failed.append(str(error.diag.message_primary))
        felt.took.append(time.monotonic() - began)
        time.sleep(0.002)

    return once


def write(connection: Connection) -> None:
    """As v0.9 does when a file is uploaded; its statements name no user."""
    key = uuid.uuid4().hex
    source = "(id, sha256, name, media_type, bytes, kind, status)"
    connection.execute(
        f"INSERT INTO sources {source} VALUES (%s, %s, 'a', 'text/plain', 1, 'file', 'ready')", (key, key)
    )
    chunk = "INSERT INTO chunks (source_id, position, place, text) VALUES (%s, 0, 'line 1', 'an invoice of today')"
    connection.execute(chunk, (key,))
    connection.execute("INSERT INTO entities (id, type, name) VALUES (%s, 'invoice', 'a')", (key,))
    said = "INSERT INTO observations (id, entity_id, source_id, kind, fields) VALUES (%s, %s, %s, 'extracted', '{}')"
    connection.execute(said, (key, key, key))


def read(connection: Connection) -> None:
    """As v0.9 does to show its first page and a source."""
    newest = connection.execute("SELECT id FROM sources ORDER BY created_at DESC, id DESC LIMIT 20").fetchall()
    connection.execute("SELECT place, text FROM chunks WHERE source_id = %s ORDER BY position", newest[0])
    connection.execute("SELECT id, name, snapshot FROM entities ORDER BY type, name, id LIMIT 20")


def before(database: Database, documents: int) -> None:
    """The schema of v0.9 with this many documents, written as the role that v0.9 serves as."""
    for words in (("up",), ("down", "--to", "0001")):
        assert not (ended := migrate(NEOTOMA, database, *words)).returncode, ended.stderr
    corpus = Corpus(1)
    with psycopg.connect(database.url("app")) as connection:
        for first in range(0, documents, 10_000):
            fill(connection, None, corpus.documents(min(10_000, documents - first)), first)
        for statement in MORE.replace("%(n)s", str(documents)).split(";\n"):
            connection.execute(statement.encode())
    database.query("ANALYZE")


def forward(database: Database) -> subprocess.CompletedProcess[str]:
    """``migrate up``, however long it takes."""
    environment = {"MIGRATION_DATABASE_URL": database.url("owner"), "APP_ROLE": "app"}
    command = (sys.executable, "-m", "neotoma", "migrate", "up")
    variables = environment | {"PATH": os.environ["PATH"], "PYTHONPATH": str(NEOTOMA / "src")}
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=False)


def measure(database: Database, documents: int) -> dict[str, object]:
    """The figures of one way forward."""
    say(f"{documents} documents as v0.9 leaves them")
    before(database, documents)
    writer, reader, held = Felt("writer"), Felt("reader"), Held()
    sampler = psycopg.connect(database.url("postgres"), autocommit=True)

    def sample() -> None:
        held.see(time.monotonic(), dict(sampler.execute(LOCKS, (list(BLOCKING),)).fetchall()))
        time.sleep(0.005)

    say("migrate up, beside a writer and a reader")
    began = time.monotonic()
    with (
        again_and_again(visitor(database, writer, write)),
        again_and_again(visitor(database, reader, read)),
        again_and_again(sample),
    ):
        ended = forward(database)
        took = time.monotonic() - began
    held.see(time.monotonic(), {})
    assert ended.returncode == 0, ended.stderr
    figures: dict[str, object] = {"documents": documents, "migration_s": round(took, 1)}
    for felt in (writer, reader):
        figures |= {f"{felt.name}_requests": len(felt.took), f"{felt.name}_failed": len(felt.failed)}
        figures[f"{felt.name}_longest_ms"] = round(max(felt.took) * 1000)
        for reason in sorted(set(felt.failed)):
            say(f"  a {felt.name} was refused: {reason}")
    locks = sorted(held.longest.items(), key=lambda item: -item[1][0])
    for lock, (seconds, query) in locks[:8]:
        say(f"  {seconds * 1000:6.0f} ms {lock}: {query}")
    return figures | {"lock_longest_ms": round(locks[0][1][0] * 1000) if locks else 0}


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--documents", type=int, default=100_000)
    arguments = parser.parse_args()
    with running_server() as server:
        figures = measure(server.database(), arguments.documents)
    if arguments.json:
        print(json.dumps(figures))
    else:
        print("\n".join(f"{name.replace('_', ' '):24} {value!s:>10}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
