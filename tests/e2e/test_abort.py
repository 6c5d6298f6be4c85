"""A release can be called off at any time: what it changed is taken back, and nothing is broken off half-way."""

from __future__ import annotations

import os
from pathlib import Path

import psycopg
import pytest
from tests.e2e.desk import (
    NEXT,
    Flight,
    Said,
    belongs_to,
    goaround,
    serves,
    session,
    takes_off,
    toml,
    unharmed,
    variant,
)
from tests.polling import until
from tests.shop.shop import Shop

pytestmark = pytest.mark.xdist_group("e2e-people")
MIGRATING = "SELECT pg_advisory_lock(1)"
"""The shop's migrations wait for this lock before they begin."""


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """Who reads it waits until the test lets go; a command can so be had in its middle for as long as it takes."""
    path = tmp_path / "gate"
    os.mkfifo(path)
    return path


def _called_off(flight: Flight, why: str) -> None:
    """By somebody else, who then follows it to its end, as the one who began it does."""
    said = goaround(flight.shop, "abort", "--reason", why).ended(0)
    assert f"owner aborted it: {why}" in said.out
    assert "aborted" in flight.ends().out
    assert flight.process.returncode == 9
    unharmed(flight.shop)


def test_during_a_slow_build(standing: Shop, gate: Path) -> None:
    """And who resumes it meanwhile follows it, and starts no second build."""
    version = variant(standing, "v1.1.0-oven", NEXT)
    builds = gate.with_name("builds")
    command = f'[build]\ncommand = ["sh", "-c", "echo one >> {builds}; read line < {gate}"]\n\n[run]'
    with toml(standing, ("[run]", command)):
        flight = takes_off(standing, version).reaches("staging/build")
        until(builds.exists)
        follower = standing.start("resume", version)
        assert follower.stderr is not None
        assert "following" in follower.stderr.readline()
        _called_off(flight, "too hot")
    out, err = follower.communicate(timeout=30)
    assert "owner aborted it: too hot" in Said(follower.returncode, out, err).ended(9).out
    assert builds.read_text() == "one\n"
    assert not any(str(gate) in line for _, line in standing.running())


def test_during_a_migration_in_staging_which_is_brought_to_its_end_first(standing: Shop) -> None:
    version = variant(standing, "v1.1.0-risen", NEXT)
    with session(standing, "staging") as somebody:
        somebody.execute(MIGRATING)
        flight = takes_off(standing, version).reaches("staging/migrate")
        _waits_for(somebody)
        caller = standing.start("abort", "--reason", "too slow")
        until(lambda: flight.state.abort is not None, 30)
        assert flight.state.of(f"{version}/staging/migrate").ended_at is None
        somebody.execute("SELECT pg_advisory_unlock(1)")
    out, err = caller.communicate(timeout=60)
    Said(caller.returncode, out, err).ended(0)
    flight.ends().ended(9)
    assert [how for name, how in standing.migration_log("staging") if name == "0002"][-2:] == ["up", "down"]
    assert flight.state.of(f"{version}/staging/migrate").passed is not None
    unharmed(standing)


def test_during_the_tests_which_are_ended(standing: Shop, gate: Path) -> None:
    version = variant(standing, "v1.1.0-tasted", NEXT)
    tests = f'integration = ["sh", "-c", "echo {{base_url}}; read line < {gate}"]'
    with toml(standing, ('integration = ["python3", "probe.py", "integration", "{base_url}"]', tests)):
        flight = takes_off(standing, version).reaches("staging/integration")
        until(lambda: any(str(gate) in line for _, line in standing.running()), 20)
        _called_off(flight, "not to my taste")
    assert not any(str(gate) in line for _, line in standing.running())


def test_while_it_waits_for_a_sign_off(standing: Shop) -> None:
    flight = takes_off(standing, variant(standing, "v1.1.0-cold", NEXT)).waits_at("staging/sign-off")
    _called_off(flight, "gone cold")


def test_while_requests_are_held_in_production_and_once_it_is_on_its_way_back_no_more(standing: Shop) -> None:
    version = variant(standing, "v2.0.0-held", "v2.0.0")
    before = standing.migration_log("production")
    with standing.traffic().flowing() as visitors:
        with session(standing, "production") as somebody:
            somebody.execute(MIGRATING)
            flight = takes_off(standing, version).reaches("production/migrate")
            _waits_for(somebody)
            caller = standing.start("abort", "--reason", "too long a queue")
            until(lambda: flight.state.abort is not None, 30)
            # Let the migration have it, and have it back before the way back wants it.
            somebody.execute("SELECT pg_advisory_unlock(1)")
            somebody.execute(MIGRATING)
            flight.reaches("production/back-down")
            said = goaround(standing, "abort", "--reason", "again")
            said.clear(9, f"{version} is on its way back already", "stays as it is", "goaround status -w")
        out, err = caller.communicate(timeout=60)
        Said(caller.returncode, out, err).ended(6)
        flight.ends().ended(6)
    assert visitors.on_wrong_schema == []
    assert standing.migration_log("production")[len(before) :] == [("0003", "up"), ("0003", "down")]
    unharmed(standing)


def _waits_for(somebody: psycopg.Connection[object]) -> None:
    """Until another session wants the lock."""
    waiting = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    until(lambda: somebody.execute(waiting).fetchone() is not None, 30)


def test_during_the_watch_of_production(standing: Shop) -> None:
    version = variant(standing, "v1.1.0-watched", NEXT)
    with toml(standing, ('for = "1s"', 'for = "10m"')), standing.traffic().flowing() as visitors:
        flight = takes_off(standing, version).reaches("production/watch")
        assert serves(standing, "production", version)
        assert belongs_to(standing) == {"staging": version, "production": version}
        said = goaround(standing, "abort", "--reason", "one does not like it").ended(6)
        assert "owner aborted it" in said.out
        flight.ends().ended(6)
    assert visitors.failed == []
    unharmed(standing)
