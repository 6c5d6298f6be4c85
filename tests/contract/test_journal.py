"""The journal keeps what happened: in order, whole, and so that tampering shows."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.fakes.clock import FakeClock
from tests.fakes.journal import FakeJournal
from tests.unit.releases import Story, opened

from goaround.adapters.sqlite_journal import FORMAT, SqliteJournal
from goaround.domain.bundle import chained
from goaround.domain.errors import JournalUnreadable, Stale, Unavailable
from goaround.domain.events import AbortAsked, Event
from goaround.domain.journal import fold
from goaround.ports import Journal

WRITER = str(Path(__file__).with_name("journal_writer.py"))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite3"


@pytest.fixture(params=["sqlite", "fake"])
def journal(request: pytest.FixtureRequest, file: Path, clock: FakeClock) -> Iterator[Journal]:
    if request.param == "fake":
        yield FakeJournal(clock.now)
        return
    real = SqliteJournal(file, clock.now)
    yield real
    real.close()


Opens = Callable[[], SqliteJournal]


@pytest.fixture
def sqlite_journal(file: Path) -> Iterator[Opens]:
    """Opens the journal in the file, as often as asked."""
    journals: list[SqliteJournal] = []

    def open_() -> SqliteJournal:
        journals.append(SqliteJournal(file))
        return journals[-1]

    yield open_
    for journal in journals:
        journal.close()


def word(number: int = 0) -> Event:
    return AbortAsked("owner", f"word {number}")


# --- the contract ---------------------------------------------------------------------------------


def test_at_first_there_is_nothing(journal: Journal) -> None:
    assert list(journal.read()) == []
    assert journal.output("") == []
    assert journal.verify() == 0


def test_what_was_written_is_read_in_order_with_number_time_and_release(journal: Journal, clock: FakeClock) -> None:
    written = []
    for number in range(3):
        clock.wait(1.5)
        written.append(journal.append(f"v{number}", word(number)))
    assert list(journal.read()) == written
    assert [(r.seq, r.release, r.event) for r in written] == [(n + 1, f"v{n}", word(n)) for n in range(3)]
    assert [record.at for record in written] == [
        datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=1.5 * n) for n in (1, 2, 3)
    ]
    assert len({record.digest for record in written}) == 3
    assert journal.verify() == 3


def test_reading_on_gives_only_what_is_new(journal: Journal) -> None:
    for number in range(4):
        journal.append("v1.0.0", word(number))
    assert [record.seq for record in journal.read(2)] == [3, 4]
    assert list(journal.read(4)) == []


def test_a_whole_story_survives_writing_and_reading(journal: Journal) -> None:
    story = Story(opened())
    story.until("production/watch")
    story.fails("trigger")
    story.turns_back()
    story.to_the_end()
    for record in story.records:
        journal.append("v1.0.0", record.event)
    assert [record.event for record in journal.read()] == [record.event for record in story.records]
    state = fold(journal.read())
    assert state is not None
    assert state.next_step is None


def test_who_writes_after_something_else_was_written_is_told_so(journal: Journal) -> None:
    journal.append("v1.0.0", word(1), after=0)
    journal.append("v1.0.0", word(2), after=1)
    for stale in (0, 1, 3):
        with pytest.raises(Stale):
            journal.append("v1.0.0", word(3), after=stale)
    assert len(journal.read()) == journal.verify() == 2


def test_a_clock_that_goes_backwards_does_not_make_events_earlier(journal: Journal, clock: FakeClock) -> None:
    first = journal.append("v1.0.0", word(1))
    clock.set_back(3600)
    second = journal.append("v1.0.0", word(2))
    clock.wait(3601)
    third = journal.append("v1.0.0", word(3))
    assert first.at == second.at < third.at
    assert [record.at for record in journal.read()] == [first.at, second.at, third.at]


def test_the_same_output_twice_is_kept_once(journal: Journal) -> None:
    journal.write_output("v1/staging/build#1", 0, "one\n")
    journal.write_output("v1/staging/build#1", 4, "two\n")
    journal.write_output("v1/staging/build#1", 0, "one\n")
    journal.write_output("v1/staging/smoke#1", 0, "other\n")
    found = journal.output("v1/staging/build")
    assert [(key, text) for _, key, text in found] == [("v1/staging/build#1", "one\n"), ("v1/staging/build#1", "two\n")]
    assert [text for _, _, text in journal.output("v1/", since=found[-1][0])] == ["other\n"]
    assert journal.output("v1/staging/b%") == journal.output("v2") == []


def test_output_is_no_event(journal: Journal) -> None:
    journal.write_output("v1/staging/build#1", 0, "one\n")
    assert journal.verify() == 0


# --- on disk --------------------------------------------------------------------------------------


def test_another_process_reads_what_one_has_written(sqlite_journal: Opens) -> None:
    one, other = sqlite_journal(), sqlite_journal()
    record = one.append("v1.0.0", word(1))
    assert list(other.read()) == [record]
    with pytest.raises(Stale):
        other.append("v1.0.0", word(2), after=0)
    assert other.append("v1.0.0", word(2), after=1).seq == 2


def test_every_event_is_on_disk_before_anybody_acts_on_it(sqlite_journal: Opens, file: Path) -> None:
    journal = sqlite_journal()
    journal.append("v1.0.0", word())
    settings = {
        name: journal._connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")
    }
    assert settings == {"journal_mode": "wal", "synchronous": 2}
    assert file.with_name(file.name + "-wal").stat().st_size > 0


def test_two_processes_keep_one_chain(sqlite_journal: Opens, file: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, WRITER, "append", str(file), name, "200"], stdout=subprocess.PIPE, text=True)
        for name in ("v1", "v2")
    ]
    assert [writer.communicate()[0] for writer in writers] == ["done\n", "done\n"]
    journal = sqlite_journal()
    records = journal.read()
    assert journal.verify() == 400
    for name in ("v1", "v2"):
        mine = [record.event for record in records if record.release == name]
        assert mine == [AbortAsked("owner", f"{number}") for number in range(200)]


# --- tampering ------------------------------------------------------------------------------------


def tampered(file: Path, *statements: str) -> None:
    """What somebody does who has the file and knows SQLite."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("DROP TRIGGER events_stay")
        connection.execute("DROP TRIGGER events_remain")
        for statement in statements:
            connection.execute(statement)
        connection.commit()


