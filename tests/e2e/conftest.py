"""Shops to release, end to end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.e2e.desk import NEXT, deployed
from tests.postgres_server import open_folder
from tests.shop.fixture import shop_factory
from tests.shop.shop import Shop

__all__ = ["shop_factory"]


@pytest.fixture(scope="session")
def standing() -> Iterator[Shop]:
    """A shop where v1.0.0 serves. Every test that uses it leaves it so: whatever it tries is taken back."""
    with open_folder() as folder, deployed(folder, NEXT, "v2.0.0", watch="1s") as there:
        yield there
