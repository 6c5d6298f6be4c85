"""A journal that cannot be read, or was tampered with, is said to be; nothing is done on its word."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.desk import NEXT, goaround, serves
from tests.shop.shop import Shop

pytestmark = pytest.mark.xdist_group("e2e-bad-versions")
EVERY_VERB = (
    ["plan", NEXT, "--ref", f"release/{NEXT}"],
    ["release", NEXT, "--ref", f"release/{NEXT}"],
    ["resume"],
    ["status"],
    ["sign"],
    ["abort", "--reason", "no"],
    ["rollback"],
    ["history"],
    ["logs", "--journal"],
)


@pytest.fixture
def journal(standing: Shop) -> Iterator[Path]:
    """That of the shop; it is put back afterwards."""
    folder = standing.house.folder
    standing.house.journal.close()
    for name in ("journal", "states"):
        standing.house.__dict__.pop(name, None)
    kept = folder / "kept"
    kept.mkdir()
    there = list(folder.glob("journal.sqlite3*"))
    for path in there:
        shutil.copy2(path, kept)
    yield folder / "journal.sqlite3"
    for path in folder.glob("journal.sqlite3*"):
        path.unlink()
    for path in kept.iterdir():
        shutil.move(path, folder)
    kept.rmdir()


def test_what_is_no_journal_is_left_alone_by_every_verb(standing: Shop, journal: Path) -> None:
    for path in journal.parent.glob("journal.sqlite3-*"):
        path.unlink()
    journal.write_bytes(b"flour and water " * 1000)
    for arguments in EVERY_VERB:
        said = goaround(standing, *arguments)
        said.clear(7, "cannot be read: file is not a database", "whatever served goes on serving", "from a backup")
    assert journal.read_bytes() == b"flour and water " * 1000
    assert "not a database" in goaround(standing, "doctor").ended(4).out
    _serve_on(standing)


def test_a_journal_of_a_newer_goaround_is_left_alone(standing: Shop, journal: Path) -> None:
    with sqlite3.connect(journal) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    for arguments in (["status"], ["release", NEXT, "--ref", f"release/{NEXT}"], ["rollback"]):
        said = goaround(standing, *arguments)
        said.clear(
            7, "it has format 99 and this goaround knows 1", "nothing was done", "use the goaround that wrote it"
        )
    _serve_on(standing)


def test_an_event_of_a_kind_that_is_not_known_is_not_guessed_at(standing: Shop, journal: Path) -> None:
    with sqlite3.connect(journal) as database:
        database.execute(
            "INSERT INTO events SELECT max(seq) + 1, max(at), 'v1.0.0', '{\"type\": \"paused\"}', '' FROM events"
        )
    database.close()
    said = goaround(standing, "status")
    said.clear(7, "(paused) is not one that this goaround knows", "nothing was done", "use the goaround that wrote it")
    _serve_on(standing)


TAMPERED = {
    "altered": "UPDATE events SET body = replace(body, 'it does', 'it did not') WHERE seq = 28",
    "missing": "DELETE FROM events WHERE seq = 28",
    "moved": "UPDATE events SET seq = 100028 WHERE seq = 28",
}


@pytest.mark.parametrize("how", TAMPERED)
def test_a_journal_that_was_tampered_with_is_found_out(standing: Shop, journal: Path, how: str) -> None:
    assert "chain intact" in goaround(standing, "logs", "--journal").ended(0).out
    with sqlite3.connect(journal) as database:
        database.executescript(f"DROP TRIGGER events_stay; DROP TRIGGER events_remain; {TAMPERED[how]}")
    database.close()
    said = goaround(standing, "logs", "--journal")
    said.clear(7, "event 28 is missing, or was altered, or moved", "nothing was done", "from a backup")
    assert "event 28" in goaround(standing, "doctor").ended(4).out
    _serve_on(standing)


def _serve_on(shop: Shop) -> None:
    for environment in ("staging", "production"):
        assert serves(shop, environment, "v1.0.0")
