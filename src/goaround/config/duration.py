"""Durations as people write them: ``15m``, ``1h30m``, ``500ms``, ``10s``. In the program they are seconds."""

from __future__ import annotations

import re
from decimal import Decimal

UNITS = {"d": Decimal(86400), "h": Decimal(3600), "m": Decimal(60), "s": Decimal(1), "ms": Decimal("0.001")}
PATTERN = r"(?:\d+(?:\.\d+)?(?:ms|d|h|m|s))+"
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|d|h|m|s)", re.ASCII)


def parse_duration(text: str) -> float:
    """The seconds of a duration. Raises ``ValueError`` saying what is wrong and how to write it.

    Units come in falling order, each at most once, so ``30m1h`` and ``1m1m`` are slips, not sums.
    """
    if not re.fullmatch(PATTERN, text, re.ASCII):
        raise ValueError(f"{text!r} is not a duration — write a number with a unit, such as 500ms, 10s, 15m or 1h30m")
    parts = _PART.findall(text)
    order = [list(UNITS).index(unit) for _, unit in parts]
    if order != sorted(set(order)):
        raise ValueError(f"{text!r} has its units out of order — write the largest first and each once, such as 1h30m")
    return float(sum(Decimal(number) * UNITS[unit] for number, unit in parts))


def format_duration(seconds: float) -> str:
    """The duration as a person would write it, to the millisecond: ``5400.0`` → ``1h30m``."""
    rest = Decimal(str(seconds)).quantize(UNITS["ms"])
    words = []
    for unit, size in UNITS.items():
        count, rest = divmod(rest, size)
        if count:
            words.append(f"{count:f}{unit}")
    return "".join(words) or "0s"
