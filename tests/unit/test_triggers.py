"""When production goes back by itself, at the boundary and on either side of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from goaround.domain.gates import Limit, Second, Seen, TriggerLimits
from goaround.domain.triggers import fired, severity

LIMITS = TriggerLimits(minimum_requests=20)
"""> 10 % in a minute; P95 > 10 s for 5 minutes, in windows of one."""


def seconds(span: range, requests: int = 1, errors: int = 0, ms: int = 100) -> list[Second]:
    return [Second(at, requests, errors, (ms,) * requests) for at in span]


def test_nothing_seen_pulls_nothing() -> None:
    assert fired(Seen([], 0, 0), LIMITS) is None
    assert fired(Seen([], 3600, 3600), LIMITS) is None


def test_a_quiet_service_pulls_nothing_even_where_nothing_is_enough() -> None:
    assert fired(Seen([], 600, 0), replace(LIMITS, minimum_requests=0)) is None


@pytest.mark.parametrize(("errors", "pulls"), [(9, False), (10, False), (11, True), (100, True)])
def test_more_than_a_tenth_failed_pulls_and_exactly_a_tenth_does_not(errors: int, pulls: bool) -> None:
    trigger = fired(Seen([Second(30, 100, errors, ())], 60, 0), LIMITS)
    assert (trigger is not None) == pulls
    if trigger:
        assert trigger.name == "errors"
        assert trigger.says.startswith(f"{errors} of 100 requests failed in the last 60 s")
        assert trigger.says.endswith("trigger: > 10 %")


def test_too_few_requests_prove_nothing_however_bad() -> None:
    assert fired(Seen(seconds(range(19), errors=1), 60, 0), LIMITS) is None
    assert fired(Seen(seconds(range(20), errors=1), 60, 0), LIMITS) is not None


def test_errors_count_as_long_as_they_are_in_the_window() -> None:
    burst = [Second(10, 100, 100, ())]
    assert fired(Seen(burst, 70, 0), LIMITS) is not None
    assert fired(Seen(burst, 70.5, 0), LIMITS) is None


def test_latency_above_the_limit_in_every_window_pulls() -> None:
    trigger = fired(Seen(seconds(range(300), ms=10_001), 300, 0), LIMITS)
    assert trigger is not None
    assert trigger.name == "p95"
    assert trigger.says == "P95 was up to 10.00 s over 300 s; trigger: > 10 s for 300 s"


def test_latency_exactly_at_the_limit_pulls_nothing() -> None:
    assert fired(Seen(seconds(range(300), ms=10_000), 300, 0), LIMITS) is None


def test_slowness_has_to_last_before_it_pulls() -> None:
    slow = seconds(range(300), ms=20_000)
    assert fired(Seen(slow[:299], 299, 0), LIMITS) is None
    assert fired(Seen(slow, 300, 0), LIMITS) is not None


@pytest.mark.parametrize("window", range(5))
def test_one_quiet_window_resets_slowness(window: int) -> None:
    quiet = range(window * 60, window * 60 + 60)
    slow = [second for second in seconds(range(300), ms=20_000) if second.at not in quiet]
    assert fired(Seen(slow, 300, 0), LIMITS) is None
    few = slow + seconds(range(quiet.start, quiet.start + 19), ms=20_000)
    assert fired(Seen(few, 300, 0), LIMITS) is None


@pytest.mark.parametrize("window", range(5))
def test_one_fast_window_resets_slowness(window: int) -> None:
    fast = range(window * 60, window * 60 + 60)
    mixed = [Second(at, 1, 0, (100 if at in fast else 20_000,)) for at in range(300)]
    assert fired(Seen(mixed, 300, 0), LIMITS) is None


def test_a_limit_without_a_duration_looks_at_one_window() -> None:
    limits = replace(LIMITS, p95=Limit(">", 10, "seconds"))
    assert fired(Seen(seconds(range(60), ms=20_000), 60, 0), limits) is not None
    assert fired(Seen(seconds(range(59), ms=20_000), 59, 0), limits) is None


def test_a_span_that_no_whole_number_of_windows_fills_is_cut_into_shorter_ones() -> None:
    limits = replace(LIMITS, p95=Limit(">", 10, "seconds", 90))
    slow = seconds(range(90), ms=20_000)
    assert fired(Seen(slow, 90, 0), limits) is not None
    assert fired(Seen([second for second in slow if second.at < 45], 90, 0), limits) is None


@pytest.mark.parametrize(
    ("cause", "requests", "errors", "data", "level"),
    [
        ("migration", 0, 0, True, "critical"),
        ("migration", 0, 0, False, "major"),
        ("trigger", 100, 11, False, "critical"),
        ("trigger", 100, 10, False, "major"),
        ("trigger", 0, 0, False, "major"),
        ("gate", 100, 1, False, "major"),
        ("asked", 100, 1, True, "major"),
        ("asked", 100, 0, True, "minor"),
        ("asked", 0, 0, False, "minor"),
        ("aborted", 1, 1, False, "critical"),
    ],
)
def test_severity_follows_the_declared_rules(cause: str, requests: int, errors: int, data: bool, level: str) -> None:
    assert severity(cause, requests, errors, data_touched=data) == level
