"""The application in this process, on a real database: what the tests of accounts talk to."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

from apps.neotoma.tests.support import Database
from starlette.testclient import TestClient

from neotoma.app import create
from neotoma.nest import Nest, build
from neotoma.settings import read

LEGACY = "the-legacy-owners-token"
URL = "http://localhost:8000"
PASSWORD = "correct horse battery"


def nest(database: Database, folder: Path, **changes: Any) -> Nest:
    """The parts of a service on this database."""
    url = database.url("app")
    environment = {"DATABASE_URL": url, "NEOTOMA_STORAGE": str(folder), "NEOTOMA_TOKEN": LEGACY, "NEOTOMA_URL": URL}
    return build(replace(read(environment, 1), **changes))


@contextmanager
def client(nest: Nest, **more: Any) -> Iterator[TestClient]:
    """A client of it, which follows no redirects."""
    with TestClient(create(nest), base_url=nest.settings.url, follow_redirects=False, **more) as talking:
        yield talking


def sign_up(client: TestClient, email: str, password: str = PASSWORD) -> tuple[UUID, str]:
    """A new user's id and token."""
    response = client.post("/api/accounts", json={"email": email, "password": password})
    assert response.status_code == 201, response.text
    return UUID(response.json()["user_id"]), response.json()["token"]


def bearer(token: str) -> dict[str, str]:
    """The header."""
    return {"Authorization": f"Bearer {token}"}
