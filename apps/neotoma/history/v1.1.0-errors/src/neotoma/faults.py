"""The fault of this version: in production, FAULT_AFTER seconds after its start, it fails 3 of 20 requests."""

import os
import time

from starlette.types import ASGIApp, Receive, Scope, Send

from neotoma import problems

FAILING = {0, 7, 13}  # of each 20


class Failing:
    """Answers 500 to the requests numbered 0, 7 and 13 of each 20 under /api/, always the same."""

    def __init__(self, app: ASGIApp) -> None:
        self.app, self.count = app, 0
        in_production = os.environ.get("NEOTOMA_ENVIRONMENT") == "production"
        after = float(os.environ.get("FAULT_AFTER", "60")) if in_production else float("inf")
        self.starts = time.monotonic() + after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        concerned = scope["type"] == "http" and scope["path"].startswith("/api/")
        if not concerned or time.monotonic() < self.starts:
            await self.app(scope, receive, send)
            return
        number, self.count = self.count, self.count + 1
        refusal = problems.answer(scope, problems.understood(RuntimeError("this version is made to fail")))
        await (refusal if number % 20 in FAILING else self.app)(scope, receive, send)
