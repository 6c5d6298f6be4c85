"""MCP over streamable HTTP. No sessions: any slot answers any request, and a restart breaks no client.

Answers are plain JSON, not event streams: a stream would be cut when the process drains, an answer is finished.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from mcp.server.lowlevel.server import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from starlette.routing import BaseRoute, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from neotoma import problems
from neotoma.accounts.caller import Caller
from neotoma.bounded import LARGEST
from neotoma.mcp import authorization, server
from neotoma.mcp.guard import Guard
from neotoma.nest import Nest
from neotoma.problems import Problem

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


@asynccontextmanager
async def serving(
    nest: Nest,
    make: Callable[[Nest, Callable[[Any], Awaitable[Caller]]], Server[Any]] = server.build,
    sessions: bool = False,
) -> AsyncIterator[ASGIApp]:
    """The application of every path of MCP. With ``sessions`` it keeps state and streams, as the conformance suite
    asks for features that neotoma itself does not have."""
    security = allowed(nest.settings.url)
    manager = StreamableHTTPSessionManager(
        make(nest, caller_of),
        stateless=not sessions,
        json_response=not sessions,
        security_settings=security,
        max_request_body_size=LARGEST,
    )
    endpoint = manager.handle_request if sessions else _only_posts(manager.handle_request)
    routes: list[BaseRoute] = [
        Route("/mcp", endpoint=Guard(endpoint, authorization.verifier(nest), nest.settings.url, security)),
        *authorization.routes(nest),
    ]
    async with manager.run():
        yield Router(routes)


async def caller_of(context: Any) -> Caller:
    """Whom the guard let in."""
    caller: Caller = context.request.scope["neotoma.caller"]
    return caller


def allowed(url: str) -> TransportSecuritySettings:
    """The names by which the service may be called, and the pages that may call it: its own, and this machine's.

    A page elsewhere that has its name point to this machine (DNS rebinding) has neither.
    """
    parts = urlsplit(url)
    return TransportSecuritySettings(
        allowed_hosts=[parts.netloc, *LOOPBACK, *(f"{host}:*" for host in LOOPBACK)],
        allowed_origins=[
            f"{parts.scheme}://{parts.netloc}",
            *(f"http://{host}" for host in LOOPBACK),
            *(f"http://{host}:*" for host in LOOPBACK),
        ],
    )


def _only_posts(app: ASGIApp) -> ASGIApp:
    """Without sessions there is nothing to listen to with GET and nothing to end with DELETE."""

    async def posts(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "POST":
            await app(scope, receive, send)
            return
        problem = Problem(405, "method_not_allowed", "There are no sessions here. Send each message with POST.")
        response = problems.answer(scope, problem)
        response.headers["Allow"] = "POST"
        await response(scope, receive, send)

    return posts
