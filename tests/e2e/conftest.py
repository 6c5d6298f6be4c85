"""Shops to release, end to end."""

from tests.shop.fixture import shop_factory

__all__ = ["shop_factory"]
