"""Fixtures that any test may ask for, and what is told at the end."""

from tests.crash.summary import pytest_terminal_summary
from tests.postgres_server import fresh_database, postgres_15, postgres_server

__all__ = ["fresh_database", "postgres_15", "postgres_server", "pytest_terminal_summary"]
