"""Facts and limits become a verdict with its numbers, and no data is never health."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from goaround.domain.gates import Answer, Limit, Second, Seen, WatchLimits, judge, percentile

LIMITS = WatchLimits(minimum_requests=20)
NAN = float("nan")


def seen(requests: int = 100, errors: int = 0, ms: int = 100, gap: float = 0, elapsed: float = 100) -> Seen:
    """As many seconds as requests, one each, the first of them errors."""
    seconds = [Second(at, 1, int(at < errors), (ms,)) for at in range(requests)]
    return Seen(seconds, elapsed, gap)


def test_a_limit_says_what_it_allows_and_what_it_does_not() -> None:
    assert Limit("<", 0.01, "ratio").holds(0.009)
    assert not Limit("<", 0.01, "ratio").holds(0.01)
    assert Limit(">", 10, "seconds").holds(10.001)
    assert not Limit(">", 10, "seconds").holds(10)


@pytest.mark.parametrize("op", ["<", ">"])
def test_what_is_not_a_number_keeps_no_limit_and_breaks_none(op: str) -> None:
    assert not Limit(op, 1, "ratio").holds(NAN)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        (Limit("<", 0.01, "ratio"), "< 1 %"),
        (Limit("<", 0.0025, "ratio"), "< 0.25 %"),
        (Limit(">", 10, "seconds", 300), "> 10 s for 300 s"),
        (Limit("<", 0.5, "seconds"), "< 0.5 s"),
    ],
)
def test_a_limit_is_shown_as_people_write_it(limit: Limit, said: str) -> None:
    assert str(limit) == said


@pytest.mark.parametrize(
    ("values", "share", "is_"),
    [
        ([], 0.95, None),
        ([7], 0.95, 7),
        ([7], 0.0, 7),
        (range(1, 101), 0.95, 95),
        (range(100, 0, -1), 0.95, 95),
        (range(1, 21), 0.95, 19),
        (range(1, 22), 0.95, 20),
        ([1, 2], 0.5, 1),
        ([1, 2], 1.0, 2),
    ],
)
def test_a_percentile_is_a_value_that_was_seen(values: list[int], share: float, is_: float | None) -> None:
    assert percentile(list(values), share) == is_


def test_good_numbers_pass_and_are_named() -> None:
    verdict = judge(seen(200, errors=1), LIMITS)
    assert verdict.answer is Answer.PASSED
    assert (verdict.requests, verdict.errors, verdict.error_ratio, verdict.p95_seconds) == (200, 1, 0.005, 0.1)
    assert verdict.says == "1 of 200 requests failed (0.50%), P95 0.100 s; allowed: errors < 1 %, P95 < 5 s"


def test_no_request_at_all_is_not_health() -> None:
    verdict = judge(Seen([], 3600, 0), LIMITS)
    assert verdict.answer is Answer.INCONCLUSIVE
    assert (verdict.error_ratio, verdict.p95_seconds) == (None, None)
    assert verdict.says == "0 requests seen, 20 are needed"


def test_no_request_is_not_health_even_if_none_is_needed() -> None:
    assert judge(Seen([], 3600, 0), replace(LIMITS, minimum_requests=0)).answer is Answer.INCONCLUSIVE


def test_requests_without_a_single_latency_are_not_health() -> None:
    """All of them were event streams: how fast the service answers nobody knows."""
    streams = [Second(at, 1, 0, ()) for at in range(100)]
    assert judge(Seen(streams, 100, 0), LIMITS).answer is Answer.INCONCLUSIVE


def test_one_request_too_few_cannot_tell_and_exactly_enough_can() -> None:
    assert judge(seen(19), LIMITS).answer is Answer.INCONCLUSIVE
    assert judge(seen(20), LIMITS).answer is Answer.PASSED


def test_errors_at_the_limit_fail() -> None:
    assert judge(seen(100, errors=1), LIMITS).answer is Answer.FAILED
    assert judge(seen(1000, errors=9), LIMITS).answer is Answer.PASSED


def test_a_slow_answer_fails_with_the_limit_it_broke() -> None:
    verdict = judge(seen(ms=5000), LIMITS)
    assert verdict.answer is Answer.FAILED
    assert verdict.says.endswith("allowed: P95 < 5 s")
    assert judge(seen(ms=4999), LIMITS).answer is Answer.PASSED


@pytest.mark.parametrize(
    ("gap", "answer"), [(5, Answer.PASSED), (5.01, Answer.INCONCLUSIVE), (NAN, Answer.INCONCLUSIVE)]
)
def test_a_span_unseen_by_more_than_a_twentieth_cannot_be_told(gap: float, answer: Answer) -> None:
    assert judge(seen(gap=gap), LIMITS).answer is answer


def test_a_gap_is_shown_with_what_was_seen_beside_it() -> None:
    assert judge(seen(gap=30), LIMITS).says.startswith("no data for 30 s of 100 s; 0 of 100 requests failed")


def test_a_span_that_the_clock_says_was_negative_cannot_be_told() -> None:
    assert judge(seen(elapsed=-10), LIMITS).answer is Answer.INCONCLUSIVE
    assert judge(seen(elapsed=NAN), LIMITS).answer is Answer.INCONCLUSIVE


def test_broken_limits_are_told_even_through_gaps() -> None:
    assert judge(seen(errors=50, gap=99), LIMITS).answer is Answer.FAILED


def test_a_limit_that_is_not_a_number_lets_nothing_through() -> None:
    assert judge(seen(), replace(LIMITS, errors=Limit("<", math.nan, "ratio"))).answer is Answer.FAILED
    assert judge(seen(), replace(LIMITS, p95=Limit("<", math.nan, "seconds"))).answer is Answer.FAILED
