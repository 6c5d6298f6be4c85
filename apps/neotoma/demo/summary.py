"""What each release of the demo came to, and how the people outside saw it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from goaround.cli.render import phases, span
from goaround.domain.journal import State


@dataclass
class Flown:
    """One release as its summary tells it."""

    version: str
    outcome: str
    seconds: float
    rollback_seconds: float | None
    requests_served: int
    requests_failed: int
    requests_held: int
    rows_acknowledged: int
    rows_found: int


def report(
    states: Mapping[str, State], flown: Sequence[Flown], notices: Sequence[Mapping[str, str]], watch_seconds: float
) -> None:
    """Phases and times of each release, and what the people outside saw."""
    names: list[str] = []
    times: dict[str, dict[str, str]] = {}
    for one in flown:
        for phase, verdict, took in phases(states[one.version]):
            names += [phase] if phase not in names else []
            times.setdefault(phase, {})[one.version] = span(took) + (" ✗" if verdict == "failed" else "")
    rows = [["", *(one.version for one in flown)]]
    rows += [[name, *(times[name].get(one.version, "") for one in flown)] for name in names]
    rows.append(["outcome", *(one.outcome for one in flown)])
    rows.append(["in all", *(span(one.seconds) for one in flown)])
    rows.append(["rolled back in", *(span(one.rollback_seconds) if one.rollback_seconds else "" for one in flown)])
    for label, field in (
        ("requests served", "requests_served"),
        ("requests failed", "requests_failed"),
        ("held, then served", "requests_held"),
        ("rows acknowledged", "rows_acknowledged"),
        ("rows found", "rows_found"),
    ):
        rows.append([label, *(str(getattr(one, field)) for one in flown)])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    print()
    for row in rows:
        cells = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
        print(f"{row[0]:<{widths[0]}}   " + "   ".join(cells))
    print(f"\nnotices received: {', '.join(n['kind'] + ' ' + n['version'] for n in notices)}")
    print(f"(the watch was shortened to {watch_seconds:g} s, and to 6 s after a rollback; 1 h and 30 min by default)")