TAMPERING = {
    "edit of what happened": (["UPDATE events SET body = replace(body, 'word 2', 'word 9') WHERE seq = 3"], 3),
    "edit of when": (["UPDATE events SET at = '2026-01-01T00:00:00.000000+00:00' WHERE seq = 3"], 3),
    "edit of to whom": (["UPDATE events SET release = 'v9.9.9' WHERE seq = 2"], 2),
    "edit of a digest": (["UPDATE events SET digest = 'sha256:0' WHERE seq = 4"], 4),
    "edit of the first": (["UPDATE events SET body = '{}' WHERE seq = 1"], 1),
    "deletion of the first": (["DELETE FROM events WHERE seq = 1"], 1),
    "deletion in the middle": (["DELETE FROM events WHERE seq = 3"], 3),
    "deletion, and closing the gap": (
        ["DELETE FROM events WHERE seq = 3", "UPDATE events SET seq = seq - 1 WHERE seq > 3"],
        3,
    ),
    "cutting out a stretch": (["DELETE FROM events WHERE seq BETWEEN 2 AND 4"], 2),
    "reordering": (
        [
            "UPDATE events SET seq = 99 WHERE seq = 2",
            "UPDATE events SET seq = 2 WHERE seq = 3",
            "UPDATE events SET seq = 3 WHERE seq = 99",
        ],
        2,
    ),
    "insertion of a copy": (["INSERT INTO events SELECT 6, at, release, body, digest FROM events WHERE seq = 5"], 6),
}  # fmt: skip


@pytest.mark.parametrize(("statements", "first"), TAMPERING.values(), ids=TAMPERING.keys())
def test_tampering_is_found_and_the_first_bad_event_named(
    sqlite_journal: Opens, file: Path, statements: list[str], first: int
) -> None:
    journal = sqlite_journal()
    for number in range(5):
        journal.append("v1.0.0", word(number))
    assert journal.verify() == 5
    tampered(file, *statements)
    with pytest.raises(JournalUnreadable, match=f"event {first} is missing, or was altered, or moved"):
        journal.verify()


def test_an_edit_with_a_digest_of_its_own_is_found_at_the_event_after_it(sqlite_journal: Opens, file: Path) -> None:
    journal = sqlite_journal()
    for number in range(3):
        journal.append("v1.0.0", word(number))
    first, second, _ = journal.read()
    body = '{"by":"owner","reason":"forged","type":"abort"}'
    forged = chained((first.digest, 2, second.at.isoformat(timespec="microseconds"), "v1.0.0", body))
    tampered(file, f"UPDATE events SET body = '{body}', digest = '{forged}' WHERE seq = 2")
    with pytest.raises(JournalUnreadable, match="event 3"):
        journal.verify()


