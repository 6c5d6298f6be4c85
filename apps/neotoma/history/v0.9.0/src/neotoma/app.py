"""Puts the application together. Start reading here."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette

from neotoma import middleware, problems
from neotoma.api import operations, search, sources
from neotoma.mcp.mount import Mount
from neotoma.nest import Nest, running
from neotoma.web import pages

ROUTES = (*operations.ROUTES, *sources.ROUTES, *search.ROUTES, *pages.ROUTES)


def create(nest: Nest) -> Starlette:
    """The application. It starts, and answers what it can, while the database is away."""
    mcp = Mount(nest)
    app = Starlette(
        routes=[*ROUTES, *mcp.routes()],
        middleware=middleware.stack(nest.metrics),
        exception_handlers=dict.fromkeys(problems.UNDERSTOOD, problems.refused),
        lifespan=_running,
    )
    app.state.nest, app.state.mcp = nest, mcp
    return app


@asynccontextmanager
async def _running(app: Starlette) -> AsyncIterator[None]:
    async with running(app.state.nest), app.state.mcp.running():
        yield
