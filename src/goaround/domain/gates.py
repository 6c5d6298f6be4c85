"""Facts and limits become a verdict with its numbers. Three answers; the third never passes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Answer(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "could not tell"


@dataclass(frozen=True, slots=True)
class Limit:
    """``< 1%`` or ``> 10s for 5m``: a value is inside (``<``, what is wanted) or over (``>``, what triggers).

    ``value`` is a ratio (0.01) or seconds, as ``unit`` says.
    """

    op: Literal["<", ">"]
    value: float
    unit: Literal["ratio", "seconds"]
    for_seconds: float = 0

    def holds(self, measured: float) -> bool:
        """Whether ``measured op value``. Not a number holds neither way."""
        return measured < self.value if self.op == "<" else measured > self.value

    def __str__(self) -> str:
        value = f"{self.value * 100:g} %" if self.unit == "ratio" else f"{self.value:g} s"
        return f"{self.op} {value}" + (f" for {self.for_seconds:g} s" if self.for_seconds else "")


@dataclass(frozen=True, slots=True)
class WatchLimits:
    """What production must show to be signed off. Durations are seconds."""

    for_seconds: float = 3600
    errors: Limit = Limit("<", 0.01, "ratio")
    p95: Limit = Limit("<", 5, "seconds")
    minimum_requests: int = 20
    extend_seconds: float = 3600
    """How much longer to look while it cannot be told."""
    after_rollback_seconds: float = 1800


@dataclass(frozen=True, slots=True)
class TriggerLimits:
    """What takes production back at once."""

    errors: Limit = Limit(">", 0.10, "ratio")
    p95: Limit = Limit(">", 10, "seconds", 300)
    window_seconds: float = 60
    minimum_requests: int = 20


@dataclass(frozen=True, slots=True)
class Second:
    """What one second of traffic of the watched slot showed. ``at`` is seconds since the watch began."""

    at: float
    requests: int
    errors: int
    latency_ms: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """All that is known of the watched span. ``gap_seconds`` is time without proof that the log was complete."""

    seconds: Sequence[Second]
    elapsed_seconds: float
    gap_seconds: float


@dataclass(frozen=True, slots=True)
class Verdict:
    answer: Answer
    says: str
    requests: int
    errors: int
    error_ratio: float | None
    p95_seconds: float | None


def percentile(values: Sequence[int], share: float) -> float | None:
    """The nearest-rank percentile of ``values``; None of nothing. No interpolation: it is a value that was seen."""
    if not values:
        return None
    ordered = sorted(values)
    return float(ordered[max(0, math.ceil(share * len(ordered)) - 1)])


def judge(seen: Seen, limits: WatchLimits) -> Verdict:
    """The verdict over the whole span: both limits kept, enough requests, and at most 5 % of the span unseen."""
    requests = sum(second.requests for second in seen.seconds)
    errors = sum(second.errors for second in seen.seconds)
    p95_ms = percentile([ms for second in seen.seconds for ms in second.latency_ms], 0.95)
    ratio = errors / requests if requests else None
    p95 = p95_ms / 1000 if p95_ms is not None else None

    def verdict(answer: Answer, says: str) -> Verdict:
        return Verdict(answer, says, requests, errors, ratio, p95)

    if ratio is None or p95 is None or requests < limits.minimum_requests:
        return verdict(Answer.INCONCLUSIVE, f"{requests} requests seen, {limits.minimum_requests} are needed")
    measured = f"{errors} of {requests} requests failed ({ratio:.2%}), P95 {p95:.3f} s"
    if not limits.errors.holds(ratio):
        return verdict(Answer.FAILED, f"{measured}; allowed: errors {limits.errors}")
    if not limits.p95.holds(p95):
        return verdict(Answer.FAILED, f"{measured}; allowed: P95 {limits.p95}")
    if not seen.gap_seconds <= 0.05 * seen.elapsed_seconds:  # not a number is no data either
        return verdict(
            Answer.INCONCLUSIVE, f"no data for {seen.gap_seconds:.0f} s of {seen.elapsed_seconds:.0f} s; {measured}"
        )
    return verdict(Answer.PASSED, f"{measured}; allowed: errors {limits.errors}, P95 {limits.p95}")
