"""An application with nothing but accounts, in this process, on a real database: what account tests talk to."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

from apps.neotoma.tests.support import Database
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from neotoma import middleware, problems
from neotoma.api import accounts as api
from neotoma.database import Database as Pool
from neotoma.extraction.model import Extraction
from neotoma.memory.errors import Refused
from neotoma.metrics import Metrics
from neotoma.nest import Nest
from neotoma.settings import read
from neotoma.storage import LocalStorage
from neotoma.web import accounts as web

LEGACY = "the-legacy-owners-token"
URL = "http://testserver"
PASSWORD = "correct horse battery"


class NoExtractor:
    """Accounts extract nothing."""

    async def extract(self, *_: object) -> Extraction:
        raise AssertionError("accounts extract nothing")

    async def close(self) -> None:
        return None


def nest(database: Database, folder: Path, **changes: Any) -> Nest:
    """The parts of a service on this database."""
    url = database.url("app")
    environment = {"DATABASE_URL": url, "NEOTOMA_STORAGE": str(folder), "NEOTOMA_TOKEN": LEGACY, "NEOTOMA_URL": URL}
    settings = replace(read(environment, 1), **changes)
    return Nest(settings, Pool(url, 4), LocalStorage(folder), NoExtractor(), Metrics())


def application(nest: Nest) -> Starlette:
    """The application."""

    @asynccontextmanager
    async def running(_: Starlette) -> AsyncIterator[None]:
        await nest.database.open()
        yield
        await nest.database.close()

    app = Starlette(
        routes=[*api.ROUTES, *web.ROUTES, Route("/", _home)],
        middleware=middleware.stack(nest.metrics),
        exception_handlers=dict.fromkeys((*problems.UNDERSTOOD, Refused), _refused),
        lifespan=running,
    )
    app.state.nest = nest
    return app


async def _home(_: Request) -> Response:
    return PlainTextResponse("home")


async def _refused(request: Request, error: Exception) -> Response:
    if isinstance(error, Refused):
        return JSONResponse({"code": error.code, "message": error.message}, status_code=error.status)
    return problems.answer(request.scope, problems.understood(error))


@contextmanager
def client(nest: Nest, **more: Any) -> Iterator[TestClient]:
    """A client of it, which follows no redirects."""
    with TestClient(application(nest), base_url=nest.settings.url, follow_redirects=False, **more) as talking:
        yield talking


def sign_up(client: TestClient, email: str, password: str = PASSWORD) -> tuple[UUID, str]:
    """A new user's id and token."""
    response = client.post("/api/accounts", json={"email": email, "password": password})
    assert response.status_code == 201, response.text
    return UUID(response.json()["user_id"]), response.json()["token"]


def bearer(token: str) -> dict[str, str]:
    """The header."""
    return {"Authorization": f"Bearer {token}"}
