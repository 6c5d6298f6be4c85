"""Controllers that are killed at any time, with their commands and without: as many as ``KILLS`` says.

    KILLS=200 pytest -n 2 tests/crash/test_any_time.py

``SEED`` is what the dice are thrown by.
"""

from __future__ import annotations

import os
from collections import Counter
from itertools import count

import pytest
from tests.crash.flight import (
    Flight,
    assert_each_effect_once,
    assert_flown_as_planned,
    assert_migrated,
    assert_serves,
    assert_visitors_content,
    outcome,
)
from tests.shop.fixture import ShopFactory
from tests.shop.shop import Shop

KILLS = int(os.environ.get("KILLS", "16"))
SEED = os.environ.get("SEED", "goaround")
A_SHOP = 50
A_FLIGHT = 8
"""Kills at most in one shop, and on one way forward or back."""
ENOUGH = 10
KINDS = ("v2.0.{}", "v1.1.{}-down", "v2.0.{}-smoke")
"""Released and rolled back under a hold; the same under traffic; rolled back by itself under a hold."""
MIGRATIONS = {"v2.0": "0003", "v1.1": "0002"}


@pytest.mark.timeout(120 + 8 * A_SHOP)
@pytest.mark.parametrize("number", range(-(-KILLS // A_SHOP)))
def test_killing_controllers_at_any_time_changes_nothing(
    shop_factory: ShopFactory, kills: Counter[str], number: int
) -> None:
    wanted = min(A_SHOP, KILLS - number * A_SHOP)
    versions = [KINDS[(number + each) % len(KINDS)].format(each) for each in range(wanted)]
    shop = shop_factory("v1.0.0", *versions, replaces=dict.fromkeys(versions, "v1.0.0"), slow_seconds=0.4, hold="25s")
    assert shop.release_fully("v1.0.0") == 0
    log = [("0001", "up")]
    with shop.traffic().flowing() as traffic:
        for each in count():
            fly_there_and_back(shop, Flight(shop, kills), versions[each], f"{SEED} {number} {each}")
            ended_at = traffic.go_on_for(ENOUGH)
            migration = MIGRATIONS[versions[each][:4]]
            log += [(migration, "up"), (migration, "down")]
            assert_migrated(shop, *log)
            assert_serves(shop, traffic, "v1.0.0", ended_at)
            if kills.total() >= wanted:
                break
    assert_each_effect_once(shop)
    assert_visitors_content(shop, traffic, "name")


def fly_there_and_back(shop: Shop, flight: Flight, version: str, seed: str) -> None:
    state = flight.release(version, "outside", f"{seed} there", str(A_FLIGHT))
    if not shop.versions[version].good:
        assert outcome(state) == "rolled_back"
        assert_flown_as_planned(state, failing_at=f"{version}/production/smoke")
        return
    assert outcome(state) == "released"
    assert_flown_as_planned(state)
    back = flight.rollback("outside", f"{seed} back", str(A_FLIGHT))
    assert outcome(back) == "rolled_back"
    assert_flown_as_planned(back)
