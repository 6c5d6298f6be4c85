"""The fault of this version: it says it is not healthy, and serves all the same."""

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from neotoma.version import VERSION

REPORT = {"status": "failed", "version": VERSION, "schema": "unknown", "reason": "this version is made to fail"}


class Unhealthy:
    """Answers every health check with 503."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        unhealthy = scope["type"] == "http" and scope["path"] == "/health"
        await (JSONResponse(REPORT, status_code=503) if unhealthy else self.app)(scope, receive, send)
