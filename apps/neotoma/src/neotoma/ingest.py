"""Takes files in: the bytes are durable, the row is durable, then it is acknowledged. Nothing is left of a refusal."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

from starlette.requests import Request

from neotoma import leases, uploads
from neotoma.accounts import csrf
from neotoma.accounts.caller import Caller
from neotoma.database import Connection
from neotoma.extraction.model import Extraction, Unreadable
from neotoma.leases import Lease
from neotoma.memory import recording, sources
from neotoma.memory.errors import NotThere
from neotoma.memory.identity import source_id
from neotoma.memory.model import Source
from neotoma.nest import Nest
from neotoma.problems import Problem, unstorable
from neotoma.storage import Staged


@dataclass(frozen=True)
class Stored:
    """A source that is durable. ``known``: its bytes were there already; ``processing``: its facts come later.

    ``sent_as`` is the media type of the name that it was sent under, if bytes known as another type stay read as that.
    """

    source: Source
    outcome: Literal["new", "known", "processing"]
    sent_as: str = ""


async def receive(request: Request, caller: Caller) -> Stored:
    """Store the ``file`` of a form. Raises Problem; for a browser's session also if the form is not from our page."""
    nest: Nest = request.app.state.nest
    with nest.metrics.uploading() as outcome:
        async with uploads.read(request) as upload:
            csrf.check(request, caller, upload.form)
            stored = await _store(nest, caller.user, upload.name, upload.chunks)
        outcome.append(stored.outcome)
    return stored


async def store_file(nest: Nest, user: UUID, name: str, chunks: AsyncIterator[bytes]) -> Stored:
    """Store a file that came in another way. Raises Problem for all that is refused."""
    with nest.metrics.uploading() as outcome:
        stored = await _store(nest, user, name, chunks)
        outcome.append(stored.outcome)
    return stored


async def delete_source(nest: Nest, user: UUID, id: str) -> None:
    """Delete a source, what only it said, and its bytes. Raises NotThere.

    The bytes go first, a moment before the commit: who is killed in between leaves a source that can be deleted again,
    and never bytes that nobody knows of.
    """
    async with nest.database.of(user) as connection:
        if (source := await sources.find(connection, id)) is None:
            raise absent()
        await sources.lock(connection, str(user), source.sha256)
        await recording.forget(connection, id)
        await nest.storage.delete(user, source.sha256)


def absent() -> NotThere:
    """There is no such source."""
    return NotThere("no_source", "There is no such source. It may have been deleted.")


async def _store(nest: Nest, user: UUID, sent_name: str, chunks: AsyncIterator[bytes]) -> Stored:
    name = uploads.clean(sent_name)
    media_type = uploads.media_type(name)
    staged = await _staged(nest, chunks)
    id, now = source_id(staged.sha256), datetime.now(UTC)
    wanted = Source(
        id, staged.sha256, name, media_type, staged.bytes, "file", "processing", None, None, None, created_at=now
    )
    try:
        async with nest.database.of(user) as connection:
            there = await sources.find(connection, id)
        if there is None or there.status == "failed":
            return await _read_and_add(nest, user, wanted, staged)
    except BaseException:
        await nest.storage.discard(staged)
        raise
    await nest.storage.discard(staged)
    return _known(there, wanted)


def _known(there: Source, wanted: Source) -> Stored:
    return Stored(there, "known", wanted.media_type if wanted.media_type != there.media_type else "")


async def _staged(nest: Nest, chunks: AsyncIterator[bytes]) -> Staged:
    try:
        return await nest.storage.stage(uploads.limited(chunks))
    except OSError as error:
        raise unstorable(error) from error


async def _read_and_add(nest: Nest, user: UUID, wanted: Source, staged: Staged) -> Stored:
    """Wait a little for the facts, then add the source with them, or without them and let the jobs go on."""
    reading = asyncio.create_task(nest.jobs.extract(staged.path, wanted.name, wanted.media_type))
    try:
        await asyncio.wait({reading}, timeout=nest.settings.inline_seconds)
        stored, lease = await _added(nest, user, wanted, staged, reading.result() if reading.done() else None)
    except Unreadable as error:
        raise Problem(422, error.code, error.message) from error
    except BaseException:
        reading.cancel()
        raise
    if lease is not None:
        nest.jobs.go_on(lease, reading, staged)
    else:
        reading.cancel()
        await nest.storage.discard(staged)
    return stored


async def _added(
    nest: Nest, user: UUID, wanted: Source, staged: Staged, extraction: Extraction | None
) -> tuple[Stored, Lease | None]:
    """Add the source in one transaction, unless somebody else was faster; with a lease if it is still being read."""
    try:
        async with nest.database.of(user) as connection:
            await sources.lock(connection, str(user), wanted.sha256)
            there = await sources.find(connection, wanted.id)
            if there is not None and there.status != "failed":
                return _known(there, wanted), None
            if there is not None:
                await recording.forget(connection, wanted.id)
            await nest.storage.keep(user, staged)
            lease = await _written(connection, nest, user, wanted, extraction)
            added = await sources.find(connection, wanted.id)
    except BaseException as error:
        await nest.jobs.abandon(user, staged)
        if isinstance(error, OSError):
            raise unstorable(error) from error
        raise
    return Stored(added or wanted, "new" if lease is None else "processing"), lease


async def _written(
    connection: Connection, nest: Nest, user: UUID, source: Source, extraction: Extraction | None
) -> Lease | None:
    await sources.add(connection, source)
    if extraction is None:
        return await leases.begin(connection, user, source.id, nest.settings.lease_seconds)
    await sources.ready(connection, source.id, extraction)
    await recording.record(connection, source.id, "extracted", extraction.entities, extraction.links)
    return None
