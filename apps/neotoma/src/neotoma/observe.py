"""The outermost middleware: a trace id, the headers of every response, one log line and one count a request.

Log lines are JSON on stdout. They name the route, never the address, a query, a file or a person.
"""

import json
import sys
import time
import uuid
from pathlib import Path
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from neotoma import problems
from neotoma.metrics import Metrics
from neotoma.version import VERSION

METHODS = {"GET", "HEAD", "POST", "DELETE", "PUT", "PATCH", "OPTIONS"}
HEADERS = {
    "X-Neotoma-Version": VERSION,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
}


def log(event: str, **facts: Any) -> None:
    """One line of JSON on stdout."""
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    sys.stdout.write(json.dumps({"at": at, "version": VERSION, "event": event, **facts}) + "\n")
    sys.stdout.flush()


class Observed:
    """Wraps the whole application; also the last to catch an exception, so no traceback with data reaches a log."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope["trace_id"] = trace_id = uuid.uuid4().hex
        started, status, route = time.perf_counter(), 0, _route(scope)

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message).update({**HEADERS, "X-Trace-Id": trace_id})
            await send(message)

        try:
            await self.app(scope, receive, sending)
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets an answer and the log its place
            log("exception", trace_id=trace_id, kind=type(error).__name__, place=_place(error))
            if not status:
                await problems.answer(scope, problems.understood(error))(scope, receive, sending)
        finally:
            self._count(scope, route, status, time.perf_counter() - started)

    def _count(self, scope: Scope, route: str, status: int, seconds: float) -> None:
        """Count and log one request; status 0 is a client that left before its answer."""
        method = scope["method"] if scope["method"] in METHODS else "other"
        self.metrics.add((method, route), status, seconds)
        facts = {"method": method, "route": route, "status": status, "ms": round(seconds * 1000, 1)}
        log("request", trace_id=scope["trace_id"], **facts)


def _route(scope: Scope) -> str:
    """The pattern of the address, such as ``/documents/{id}``, whoever answers in the end."""
    for route in scope["app"].routes:
        if route.matches(scope)[0] is not Match.NONE:
            pattern: str = route.path_format
            return pattern
    return "unmatched"


def _place(error: BaseException) -> str:
    """The file and line that raised."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "unknown"
