"""Limits as people write them: ``< 1%``, ``> 10%``, ``< 5s``, ``> 10s for 5m``."""

from __future__ import annotations

import re
from decimal import Decimal

from goaround.config.duration import PATTERN as DURATION
from goaround.config.duration import parse_duration
from goaround.domain.gates import Limit

PATTERN = rf"([<>])\s*(?:(\d+(?:\.\d+)?)\s*%|({DURATION}))(?:\s+for\s+({DURATION}))?"


def parse_limit(text: str) -> Limit:
    """The limit that ``text`` says. Raises ``ValueError`` saying what is wrong and how to write it."""
    match = re.fullmatch(PATTERN, text.strip(), re.ASCII)
    if match is None:
        raise ValueError(f'{text!r} is not a limit — write it like "< 1%", "< 5s" or "> 10s for 5m"')
    op, percent, duration, lasting = match.groups()
    if percent is not None and Decimal(percent) > 100:
        raise ValueError(f"{text!r} can never be exceeded — a share is at most 100%")
    return Limit(
        op="<" if op == "<" else ">",
        value=float(Decimal(percent) / 100) if percent is not None else parse_duration(duration),
        unit="ratio" if percent is not None else "seconds",
        for_seconds=parse_duration(lasting) if lasting else 0.0,
    )
