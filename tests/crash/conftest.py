"""Shops to release from controllers that are killed."""

from tests.shop.fixture import shop_factory

__all__ = ["shop_factory"]
