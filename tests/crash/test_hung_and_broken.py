"""A controller that hangs, and a front door that dies, while production is between two versions."""

from __future__ import annotations

import os
import signal
from collections import Counter

from tests.crash.flight import (
    Flight,
    assert_each_effect_once,
    assert_flown_as_planned,
    assert_migrated,
    assert_serves,
    outcome,
)
from tests.polling import until
from tests.shop.fixture import ShopFactory
from tests.shop.people import say_yes
from tests.shop.shop import Shop
from tests.shop.traffic import Traffic

ENOUGH = 10


def test_a_rollback_takes_over_from_a_controller_that_hangs_in_a_migration(shop_factory: ShopFactory) -> None:
    shop = shop_factory("v1.0.0", "v2.0.0", slow_seconds=0.5, hold="25s")
    assert shop.release_fully("v1.0.0") == 0
    with shop.traffic().flowing() as traffic:
        shop.goaround("release", "v2.0.0", "--ref", "release/v2.0.0", "--no-wait")
        say_yes(shop.house, shop.state("v2.0.0"))
        shop.goaround("resume", "--no-wait")
        say_yes(shop.house, shop.state("v2.0.0"))
        hung = shop.start("resume", "--no-wait")
        until(lambda: command_runs(shop, "v2.0.0/production/migrate/up#1"), seconds=30)
        os.kill(hung.pid, signal.SIGSTOP)
        long_silent(shop, "production")
        back = shop.goaround("rollback", "--reason", "it hangs")
        hung.communicate()
        ended_at = traffic.go_on_for(ENOUGH)
    assert hung.returncode == -signal.SIGKILL
    assert back.returncode == 6, back.stderr
    assert "gave no sign of life" in back.stderr
    assert traffic.failed == []
    assert_migrated(shop, ("0001", "up"), ("0003", "up"), ("0003", "down"))
    assert_each_effect_once(shop)
    assert_serves(shop, traffic, "v1.0.0", ended_at)


def test_a_front_door_that_dies_while_requests_are_held(shop_factory: ShopFactory, kills: Counter[str]) -> None:
    """It comes back holding. Who waited at it is cut off; whoever comes then is served by the right version."""
    shop = shop_factory("v1.0.0", "v2.0.0-smoke", slow_seconds=0.3, hold="25s")
    assert shop.release_fully("v1.0.0") == 0
    traffic, flight = shop.traffic(), Flight(shop, kills)
    # Few enough that the supervisor does not take its time before the next start.
    steps = [f"v2.0.0-smoke/production/{step}" for step in ("hold", "migrate", "back-hold", "back-down")]
    with traffic.flowing():
        state = flight.release("v2.0.0-smoke", "front-door", *steps)
        ended_at = traffic.go_on_for(ENOUGH)
    assert flight.kills.total() == len(steps)
    assert outcome(state) == "rolled_back"
    assert_flown_as_planned(state, failing_at="v2.0.0-smoke/production/smoke")
    assert_each_effect_once(shop)
    assert_only_cut_off(traffic)
    assert_migrated(shop, ("0001", "up"), ("0003", "up"), ("0003", "down"))
    assert_serves(shop, traffic, "v1.0.0", ended_at)


def assert_only_cut_off(traffic: Traffic) -> None:
    """Who was not served met a front door that was not there; nobody met the wrong version."""
    assert [visit for visit in traffic.failed if visit.status is not None] == []


def command_runs(shop: Shop, key: str) -> bool:
    """Whether the command with this key was started and has not ended."""
    words = (words for _, words in shop.running())
    return any("goaround.adapters.shim" in line and line.rstrip().endswith(f"{key}") for line in words)


def long_silent(shop: Shop, environment: str) -> None:
    """As if the controller that holds the environment had given no sign of life for a very long time."""
    os.utime(shop.house.folder / "locks" / f"{environment}.beat", ns=(0, 0))
