"""Events written by goaround 0.1 stay readable: ``journal_v1.jsonl`` is never written again, only added to."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pytest

from goaround.adapters.sqlite_journal import SqliteJournal
from goaround.domain.bundle import GENESIS, chained
from goaround.domain.errors import JournalUnreadable
from goaround.domain.events import Event, RollbackAsked
from goaround.domain.journal import State, fold
from goaround.domain.release import Outcome

FROZEN = Path(__file__).with_name("journal_v1.jsonl").read_text(encoding="utf-8").splitlines()
Line = dict[str, Any]


def folded(tmp_path: Path, change: Callable[[Line], Line] = lambda line: line) -> State | None:
    """The state after those lines, read from a file as a journal holds them."""
    file = tmp_path / "journal.sqlite3"
    SqliteJournal(file).close()
    with closing(sqlite3.connect(file)) as connection:
        digest = GENESIS
        for text in FROZEN:
            line = change(json.loads(text))
            row = line["seq"], line["at"], line["release"], json.dumps(line["event"], ensure_ascii=False)
            digest = chained((digest, *row))
            connection.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?)", (*row, digest))
        connection.commit()
    with closing(SqliteJournal(file)) as journal:
        assert journal.verify() == len(FROZEN)
        return fold(journal.read())


def event_of(name: str, change: Callable[[Mapping[str, Any]], Line]) -> Callable[[Line], Line]:
    """Changes the events of that type."""
    return lambda line: {**line, "event": change(line["event"])} if line["event"]["type"] == name else line


TYPES = sorted(str(field.default) for kind in get_args(Event) for field in fields(kind) if field.name == "type")


def test_the_sample_holds_every_type_of_event() -> None:
    assert {json.loads(line)["event"]["type"] for line in FROZEN} >= {*TYPES}


def test_what_goaround_0_1_wrote_folds_to_what_happened_then(tmp_path: Path) -> None:
    state = folded(tmp_path)
    assert state is not None
    assert (state.release.id, state.release.previous, state.release.migrations) == (
        "v1.0.0",
        "v0.9.2",
        ("migrations/0002.sql",),
    )
    assert state.terms.watch.p95.value == 5
    assert len(state.opened.plan.steps) == 33
    assert state.answers["v1.0.0/staging/check-upload"].severity == "minor"
    assert state.of("v1.0.0/production/announce").attempt == 2
    assert state.standing(state.opened.plan.steps[17], state.opened_at).complete
    assert state.declined is not None
    assert state.abort is not None
    assert state.rollback_asked == RollbackAsked("owner", "search feels slow")
    assert state.back is not None
    assert state.back.environments == ("production", "staging")
    assert state.closed is not None
    assert state.closed.outcome is Outcome.ROLLED_BACK
    assert state.next_step is None
    assert state.closed_at is not None
    assert state.closed_at > state.opened_at


@pytest.mark.parametrize("name", TYPES)
def test_an_event_with_a_field_of_a_newer_goaround_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(JournalUnreadable, match=rf"\({name}\) is not one that this goaround knows"):
        folded(tmp_path, event_of(name, lambda event: {**event, "colour": "red"}))


@pytest.mark.parametrize("part", ["release", "terms", "plan"])
def test_so_is_one_with_a_new_field_within(tmp_path: Path, part: str) -> None:
    with pytest.raises(JournalUnreadable, match="event 1"):
        folded(tmp_path, event_of("opened", lambda event: {**event, part: {**event[part], "colour": "red"}}))


def test_an_event_of_a_type_of_a_newer_goaround_is_refused(tmp_path: Path) -> None:
    with pytest.raises(JournalUnreadable, match=r"\(rehearsed\) is not one that this goaround knows"):
        folded(tmp_path, event_of("closed", lambda event: {**event, "type": "rehearsed"}))


def test_a_field_that_had_a_default_may_be_missing(tmp_path: Path) -> None:
    def older(event: Mapping[str, Any]) -> Line:
        return {name: value for name, value in event.items() if name != "evidence"}

    assert folded(tmp_path, event_of("failed", older)) is not None
