"""Shops to release by controllers that are killed, and the count of those."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from tests.shop.fixture import shop_factory

pytest.register_assert_rewrite("tests.crash.flight")  # so that its claims say what they found

__all__ = ["kills", "shop_factory"]


@pytest.fixture
def kills(record_property: Callable[[str, object], None]) -> Iterator[Counter[str]]:
    """Step → how often somebody was killed at it; told at the end of the session."""
    counted: Counter[str] = Counter()
    yield counted
    record_property("kills", json.dumps(counted))
