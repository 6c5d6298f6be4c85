"""The outermost middleware: a trace id, the headers of every response, one log line and one count a request.

Log lines are JSON on stdout. They name the route, never the address, a query, a file or a person.
"""

import asyncio
import json
import logging
import re
import sys
import time
import uuid
from pathlib import Path
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from neotoma.metrics import Metrics
from neotoma.problems import Problem
from neotoma.version import VERSION

METHODS = {"GET", "HEAD", "POST", "DELETE", "PUT", "PATCH", "OPTIONS"}
TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")
HEADERS = {
    "X-Neotoma-Version": VERSION,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # with no-referrer, browsers hide where our own forms come from: Origin: null
    "Cross-Origin-Opener-Policy": "same-origin",
}
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

TALKATIVE = {
    "psycopg": logging.CRITICAL,  # its warnings name hosts and roles; /health tells
    "psycopg_pool": logging.CRITICAL,
    "asyncio": logging.CRITICAL,  # its tracebacks may hold what people store
    "python_multipart": logging.CRITICAL,  # its warnings are answered with 400
    "uvicorn.error": logging.ERROR,
}
STOPPING = Problem(503, "stopping", "The service stops now, and did not finish this. Send it again.")


def log(event: str, **facts: Any) -> None:
    """One line of JSON on stdout."""
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    sys.stdout.write(json.dumps({"at": at, "version": VERSION, "event": event, **facts}) + "\n")
    sys.stdout.flush()


def silence() -> None:
    """Let no library write into the logs what is neither JSON nor without data; what matters of it we say ourselves."""
    for name, level in TALKATIVE.items():
        logging.getLogger(name).setLevel(level)


class Observed:
    """Wraps the whole application; also the last to catch an exception, so no traceback with data reaches a log."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope["trace_id"] = trace_id = _trace_id(scope)
        started, status, route = time.perf_counter(), 0, _route(scope)

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _complete(MutableHeaders(scope=message), trace_id)
            await send(message)

        try:
            await self.app(scope, receive, sending)
        except ClientDisconnect:
            pass  # nobody is left to answer; counted with status 0
        except asyncio.CancelledError:  # the grace of a SIGTERM is over
            if not status:
                await _refuse(STOPPING, scope, receive, sending)
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets an answer and the log its place
            log("exception", trace_id=trace_id, kind=type(error).__name__, place=place(error))
            if not status:
                await _refuse(error, scope, receive, sending)
        finally:
            self._count(scope, route, status, time.perf_counter() - started)

    def _count(self, scope: Scope, route: str, status: int, seconds: float) -> None:
        """Count and log one request; status 0 is a client that left before its answer."""
        method = scope["method"] if scope["method"] in METHODS else "other"
        self.metrics.add((method, route), status, seconds)
        facts = {"method": method, "route": route, "status": status, "ms": round(seconds * 1000, 1)}
        log("request", trace_id=scope["trace_id"], **facts)


def place(error: BaseException) -> str:
    """The file and line that raised."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "unknown"


async def _refuse(error: Exception, scope: Scope, receive: Receive, send: Send) -> None:
    """A page for a browser, JSON for a program."""
    response = await scope["app"].exception_handlers[Problem](Request(scope), error)
    await response(scope, receive, send)


def _trace_id(scope: Scope) -> str:
    """The caller's, if it sent a W3C ``traceparent``; else a new one."""
    sent = TRACEPARENT.fullmatch(Headers(scope=scope).get("traceparent", "")[:200])
    return sent[1] if sent else uuid.uuid4().hex


def _complete(headers: MutableHeaders, trace_id: str) -> None:
    """The headers of every response. One that has a policy of its own knows why, such as a form that goes elsewhere."""
    headers.update({**HEADERS, "X-Trace-Id": trace_id})
    headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
    if "etag" not in headers:
        headers.setdefault("Cache-Control", "no-store")


def _route(scope: Scope) -> str:
    """The pattern of the address, such as ``/api/sources/{id}``, whoever answers in the end."""
    partial = "unmatched"
    for route in scope["app"].routes:
        match route.matches(scope)[0]:
            case Match.FULL:
                return str(getattr(route, "path_format", "mounted"))
            case Match.PARTIAL if partial == "unmatched":
                partial = str(getattr(route, "path_format", "mounted"))
    return partial
