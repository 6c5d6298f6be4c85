"""The fault of this version: in production, FAULT_AFTER seconds after its start, it grows slower by the second."""

import asyncio
import os
import time

from starlette.types import ASGIApp, Receive, Scope, Send

SLOWEST = 30.0  # seconds


class Slowing:
    """Holds each request under /api/ for as long as the fault has lasted, at most SLOWEST."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        in_production = os.environ.get("NEOTOMA_ENVIRONMENT") == "production"
        after = float(os.environ.get("FAULT_AFTER", "60")) if in_production else float("inf")
        self.starts = time.monotonic() + after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and scope["path"].startswith("/api/"):
            await asyncio.sleep(min(max(time.monotonic() - self.starts, 0.0), SLOWEST))
        await self.app(scope, receive, send)
