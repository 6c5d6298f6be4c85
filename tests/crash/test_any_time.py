"""Controllers that are killed at any time, with their commands and without: as many as ``KILLS`` says.

KILLS=200 pytest tests/crash/test_any_time.py
"""

from __future__ import annotations

import os
from collections import Counter
from itertools import count

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

KILLS = int(os.environ.get("KILLS", "16"))
SEED = os.environ.get("SEED", "goaround")
A_FLIGHT = 8
"""Kills at most on one way forward, or on one way back."""
ENOUGH = 10


def test_killing_controllers_at_any_time_changes_nothing(shop_factory: ShopFactory, kills: Counter[str]) -> None:
    pairs = range(1 + KILLS // 8)
    versions = [f"v1.1.{number}-down" if number % 2 else f"v2.0.{number}" for number in pairs]
    shop = shop_factory("v1.0.0", *versions, replaces=dict.fromkeys(versions, "v1.0.0"), slow_seconds=0.4, hold="25s")
    assert shop.release_fully("v1.0.0") == 0
    flight, log = Flight(shop, kills), [("0001", "up")]
    with shop.traffic().flowing() as traffic:
        for number in count():
            if kills.total() >= KILLS or number == len(versions):
                break
            version, migration = versions[number], "0002" if number % 2 else "0003"
            there = flight.release(version, "outside", f"{SEED} {number} there", str(A_FLIGHT))
            back = flight.rollback("outside", f"{SEED} {number} back", str(A_FLIGHT))
            ended_at = traffic.go_on_for(ENOUGH)
            log += [(migration, "up"), (migration, "down")]
            assert (outcome(there), outcome(back)) == ("released", "rolled_back")
            assert_flown_as_planned(there)
            assert_flown_as_planned(back)
            assert_migrated(shop, *log)
            assert_serves(shop, traffic, "v1.0.0", ended_at)
    assert_each_effect_once(shop)
    assert_visitors_content(shop, traffic, "name")
    assert kills.total() >= KILLS
