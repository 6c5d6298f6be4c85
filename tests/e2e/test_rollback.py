"""``goaround rollback``: whenever a person asks for it, in whatever state things are, production goes back."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.desk import (
    NEXT,
    belongs_to,
    columns,
    goaround,
    release,
    serves,
    session,
    taken_back,
    takes_off,
    toml,
    unharmed,
    variant,
)
from tests.polling import until
from tests.shop.fixture import ShopFactory
from tests.shop.shop import Shop

pytestmark = pytest.mark.xdist_group("e2e-rollback")
WATCHED = ('for = "1s"', 'for = "10m"')


def _kill(shop: Shop, name: str) -> None:
    """The process of a slot of production, and the supervisor that would start it again."""
    there = shop.house.runtime("production").state(name)
    assert there is not None
    for pid in (there.supervisor_pid, there.pid):
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def test_under_watch_although_the_old_version_has_to_be_started_again(standing: Shop) -> None:
    version = variant(standing, "v1.1.0-watched-and-back", NEXT)
    with toml(standing, WATCHED), standing.traffic().flowing() as visitors:
        flight = takes_off(standing, version).reaches("production/watch")
        _kill(standing, "blue")
        said = goaround(standing, "rollback", "--to", "v9.9.9")
        said.clear(9, f"the way back from {version} leads to v1.0.0, not to v9.9.9", "stays as it is", "without --to")
        said = goaround(standing, "rollback", "--reason", "I do not trust it", "--to", "v1.0.0").ended(6)
        assert "owner asked to go back: I do not trust it" in said.out
        flight.ends().ended(6)
    assert visitors.failed == []
    taken_back(standing, version, visitors)


def test_before_the_sign_off_although_the_new_version_is_dead_and_the_front_door_was_killed(standing: Shop) -> None:
    version = variant(standing, "v1.1.0-signed-and-back", NEXT)
    with standing.traffic().flowing() as visitors:
        flight = takes_off(standing, version).waits_at("production/sign-off")
        _kill_front_door(standing)
        until(lambda: serves(standing, "production", version), 10, "the front door is back with what it was told")
        _kill(standing, "green")
        said = goaround(standing, "rollback").ended(6)
        assert "v1.0.0 (blue) has the traffic" in said.out
        flight.ends().ended(6)
    taken_back(standing, version, visitors)


def _kill_front_door(shop: Shop) -> None:
    there = shop.house.runtime("production").state("production-front-door")
    assert there is not None
    assert there.pid is not None
    os.kill(there.pid, signal.SIGKILL)


def test_after_completion_the_schema_may_be_kept_and_there_is_no_second_way_back(standing: Shop) -> None:
    version = "v1.1.0-kept"
    variant(standing, version, NEXT, (f"releases/{version}/manifest.toml", 'rollback = "down"', 'rollback = "keep"'))
    with standing.traffic().flowing() as visitors:
        takes_off(standing, version).reaches("production/retire").ends().ended(0)
        said = goaround(standing, "rollback", "--to", "v0.9.0")
        said.clear(9, f"the way back from {version} leads to v1.0.0, not to v0.9.0", "nothing was changed", "--to v1.0")
        goaround(standing, "rollback").ended(6)
    assert visitors.failed == []
    for environment in ("staging", "production"):
        assert serves(standing, environment, "v1.0.0")
        assert "note" in columns(standing, environment)
    said = goaround(standing, "rollback")
    said.clear(9, "v1.0.0 is the first release of shop: there is nothing to go back to", "nothing was changed", "mend")
    _forget_note(standing)
    taken_back(standing, version, visitors, ".back")


def _forget_note(shop: Shop) -> None:
    for environment in ("staging", "production"):
        shop.query(environment, "ALTER TABLE items DROP COLUMN note")
        shop.query(environment, "INSERT INTO migration_log (name, direction) VALUES ('0002', 'down')")


def test_after_completion_the_schema_goes_back_too_but_only_to_an_artifact_that_is_whole(standing: Shop) -> None:
    version = variant(standing, "v2.0.0-complete", "v2.0.0")
    with standing.traffic().flowing() as visitors:
        takes_off(standing, version).reaches("production/retire").ends().ended(0)
        with _altered(standing, "v1.0.0"):
            said = goaround(standing, "rollback")
            said.clear(9, "was altered in", "nothing was changed", "next version")
        with _missing(standing, "v1.0.0"):
            goaround(standing, "rollback").clear(9, "is missing", "nothing was changed", "next version")
        assert serves(standing, "production", version)
        assert belongs_to(standing) == {"staging": None, "production": None}
        said = goaround(standing, "rollback").ended(6)
        assert "schema is 0001 again" in said.out
    assert visitors.failed == []
    assert visitors.on_wrong_schema == []
    unharmed(standing)
    rows = dict(standing.query("production", "SELECT id, name FROM items"))
    assert {number: rows.get(number) for number in visitors.acknowledged} == visitors.acknowledged


def _artifact(shop: Shop, version: str) -> str:
    return str(shop.state(version).evidence("staging", "build")["path"])


@contextlib.contextmanager
def _altered(shop: Shop, version: str) -> Iterator[None]:
    path = f"{_artifact(shop, version)}/probe.py"
    with open(path) as file:  # noqa: PTH123
        before = file.read()
    os.chmod(path, 0o644)  # noqa: PTH101
    with open(path, "a") as file:  # noqa: PTH123
        file.write("# salt\n")
    try:
        yield
    finally:
        with open(path, "w") as file:  # noqa: PTH123
            file.write(before)


@contextlib.contextmanager
def _missing(shop: Shop, version: str) -> Iterator[None]:
    path = _artifact(shop, version)
    os.rename(path, f"{path}.away")  # noqa: PTH104
    try:
        yield
    finally:
        os.rename(f"{path}.away", path)  # noqa: PTH104


def test_an_old_version_that_still_runs_gets_the_traffic_although_its_artifact_was_altered(standing: Shop) -> None:
    """And the rollback does not call itself done before the artifact is whole again."""
    version = variant(standing, "v1.1.0-salted", NEXT)
    with standing.traffic().flowing() as visitors:
        flight = takes_off(standing, version).waits_at("production/sign-off")
        with _altered(standing, "v1.0.0"):
            said = goaround(standing, "rollback")
            said.clear(7, "was altered in", "it was not used", "restore the folder from a backup")
            assert "A person is needed: restore the folder" in said.out
            assert "then run: goaround rollback" in said.out
            flight.ends().ended(7)
            assert serves(standing, "production", "v1.0.0")
            assert belongs_to(standing) == {"staging": version, "production": version}
        goaround(standing, "rollback").ended(6)
    assert visitors.failed == []
    taken_back(standing, version, visitors)


def test_a_rollback_that_was_cut_off_and_then_fails_is_finished_by_the_next(standing: Shop) -> None:
    version = variant(standing, "v1.1.0-stuck", NEXT)
    with standing.traffic().flowing() as visitors:
        flight = takes_off(standing, version).waits_at("production/sign-off")
        with session(standing, "production") as somebody:
            somebody.execute("BEGIN; LOCK TABLE items IN ACCESS SHARE MODE")
            asked = standing.start("rollback", "--reason", "once")
            until(lambda: flight.state.of(f"{version}/production/back-down").attempt > 0, 60)
            for process in (flight.process, asked):
                process.kill()
                process.communicate()
            said = goaround(standing, "resume")
            said.clear(7, "lock timeout", "the schema of production should be 0001", "then run: goaround rollback")
            assert f"{version} could not be taken back" in said.out
            assert belongs_to(standing) == {"staging": version, "production": version}
            assert serves(standing, "production", "v1.0.0")
            assert "A person is needed" in goaround(standing, "status").ended(0).out
            release(standing, "v2.0.0").clear(8, f"staging belongs to {version}", "nothing was started", "goaround")
            refused = goaround(standing, "abort", "--reason", "give up")
            refused.clear(9, "is on its way back already", "stays as it is", "goaround status -w")
            goaround(standing, "rollback").ended(7)
        goaround(standing, "rollback", "--reason", "twice").ended(6)
    assert visitors.failed == []
    taken_back(standing, version, visitors)


def test_the_first_release_of_all_goes_back_to_a_maintenance_answer(shop_factory: ShopFactory) -> None:
    shop = shop_factory("v1.0.0", watch="1s")
    said = goaround(shop, "rollback")
    said.clear(9, "production serves nothing", "nothing was changed", "release the version that you want")
    with shop.traffic().flowing() as visitors:
        flight = takes_off(shop, "v1.0.0").waits_at("production/sign-off")
        assert serves(shop, "production", "v1.0.0")
        assert "visitors get a maintenance answer" in goaround(shop, "rollback").ended(6).out
        flight.ends().ended(6)
    answer = shop.house.http.get(f"http://127.0.0.1:{shop.terms.production_port}/items/count", 5)
    assert answer.status == 503
    assert visitors.on_wrong_schema == []
    assert {environment: there["serves"] for environment, there in shop.status()["environments"].items()} == {
        "staging": None,
        "production": None,
    }
    assert belongs_to(shop) == {"staging": None, "production": None}
    release(shop, "v1.0.0").clear(9, "was rolled back from production", "nothing was started", "next version")


def _environ(shop: Shop, slot: str) -> dict[str, str]:
    """What the process in a slot of production was started with."""
    there = shop.house.runtime("production").state(slot)
    assert there is not None
    text = Path(f"/proc/{there.pid}/environ").read_text()
    return dict(pair.split("=", 1) for pair in text.split("\0") if pair)


def test_the_old_version_comes_back_with_the_variables_it_was_released_with(standing: Shop) -> None:
    version = variant(standing, "v1.1.0-told-otherwise", NEXT)
    before, after = 'SHOP_ENVIRONMENT = "production"', 'SHOP_ENVIRONMENT = "production", SHOP_COLOUR = "red"'
    with toml(standing, WATCHED, (before, after)), standing.traffic().flowing() as visitors:
        flight = takes_off(standing, version).reaches("production/watch")
        assert _environ(standing, "green")["SHOP_COLOUR"] == "red"
        _kill(standing, "blue")
        goaround(standing, "rollback").ended(6)
        flight.ends().ended(6)
    assert "SHOP_COLOUR" not in _environ(standing, "blue")
    taken_back(standing, version, visitors)
