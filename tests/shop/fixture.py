"""The fixture ``shop_factory``: shops for a test, of which nothing is left afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any, Protocol

import pytest
from tests.postgres_server import open_folder
from tests.shop.build import shop
from tests.shop.shop import Shop


class ShopFactory(Protocol):
    """``tests.shop.build.shop`` in a folder of its own."""

    def __call__(self, *versions: str, replaces: Mapping[str, str] | None = None, **terms: Any) -> Shop: ...


@pytest.fixture
def shop_factory() -> Iterator[ShopFactory]:
    with ExitStack() as shops:

        def make(*versions: str, replaces: Mapping[str, str] | None = None, **terms: Any) -> Shop:
            folder = shops.enter_context(open_folder())
            return shops.enter_context(shop(folder, *versions, replaces=replaces, **terms))

        yield make
