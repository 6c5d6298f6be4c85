"""The journal in a SQLite file: append-only, hash-chained, every event on disk before anybody acts on it."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Discriminator, TypeAdapter

from goaround.domain.bundle import GENESIS, Line, chained
from goaround.domain.errors import JournalUnreadable, Stale, Unavailable
from goaround.domain.events import Event, Record

FORMAT = 1
BUSY_SECONDS = 10.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY, at TEXT NOT NULL, release TEXT NOT NULL, body TEXT NOT NULL, digest TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS output (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL, offset INTEGER NOT NULL, text TEXT NOT NULL, UNIQUE (key, offset));
CREATE TRIGGER IF NOT EXISTS events_stay BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER IF NOT EXISTS events_remain BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'append-only'); END;
"""
# What a newer goaround wrote has a meaning that this one does not know: it is refused rather than skipped.
_EVENT: TypeAdapter[Any] = TypeAdapter(Annotated[Event, Discriminator("type")], config=ConfigDict(extra="forbid"))


class SqliteJournal:
    """Implements ``ports.Journal``. ``clock`` gives aware UTC datetimes; a clock that goes backwards does not take
    the journal with it: an event is never earlier than the one before. ``synchronous`` OFF only for measuring."""

    def __init__(
        self,
        path: Path,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        synchronous: Literal["FULL", "OFF"] = "FULL",
    ) -> None:
        self._path, self._now = path, now
        with _clear_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
            self._write_ahead()
            self._connection.execute(f"PRAGMA synchronous = {synchronous}")
            self._prepare()

    def _write_ahead(self) -> None:
        """Of two that open a new file at once, SQLite turns one away at this statement without waiting."""
        deadline = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
            else:
                return

    def close(self) -> None:
        self._connection.close()

    def append(self, release: str, event: Event, after: int | None = None) -> Record:
        with _clear_errors(self._path), self._transaction():
            row = self._connection.execute("SELECT seq, at, digest FROM events ORDER BY seq DESC LIMIT 1").fetchone()
            last_seq, last_at, last_digest = row or (0, "", GENESIS)
            if after is not None and after != last_seq:
                raise Stale(
                    "somebody else wrote to the journal at the same moment",
                    state="nothing was written",
                    remedy="look at goaround status and try again",
                )
            at = max(self._now().astimezone(UTC).isoformat(timespec="microseconds"), last_at)
            seq, body = last_seq + 1, _EVENT.dump_json(event).decode()
            digest = chained((last_digest, seq, at, release, body))
            self._connection.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?)", (seq, at, release, body, digest))
        return Record(seq, datetime.fromisoformat(at), release, event, digest)

    def read(self, since: int = 0) -> Sequence[Record]:
        with _clear_errors(self._path):
            rows = self._connection.execute(
                "SELECT seq, at, release, body, digest FROM events WHERE seq > ? ORDER BY seq", (since,)
            ).fetchall()
        return [self._record(*row) for row in rows]

    def lines(self) -> Sequence[Line]:
        found: list[Line] = []
        previous = GENESIS
        with _clear_errors(self._path):
            rows = self._connection.execute("SELECT seq, at, release, body, digest FROM events ORDER BY seq")
            for seq, at, release, body, digest in rows:
                found.append((previous, seq, at, release, body))
                previous = digest
        return found

    def write_output(self, key: str, offset: int, text: str) -> None:
        with _clear_errors(self._path):
            self._connection.execute(
                "INSERT OR IGNORE INTO output (key, offset, text) VALUES (?, ?, ?)", (key, offset, text)
            )

    def output(self, prefix: str, since: int = 0) -> Sequence[tuple[int, str, str]]:
        with _clear_errors(self._path):
            return self._connection.execute(
                "SELECT id, key, text FROM output WHERE substr(key, 1, ?) = ? AND id > ? ORDER BY id",
                (len(prefix), prefix, since),
            ).fetchall()

    def verify(self) -> int:
        previous, count = GENESIS, 0
        with _clear_errors(self._path):
            rows = self._connection.execute("SELECT seq, at, release, body, digest FROM events ORDER BY seq")
            for count, (seq, at, release, body, digest) in enumerate(rows, start=1):
                if seq != count or chained((previous, seq, at, release, body)) != digest:
                    raise _unreadable(self._path, f"event {count} is missing, or was altered, or moved")
                previous = digest
        return count

    def _record(self, seq: int, at: str, release: str, body: str, digest: str) -> Record:
        try:
            return Record(seq, datetime.fromisoformat(at), release, _EVENT.validate_json(body), digest)
        except (ValueError, TypeError) as error:  # pydantic's ValidationError is a ValueError
            named = ["?", *re.findall(r'"type": *"(\w+)"', str(body))][-1]
            raise _unreadable(self._path, f"event {seq} ({named}) is not one that this goaround knows") from error

    def _prepare(self) -> None:
        found = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if found > FORMAT:
            raise _unreadable(self._path, f"it has format {found} and this goaround knows {FORMAT} at most")
        if found == FORMAT:
            return
        self._connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {FORMAT}; COMMIT;")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:  # where the disk is full, SQLite may have ended it by itself
                self._connection.execute("ROLLBACK")
            raise


@contextmanager
def _clear_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise Unavailable(
            f"the journal {path} cannot be used: {error}",
            state="the event was not written, so nothing was begun; whatever served goes on serving",
            remedy="make room on the disk or free the file, then run: goaround resume",
        ) from error
    except sqlite3.DatabaseError as error:
        raise _unreadable(path, str(error)) from error
    except OSError as error:
        raise Unavailable(
            f"the journal {path} cannot be opened: {error.strerror}",
            state="nothing was done",
            remedy="check the folder and its permissions",
        ) from error


def _unreadable(path: Path, why: str) -> JournalUnreadable:
    return JournalUnreadable(
        f"the journal {path} cannot be read: {why}",
        state="nothing was done; whatever served goes on serving",
        remedy="use the goaround that wrote it, or put the file back from a backup",
    )
