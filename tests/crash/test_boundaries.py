"""A controller that is killed at any boundary of any step, and its successor at the next one, changes nothing."""

from __future__ import annotations

from collections import Counter

from tests.crash.controller import ALONE, TOGETHER
from tests.crash.flight import (
    Flight,
    assert_each_effect_once,
    assert_flown_as_planned,
    assert_migrated,
    assert_serves,
    assert_visitors_content,
    moments,
    outcome,
)
from tests.shop.fixture import ShopFactory
from tests.shop.shop import Shop

from goaround.domain.journal import State

FIRST, NOTE, NO_NOTE = ("0001", "up"), ("0002", "up"), ("0002", "down")
TITLE, NO_TITLE = ("0003", "up"), ("0003", "down")
ENOUGH = 10


def test_a_release_and_its_rollback_killed_at_every_boundary(shop_factory: ShopFactory, kills: Counter[str]) -> None:
    shop = shop_factory("v1.0.0", "v1.1.0-down", slow_seconds=0.1)
    assert shop.release_fully("v1.0.0") == 0
    flight = Flight(shop, kills)
    with shop.traffic().flowing() as traffic:
        there = flight.release("v1.1.0-down", "boundaries", "v1.1.0-down")
        released_at = traffic.go_on_for(ENOUGH)
        assert_serves(shop, traffic, "v1.1.0-down", released_at)
        back = flight.rollback("boundaries", "v1.1.0-down.back")
        back_at = traffic.go_on_for(ENOUGH)
    assert (outcome(there), outcome(back)) == ("released", "rolled_back")
    assert_flown_as_planned(there)
    assert_flown_as_planned(back)
    assert_each_effect_once(shop)
    assert_migrated(shop, FIRST, NOTE, NO_NOTE)
    assert_visitors_content(shop, traffic, "name")
    assert_serves(shop, traffic, "v1.0.0", back_at)
    assert_all_killed(shop, there)
    assert_all_killed(shop, back)


def test_a_release_that_fails_under_a_hold_killed_at_every_boundary(
    shop_factory: ShopFactory, kills: Counter[str]
) -> None:
    shop = shop_factory("v1.0.0", "v2.0.0-smoke", slow_seconds=0.1, hold="25s")
    assert shop.release_fully("v1.0.0") == 0
    with shop.traffic().flowing() as traffic:
        state = Flight(shop, kills).release("v2.0.0-smoke", "boundaries", "v2.0.0-smoke/production")
        ended_at = traffic.go_on_for(ENOUGH)
    assert outcome(state) == "rolled_back"
    assert_flown_as_planned(state, failing_at="v2.0.0-smoke/production/smoke")
    assert_each_effect_once(shop)
    assert_migrated(shop, FIRST, TITLE, NO_TITLE)
    assert_visitors_content(shop, traffic, "name")
    assert_serves(shop, traffic, "v1.0.0", ended_at)
    assert_all_killed(shop, state, "production")


def test_a_release_that_answers_with_errors_killed_at_every_boundary_of_its_way_back(
    shop_factory: ShopFactory, kills: Counter[str]
) -> None:
    shop = shop_factory("v1.0.0", "v1.1.0-errors")
    assert shop.release_fully("v1.0.0") == 0
    watch = "v1.1.0-errors/production/watch"
    back = ("v1.1.0-errors/production/back", "v1.1.0-errors/production/alert", "v1.1.0-errors/staging/back")
    with shop.traffic().flowing() as traffic:
        state = Flight(shop, kills).release("v1.1.0-errors", "boundaries", watch, *back)
        ended_at = traffic.go_on_for(ENOUGH)
    assert outcome(state) == "rolled_back"
    assert state.back
    assert state.back.cause == "trigger"
    assert_flown_as_planned(state, failing_at=watch)
    assert_each_effect_once(shop)
    assert_migrated(shop, FIRST, NOTE)
    assert_visitors_content(shop, traffic, "name", expected="out of luck")
    assert_serves(shop, traffic, "v1.0.0", ended_at)


def assert_all_killed(shop: Shop, state: State, environment: str = "") -> None:
    """Somebody was killed at every step of the plan: before it, after its record, and within what takes long; and
    between act and record of most: where a command has ended before it could be killed, its successor need not act."""
    there = moments(shop, state.release.id)
    plan = state.back.plan if state.back else state.opened.plan
    steps = [step for step in plan.steps if step.environment == environment or not environment]
    for step in steps:
        assert {f"started: {step.key}", f"passed: {step.key}"} <= there
        if step.kind in ("migrate", "down", "backup"):
            within = {ALONE, TOGETHER} if step.environment == "production" else {TOGETHER}
            assert {f"{moment}: {step.key}" for moment in ("acting", *within)} <= there
    between = [step.key for step in steps if f"acted: {step.key}" in there]
    assert len(between) >= 3, between
