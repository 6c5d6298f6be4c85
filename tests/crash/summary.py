"""One line at the end of a session: how many controllers were killed, and at which steps."""

from __future__ import annotations

import json
from collections import Counter
from itertools import chain

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    kills: Counter[str] = Counter()
    for report in chain.from_iterable(terminalreporter.stats.values()):
        if getattr(report, "when", "") == "teardown":
            for counted in (value for name, value in report.user_properties if name == "kills"):
                kills.update(json.loads(str(counted)))
    if kills:
        where = ", ".join(f"{step} {count}" for step, count in kills.most_common())
        terminalreporter.write_line(f"{kills.total()} controllers were killed: {where}")
