"""When production goes back by itself, and how bad it was."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from goaround.domain.gates import Second, Seen, TriggerLimits, percentile

Severity = Literal["critical", "major", "minor"]


@dataclass(frozen=True, slots=True)
class Trigger:
    name: str
    says: str


def fired(seen: Seen, limits: TriggerLimits) -> Trigger | None:
    """The first trigger that the span ending now pulls, or None. Too few requests pull none: they prove nothing."""
    return _errors(seen, limits) or _p95(seen, limits)


def _errors(seen: Seen, limits: TriggerLimits) -> Trigger | None:
    recent = _last(seen, limits.window_seconds)
    requests = sum(second.requests for second in recent)
    errors = sum(second.errors for second in recent)
    if not requests or requests < limits.minimum_requests or not limits.errors.holds(errors / requests):
        return None
    return Trigger(
        "errors",
        f"{errors} of {requests} requests failed in the last {limits.window_seconds:g} s "
        f"({errors / requests:.1%}); trigger: {limits.errors}",
    )


def _p95(seen: Seen, limits: TriggerLimits) -> Trigger | None:
    """P95 above the limit in every one of the windows that together make up ``for``: one quiet window resets it."""
    span = max(limits.p95.for_seconds, limits.window_seconds)
    if seen.elapsed_seconds < span:
        return None
    recent = _last(seen, span)
    worst = 0.0
    windows = math.ceil(span / limits.window_seconds)
    width, begin = span / windows, seen.elapsed_seconds - span
    for window in range(windows):
        start = begin + window * width
        latencies = [ms for second in recent if start <= second.at < start + width for ms in second.latency_ms]
        p95 = percentile(latencies, 0.95)
        if p95 is None or len(latencies) < limits.minimum_requests or not limits.p95.holds(p95 / 1000):
            return None
        worst = max(worst, p95 / 1000)
    return Trigger("p95", f"P95 was up to {worst:.2f} s over {span:g} s; trigger: {limits.p95}")


def _last(seen: Seen, span_seconds: float) -> Sequence[Second]:
    return [second for second in seen.seconds if second.at >= seen.elapsed_seconds - span_seconds]


def severity(cause: str, requests: int, errors: int, *, data_touched: bool) -> Severity:
    """Declared rules, first match wins: data in doubt or more than 10 % of requests failed is critical; any failed
    request, or a trigger, is major; the rest (an operator's word, nothing seen by a user) is minor."""
    if cause == "migration" and data_touched:
        return "critical"
    if requests and errors / requests > 0.10:
        return "critical"
    if errors or cause in ("trigger", "migration"):
        return "major"
    return "minor"
