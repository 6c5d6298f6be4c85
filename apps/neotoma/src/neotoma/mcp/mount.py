"""Where MCP hangs in the application. The SDK takes most of a second to import: that is paid by the first who asks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module

from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from neotoma.nest import Nest

PATHS = (
    "/mcp",
    "/.well-known/oauth-protected-resource/mcp",
    "/.well-known/oauth-authorization-server",
    "/authorize",
    "/token",
    "/register",
    "/revoke",
)


class Mount:
    """An ASGI application for all of ``PATHS``. It answers while ``running``."""

    def __init__(self, nest: Nest) -> None:
        self._nest = nest
        self._wanted, self._over = asyncio.Event(), asyncio.Event()
        self._ready: asyncio.Future[ASGIApp] | None = None

    def routes(self) -> list[Route]:
        """For the application's own list, so that each path has its own name in logs and metrics."""
        return [Route(path, endpoint=self) for path in PATHS]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """To be entered by the application's lifespan."""
        self._ready = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._run(self._ready))
        try:
            yield
        finally:
            self._over.set()
            self._wanted.set()
            await task

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, when MCP is there."""
        assert self._ready is not None, "a request before the lifespan"
        self._wanted.set()
        app = await asyncio.shield(self._ready)
        await app(scope, receive, send)

    async def _run(self, ready: "asyncio.Future[ASGIApp]") -> None:
        """Begin when wanted and stay until it is over, in one task, as the SDK's session manager asks."""
        await self._wanted.wait()
        if self._over.is_set():
            return
        try:
            http = await asyncio.to_thread(import_module, "neotoma.mcp.http")
            async with http.serving(self._nest) as app:
                ready.set_result(app)
                await self._over.wait()
        except Exception as error:
            if ready.done():
                raise
            ready.set_exception(error)
