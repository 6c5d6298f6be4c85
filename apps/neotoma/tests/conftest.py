"""Fixtures: one PostgreSQL a worker, the tree of every version, and v1.0.0 serving."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from apps.neotoma.history import build
from apps.neotoma.tests.support import Database, Server, Service, migrate, running_server, serving

Trees = Callable[[str], Path]
HERE = Path(build.__file__).parents[1]


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL server."""
    with running_server() as running:
        yield running


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """What runs the tests that are coroutines."""
    return "asyncio"


@pytest.fixture
def database(server: Server) -> Database:
    """An empty database."""
    return server.database()


@pytest.fixture(scope="module")
def current_database(server: Server) -> Database:
    """A database with the schema of v1.0.0, shared by the tests of a module."""
    database = server.database()
    migrated = migrate(HERE, database, "up")
    assert migrated.returncode == 0, migrated.stderr
    return database


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Trees:
    """The files of a version, as a release has them."""

    @cache
    def written(name: str) -> Path:
        root = tmp_path_factory.mktemp("tree") / name
        for path, content in build.version(name).tree.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)
        return root

    return written


@pytest.fixture(scope="module")
def current(current_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """v1.0.0 serving on ``current_database``, shared by the tests of a module."""
    with serving(HERE, current_database, tmp_path_factory.mktemp("service")) as service:
        yield service
