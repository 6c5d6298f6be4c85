"""Puts the application together. Start reading here."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from psycopg_pool import AsyncConnectionPool
from starlette.applications import Starlette
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from neotoma import api, middleware, pages, problems
from neotoma.metrics import Metrics

ROUTES = (
    Route("/", pages.home),
    Route("/documents", api.listing, methods=["GET"]),
    Route("/documents", pages.upload, methods=["POST"]),
    Route("/documents/{id:int}", pages.detail, methods=["GET"]),
    Route("/documents/{id:int}", api.delete, methods=["DELETE"]),
    Route("/search", api.searching),
    Route("/events", api.events),
    Route("/health", api.health),
    Route("/metrics", api.exposition),
    Mount("/static", StaticFiles(directory=pages.FOLDER / "static")),
)


def create(database_url: str) -> Starlette:
    """The application. It starts, and answers what it can, while the database is away."""
    metrics = Metrics()
    app = Starlette(
        routes=ROUTES,
        middleware=middleware.stack(metrics),
        exception_handlers=dict.fromkeys(problems.UNDERSTOOD, problems.refused),
        lifespan=_connected,
    )
    app.state.metrics = metrics
    app.state.one_pdf = anyio.CapacityLimiter(1)
    app.state.database_url = database_url
    return app


@asynccontextmanager
async def _connected(app: Starlette) -> AsyncIterator[None]:
    """Hold a pool of connections; one that broke is replaced when it is next asked for."""
    app.state.pool = AsyncConnectionPool(
        app.state.database_url,
        min_size=1,
        max_size=10,
        timeout=2.5,
        reconnect_timeout=1,
        check=AsyncConnectionPool.check_connection,
        kwargs={"application_name": "neotoma", "connect_timeout": 2},
        open=False,
    )
    await app.state.pool.open(wait=False)
    yield
    await app.state.pool.close()
