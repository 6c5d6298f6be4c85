"""Fixtures that any test may ask for."""

from tests.postgres_server import fresh_database, postgres_15, postgres_server

__all__ = ["fresh_database", "postgres_15", "postgres_server"]