@pytest.mark.parametrize("statement", ["UPDATE events SET release = 'v2'", "DELETE FROM events"])
def test_the_database_itself_refuses_to_change_what_was_written(
    sqlite_journal: Opens, file: Path, statement: str
) -> None:
    sqlite_journal().append("v1.0.0", word())
    with closing(sqlite3.connect(file)) as connection, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(statement)


# --- what cannot be read --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ('{"step":"a","attempt":1,"type":"teleported"}', "teleported"),
        ('{"by":"owner","reason":"no","colour":"red","type":"abort"}', "abort"),
        ('{"by":"owner","type":"abort"}', "abort"),
        ('{"by":"owner"', "?"),
        ("", "?"),
        ("[]", "?"),
    ],
)
def test_an_event_that_this_goaround_does_not_know_is_refused_by_name(
    sqlite_journal: Opens, file: Path, body: str, named: str
) -> None:
    journal = sqlite_journal()
    journal.append("v1.0.0", word())
    tampered(file, f"UPDATE events SET body = '{body}'")
    with pytest.raises(JournalUnreadable, match=rf"event 1 \({named.replace('?', '[?]')}\) is not one that"):
        journal.read()


def test_an_event_at_no_time_is_refused(sqlite_journal: Opens, file: Path) -> None:
    journal = sqlite_journal()
    journal.append("v1.0.0", word())
    tampered(file, "UPDATE events SET at = 'yesterday'")
    with pytest.raises(JournalUnreadable, match="event 1"):
        journal.read()


def test_a_journal_of_a_newer_format_is_refused_and_left_alone(sqlite_journal: Opens, file: Path) -> None:
    sqlite_journal().append("v1.0.0", word())
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(f"PRAGMA user_version = {FORMAT + 1}")
    with pytest.raises(JournalUnreadable, match=f"format {FORMAT + 1} and this goaround knows {FORMAT}"):
        SqliteJournal(file)


@pytest.mark.parametrize(
    "content", [b"not a database, but long enough to be taken for one" * 40, b"SQLite format 3\0" + b"?" * 4096]
)
def test_a_file_of_something_else_is_refused_and_left_alone(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(JournalUnreadable):
        SqliteJournal(file)
    assert file.read_bytes() == content


def test_a_folder_that_is_a_file_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(Unavailable, match="cannot be opened"):
        SqliteJournal(tmp_path / "taken" / "journal.sqlite3")


# --- no room, no permission -----------------------------------------------------------------------


def writer(*words: str) -> list[str]:
    done = subprocess.run([sys.executable, WRITER, *words], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_on_a_full_disk_nothing_is_begun_and_when_there_is_room_it_goes_on(sqlite_journal: Opens, file: Path) -> None:
    sqlite_journal().append("v1.0.0", word())
    error, counts = writer("full", str(file), str(100_000))
    assert error == "Unavailable the event was not written, so nothing was begun; whatever served goes on serving"
    expected, found = counts.split()
    assert expected == found
    assert sqlite_journal().verify() == int(found)


def test_where_it_may_not_write_it_says_so(sqlite_journal: Opens, file: Path) -> None:
    # Somewhere that everybody can reach: the writer gives up root, and pytest's own folders are root's alone.
    folder = Path(tempfile.mkdtemp())
    try:
        sqlite_journal().append("v1.0.0", word())
        shutil.copy(file, folder / file.name)
        folder.chmod(0o555)
        assert writer("read-only", str(folder / file.name)) == ["Unavailable"]
        assert writer("read-only", str(folder / "new.sqlite3")) == ["Unavailable"]
        assert os.listdir(folder) == [file.name]  # noqa: PTH208
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)


def test_a_fake_disk_without_room_refuses_too() -> None:
    journal = FakeJournal()
    journal.full = True
    with pytest.raises(Unavailable):
        journal.append("v1.0.0", word())
    assert journal.verify() == 0


def test_many_may_open_a_journal_that_is_not_there_yet(file: Path, sqlite_journal: Opens) -> None:
    writers = [
        subprocess.Popen([sys.executable, WRITER, "append", str(file), f"v{n}", "1"], stdout=subprocess.PIPE, text=True)
        for n in range(4)
    ]
    assert [one.communicate()[0] for one in writers] == ["done\n"] * 4
    assert sqlite_journal().verify() == 4
