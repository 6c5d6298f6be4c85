"""``/health`` and ``/metrics``: whether the service works, and how it has been."""

import asyncio
import shutil
from functools import cache

import psycopg
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from neotoma import metrics, schema
from neotoma.nest import Nest
from neotoma.version import VERSION

DATABASE_SECONDS = 2.0  # for each question; together less than a proxy waits for its check
STORAGE_SECONDS = 2.0
SILENT = "the database does not answer"
UNREADABLE = "the database role of the service may not read its tables; migrate with APP_ROLE set to it"


class NotReady(Exception):
    """Why no request should come here, and what is known of the part all the same. Holds nothing secret."""

    def __init__(self, reason: str, known: str = "unknown") -> None:
        super().__init__(reason)
        self.known = known


async def live(request: Request) -> Response:
    """``GET /health/live``: the process runs. Says nothing of the database or the storage."""
    del request
    return JSONResponse({"status": "ok", "version": VERSION})


async def ready(request: Request) -> Response:
    """``GET /health``: 200 only if the database has every column this version uses and the storage takes files."""
    nest: Nest = request.app.state.nest
    body = {"status": "ok", "version": VERSION, "schema": "unknown", "storage": "unknown", "ocr": _ocr()}
    reasons = []
    for part, ask in (("schema", _schema), ("storage", _storage)):
        try:
            body[part] = await ask(nest)
        except NotReady as error:
            body[part] = error.known
            reasons.append(str(error))
    if not reasons:
        return JSONResponse(body)
    return JSONResponse({**body, "status": "failed", "reason": "; ".join(reasons)}, status_code=503)


async def exposition(request: Request) -> Response:
    """``GET /metrics``."""
    nest: Nest = request.app.state.nest
    return PlainTextResponse(nest.metrics.text(), headers={"Content-Type": metrics.CONTENT_TYPE})


async def _schema(nest: Nest) -> str:
    version = "unknown"
    try:
        async with asyncio.timeout(DATABASE_SECONDS), nest.database.of_nobody() as connection:
            version = await schema.version(connection)
            await schema.suits(connection)
            return version
    except (psycopg.OperationalError, TimeoutError) as error:
        raise NotReady(await _refusal(nest)) from error
    except psycopg.Error as error:
        raise NotReady(_words(error), version) from error


async def _refusal(nest: Nest) -> str:
    try:
        async with asyncio.timeout(DATABASE_SECONDS / 2):
            error = await nest.database.refusal()
    except TimeoutError:
        return SILENT
    return _words(error) if error else SILENT


def _words(error: psycopg.Error) -> str:
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return UNREADABLE
    return f"{VERSION} cannot work on this schema: {error.diag.message_primary}"


async def _storage(nest: Nest) -> str:
    try:
        async with asyncio.timeout(STORAGE_SECONDS):
            await nest.storage.check()
    except TimeoutError as error:
        raise NotReady("the storage does not answer") from error
    except OSError as error:
        raise NotReady("the storage cannot be written to") from error
    return "ok"


@cache
def _ocr() -> bool:
    return shutil.which("tesseract") is not None


ROUTES: tuple[BaseRoute, ...] = (
    Route("/health", ready),
    Route("/health/live", live),
    Route("/metrics", exposition),
)
