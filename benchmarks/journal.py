"""What it costs to write a step down: ms per recorded step (intent and finding, both on disk before anything goes on).

Beside it, in the same run and on the same disk: a bare fsync of as many bytes, the floor that no durable journal can
go below, and the same journal without fsync, to show what the promise itself costs.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from goaround.adapters.sqlite_journal import SqliteJournal
from goaround.domain.events import Passed, Started

EVIDENCE = {"schema_before": "0001", "schema": "0002", "seconds": 0.42, "path": "backups/production/v1.0.0"}


def record_steps(journal: SqliteJournal, steps: int) -> list[float]:
    """Milliseconds for each step: its intent and its finding."""
    took = []
    for number in range(steps):
        began = time.perf_counter()
        key = f"v1.0.0/production/step-{number}"
        journal.append("v1.0.0", Started(key, 1))
        journal.append("v1.0.0", Passed(key, 1, "schema 0001 → 0002 in 0.42 s", EVIDENCE))
        took.append((time.perf_counter() - began) * 1000)
    return took


def bare_fsyncs(folder: Path, steps: int) -> list[float]:
    """Milliseconds for two appends of 400 bytes with an fsync each."""
    took = []
    with (folder / "bare").open("ab", buffering=0) as file:
        for _ in range(steps):
            began = time.perf_counter()
            for _ in range(2):
                file.write(b"x" * 400)
                os.fsync(file.fileno())
            took.append((time.perf_counter() - began) * 1000)
    return took


def reading(journal: SqliteJournal) -> float:
    began = time.perf_counter()
    journal.read()
    return (time.perf_counter() - began) * 1000


def measure(steps: int, rounds: int, tell: Callable[[str], None]) -> dict[str, float]:
    """The figures; rounds of each take turns, so that a busy moment hits all alike."""
    durable: list[float] = []
    loose: list[float] = []
    floor: list[float] = []
    with tempfile.TemporaryDirectory(dir=".") as name:
        folder = Path(name)
        journal, without = (
            SqliteJournal(folder / "journal.sqlite3"),
            SqliteJournal(folder / "loose.sqlite3", synchronous="OFF"),
        )
        for number in range(rounds):
            tell(f"round {number + 1} of {rounds}")
            durable += record_steps(journal, steps)
            loose += record_steps(without, steps)
            floor += bare_fsyncs(folder, steps)
        read = reading(journal)
        journal.close()
        without.close()
    return {
        "ms_per_step": round(median(durable), 3),
        "ms_per_step_p95": round(sorted(durable)[int(len(durable) * 0.95)], 3),
        "ms_per_step_without_fsync": round(median(loose), 3),
        "ms_bare_fsyncs": round(median(floor), 3),
        "ratio_to_bare_fsyncs": round(median(durable) / median(floor), 2),
        "ms_to_read_per_1000_events": round(read / (2 * steps * rounds) * 1000, 1),
        "steps": steps * rounds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--steps", type=int, default=200, help="steps a round")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    figures = measure(options.steps, options.rounds, lambda text: print(text, file=sys.stderr))
    if options.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:<28} {value}")


if __name__ == "__main__":
    main()
