"""The API: documents, search, health, metrics and events. Pages are in ``pages.py``."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict
from typing import Any

import anyio
import psycopg
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from neotoma import metrics, store, uploads
from neotoma.extraction import Extraction, Fact, Unreadable, extract
from neotoma.problems import Problem
from neotoma.search import Hit, search
from neotoma.store import Document
from neotoma.version import VERSION

MOST_RESULTS = 100
LONGEST_QUERY = 1_000
LONGEST_STREAM = 60  # seconds


def database(request: Request) -> AbstractAsyncContextManager[store.Connection]:
    """A connection whose transaction is committed when the block ends."""
    connection: AbstractAsyncContextManager[store.Connection] = request.app.state.pool.connection()
    return connection


async def stored(request: Request) -> tuple[Document, bool]:
    """Take the upload in a request. Returns the document, committed, and whether it is new."""
    name, content = await uploads.read(request)
    try:
        extraction = await _extracted(request, name, content)
    except Unreadable as error:
        raise Problem(422, error.code, str(error), name=name) from error
    async with database(request) as connection:
        document_id, new = await store.add(connection, name, content, extraction)
        document = await store.find(connection, document_id)
    if document is None:
        raise Problem(409, "deleted_meanwhile", "The document was deleted while it was uploaded. Upload it again.")
    return document, new


async def _extracted(request: Request, name: str, content: bytes) -> Extraction:
    limiter = request.app.state.one_pdf if name.lower().endswith(".pdf") else None
    return await anyio.to_thread.run_sync(extract, name, content, limiter=limiter)


def as_json(document: Document) -> dict[str, Any]:
    """A document as the API shows it."""
    return {**asdict(document), "created_at": document.created_at.isoformat()}


async def upload(request: Request) -> Response:
    """``POST /documents``: 201 for a new document, 200 for bytes that are there already."""
    document, new = await stored(request)
    return JSONResponse(as_json(document), status_code=201 if new else 200)


async def listing(request: Request) -> Response:
    """``GET /documents``: the newest."""
    limit = whole_number(request, "limit", 50, MOST_RESULTS)
    async with database(request) as connection:
        documents = await store.newest(connection, limit)
    return JSONResponse({"documents": [as_json(document) for document in documents]})


async def opened(request: Request) -> tuple[Document, str, list[Fact]]:
    """The document an address names, with its text and facts. Raises Problem when there is none."""
    async with database(request) as connection:
        document = await store.find(connection, request.path_params["id"])
        if document is None:
            raise absent()
        return document, await store.text(connection, document.id), await store.facts(connection, document.id)


def absent() -> Problem:
    """There is no such document."""
    return Problem(404, "no_document", "There is no such document. It may have been deleted.")


async def detail(request: Request) -> Response:
    """``GET /documents/{id}``: with its text and facts."""
    document, text, facts = await opened(request)
    return JSONResponse({**as_json(document), "text": text, "facts": [asdict(fact) for fact in facts]})


async def delete(request: Request) -> Response:
    """``DELETE /documents/{id}``."""
    async with database(request) as connection:
        if not await store.delete(connection, request.path_params["id"]):
            raise absent()
    return Response(status_code=204)


async def found(request: Request) -> tuple[str, list[Hit]]:
    """The query of an address and what it finds. Raises Problem for none or an endless one."""
    query = request.query_params.get("q", "").replace("\0", " ").strip()
    if not 0 < len(query) <= LONGEST_QUERY:
        raise Problem(422, "bad_query", f"Say what to look for in q, in 1 to {LONGEST_QUERY} characters.")
    limit = whole_number(request, "limit", 20, MOST_RESULTS)
    async with database(request) as connection:
        return query, await search(connection, query, limit)


async def searching(request: Request) -> Response:
    """``GET /search?q=&limit=``: best first."""
    query, hits = await found(request)
    return JSONResponse({"query": query, "results": [hit.json() for hit in hits]})


def whole_number(request: Request, name: str, default: int, most: int) -> int:
    """A parameter of 1 to ``most``. Raises Problem for anything else."""
    sent = request.query_params.get(name, str(default))
    if not (sent.isascii() and sent.isdigit() and len(sent) < 10 and 1 <= int(sent) <= most):
        raise Problem(422, "bad_number", f"{name} is a whole number from 1 to {most}.", parameter=name)
    return int(sent)


async def health(request: Request) -> Response:
    """``GET /health``: 200 only if the database answers and has every column this version uses, else 503."""
    schema = "unknown"
    try:
        async with asyncio.timeout(3), database(request) as connection:
            schema = await store.schema(connection)
            await store.works(connection)
    except (psycopg.OperationalError, TimeoutError):
        reason = "the database does not answer"
    except psycopg.errors.InsufficientPrivilege:
        reason = "the database role of the service may not read its tables; migrate with APP_ROLE set to it"
    except psycopg.Error as error:
        reason = f"{VERSION} cannot work on this schema: {error.diag.message_primary}"
    else:
        return JSONResponse({"status": "ok", "version": VERSION, "schema": schema})
    return JSONResponse({"status": "failed", "version": VERSION, "schema": schema, "reason": reason}, status_code=503)


async def exposition(request: Request) -> Response:
    """``GET /metrics``."""
    return PlainTextResponse(request.app.state.metrics.text(), headers={"Content-Type": metrics.CONTENT_TYPE})


async def events(request: Request) -> Response:
    """``GET /events?seconds=``: how many documents there are, every second, then ``end``."""
    seconds = whole_number(request, "seconds", LONGEST_STREAM, LONGEST_STREAM)
    return StreamingResponse(
        _counts(request, seconds), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
    )


async def _counts(request: Request, seconds: int) -> AsyncIterator[str]:
    for number in range(seconds):
        try:
            async with database(request) as connection:
                documents: int | None = await store.count(connection)
        except psycopg.Error:
            documents = None
        yield f"id: {number}\nevent: documents\ndata: {json.dumps({'documents': documents, 'version': VERSION})}\n\n"
        await asyncio.sleep(1)
    yield "event: end\ndata: {}\n\n"
