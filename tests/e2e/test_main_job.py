"""The main job: a service goes staging-first to production, and people see on a terminal what happens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.e2e.desk import Said, belongs_to, goaround, release, serves, takes_off
from tests.postgres_server import open_folder
from tests.shop.build import shop
from tests.shop.shop import Shop
from tests.shop.traffic import Traffic

from goaround.adapters.sqlite_journal import SqliteJournal
from goaround.domain.events import AbortAsked
from goaround.domain.journal import State

pytestmark = pytest.mark.xdist_group("e2e-main-job")


@pytest.fixture(scope="module")
def fresh() -> Iterator[Shop]:
    """A shop that nothing was ever released of. The tests of this file release it bit by bit, in their order."""
    with open_folder() as folder, shop(folder, "v1.0.0", "v1.1.0", "v2.0.0", "v1.2.0-later", watch="2s") as there:
        yield there


def test_a_plan_starts_nothing_writes_nothing_and_shows_the_way_back(fresh: Shop) -> None:
    said = goaround(fresh, "plan", "v1.0.0", "--ref", "release/v1.0.0").ended(0)
    assert "it is the first release" in said.out
    assert "the way back" in said.out
    assert "visitors get a maintenance answer" in said.out
    there = goaround(fresh, "plan", "v1.0.0", "--ref", "release/v1.0.0", "--json").ended(0).json
    assert there["steps"][0]["key"] == "v1.0.0/staging/commit"
    assert there["rollback"]["environments"]["production"]["to"] is None
    assert not (fresh.project / ".goaround").exists()
    assert list(fresh.running()) == []


def test_check_and_doctor_find_everything_right_before_the_first_release(fresh: Shop) -> None:
    assert "are right" in goaround(fresh, "check").ended(0).out
    said = goaround(fresh, "doctor").ended(0)
    assert "none yet; the first release writes it" in said.out
    assert "a release starts it" in said.out
    assert list(fresh.running()) == []


def test_off_a_terminal_a_release_ends_with_5_wherever_a_person_is_needed_and_goes_on_when_told(fresh: Shop) -> None:
    with fresh.traffic().flowing() as visitors:
        waits = release(fresh, "v1.0.0").ended(5)
        assert "Does it look right?" in waits.out
        assert "goaround resume v1.0.0" in waits.err
        _is_occupied_by_nobody_but_the_journal(fresh)
        assert "Does it look right?" in goaround(fresh, "resume").ended(5).out

        assert "answered by owner: look" in goaround(fresh, "answer", "look", "--note", "it does").ended(0).out
        assert "may v1.0.0 go to production?" in goaround(fresh, "resume").ended(5).out
        assert serves(fresh, "staging", "v1.0.0")
        assert not serves(fresh, "production", "v1.0.0")

        goaround(fresh, "sign", "--note", "seen in staging").ended(0)
        assert "is v1.0.0 good in production?" in goaround(fresh, "resume").ended(5).out
        reached = datetime.now(UTC).timestamp()
        goaround(fresh, "sign", "v1.0.0").ended(0)
        assert "v1.0.0 released: v1.0.0 serves production" in goaround(fresh, "resume").ended(0).out
    assert [visit for visit in visitors.since(reached) if visit.failed] == []
    assert serves(fresh, "production", "v1.0.0")
    assert belongs_to(fresh) == {"staging": None, "production": None}


def _is_occupied_by_nobody_but_the_journal(shop: Shop) -> None:
    """Others are kept out of the environment while people think, though no controller lives that could hold a lock."""
    assert belongs_to(shop) == {"staging": "v1.0.0", "production": None}
    locks = [line for line in goaround(shop, "doctor").ended(0).out.splitlines() if "lock" in line]
    assert len(locks) == 2
    assert all(line.endswith("free") for line in locks)
    said = release(shop, "v1.1.0").clear(
        8, "staging belongs to v1.0.0", "nothing was started", "goaround resume v1.0.0"
    )
    assert "v1.1.0" not in goaround(shop, "history").out, said.all


def test_one_call_waits_for_people_who_speak_from_elsewhere_and_others_may_watch(fresh: Shop) -> None:
    """And the schema gets a column that the old version does not mind: nobody notices."""
    with fresh.traffic().flowing() as visitors:
        flight = takes_off(fresh, "v1.1.0").waits_at("staging/check-look")
        watching = fresh.start("status", "-w")
        goaround(fresh, "answer", "look", "--note", "it does", "--by", "somebody").ended(0)
        flight.waits_at("staging/sign-off")
        goaround(fresh, "sign").ended(0)
        flight.waits_at("production/sign-off")
        assert "v1.1.0" in goaround(fresh, "status").out
        goaround(fresh, "sign").ended(0)
        said = flight.ends().ended(0)
        seen, followed = watching.communicate(timeout=30)
    _reached(fresh, visitors, "v1.1.0", "name", said)
    assert Said(watching.returncode, seen, followed).ended(0)
    assert "✓ production/traffic" in followed
    assert "■ v1.1.0" in followed


def test_where_the_old_version_does_not_suit_the_new_schema_visitors_wait_a_little_and_none_fails(fresh: Shop) -> None:
    assert "hold all requests" in goaround(fresh, "plan", "v2.0.0", "--ref", "release/v2.0.0").ended(0).out
    with fresh.traffic().flowing() as visitors:
        said = takes_off(fresh, "v2.0.0").reaches("production/retire").ends().ended(0)
    _reached(fresh, visitors, "v2.0.0", "title", said)


def _reached(shop: Shop, visitors: Traffic, version: str, label: str, said: Said) -> None:
    """The version serves, no visitor ever failed, and everything they were told is kept, is kept."""
    assert visitors.failed == []
    assert len(visitors.visits) > 50
    assert f"{version} released" in said.out
    assert serves(shop, "production", version)
    assert serves(shop, "staging", version)
    assert belongs_to(shop) == {"staging": None, "production": None}
    rows = dict(shop.query("production", f"SELECT id, {label} FROM items"))
    assert {number: rows.get(number) for number in visitors.acknowledged} == visitors.acknowledged


def test_afterwards_everything_that_happened_can_be_looked_up(fresh: Shop) -> None:
    history = goaround(fresh, "history").ended(0).out.splitlines()
    assert [line.split()[0] for line in history[1:]] == ["v1.0.0", "v1.1.0", "v2.0.0"]
    assert all(" released " in line for line in history[1:])
    assert [found["outcome"] for found in goaround(fresh, "history", "--json").ended(0).json] == ["released"] * 3

    rows = [line.split() for line in goaround(fresh, "status").ended(0).out.splitlines()]
    assert [row[:2] for row in rows[1:]] == [["staging", "v2.0.0"], ["production", "v2.0.0"]]
    there = goaround(fresh, "status", "--json").ended(0).json
    assert there["environments"]["production"]["serves"]["version"] == "v2.0.0"
    assert there["under_way"] == []
    assert "✓  production/migrate " in goaround(fresh, "status", "v2.0.0").ended(0).out

    assert "0003 up done" in goaround(fresh, "logs", "v2.0.0", "production/migrate").ended(0).out
    assert "smoke: " in goaround(fresh, "logs", "v2.0.0").ended(0).out
    slot = there["environments"]["production"]["serves"]["slot"]
    assert "v2.0.0 listens on" in goaround(fresh, "logs", "v2.0.0", f"production/{slot}").ended(0).out
    journal = goaround(fresh, "logs", "--journal").ended(0).out
    assert "chain intact" in journal
    assert "v2.0.0/production/traffic" in journal

    said = goaround(fresh, "doctor").ended(0).out
    assert f"runs, serving {slot}" in said
    assert "chain intact" in said


def test_tags_are_on_the_commits_that_were_released(fresh: Shop) -> None:
    for version in ("v1.0.0", "v1.1.0", "v2.0.0"):
        commit = fresh.git("rev-parse", f"release/{version}")
        for tag in (version, f"{version}-staging"):
            assert fresh.git("rev-parse", f"{tag}^{{commit}}") == commit
            assert fresh.git("cat-file", "-t", tag) == "tag"


def test_a_clock_that_was_set_back_by_an_hour_stops_no_release_and_the_journal_stays_in_order(fresh: Shop) -> None:
    """Last in this file: afterwards the journal lives in the future."""
    path = fresh.project / ".goaround" / "journal.sqlite3"
    ahead = SqliteJournal(path, now=lambda: datetime.now(UTC) + timedelta(hours=1))
    ahead.append("v1.0.0", AbortAsked("owner", "too late, and from the future"))
    ahead.close()
    with fresh.traffic().flowing() as visitors:
        said = takes_off(fresh, "v1.2.0-later").reaches("production/retire").ends().ended(0)
    _reached(fresh, visitors, "v1.2.0-later", "title", said)
    times = [record.at for record in fresh.house.journal.read()]
    assert times == sorted(times)
    assert "chain intact" in goaround(fresh, "logs", "--journal").ended(0).out
    assert isinstance(fresh.state("v1.2.0-later"), State)
    assert json.loads(goaround(fresh, "status", "v1.2.0-later", "--json").out)["seconds"] >= 0
    assert Path(path).exists()
