"""Whose turn it is to read a source: a lease, renewed while somebody works, and taken over once it is over.

Each claim raises ``attempts``, which is also the token of the one who claimed: whoever lost the lease, and works on
without knowing, holds an old one, and what it found is not written.

Taking over looks at every user's sources, which only the function ``claim_source`` may; the rest is done as the user.
"""

from dataclasses import dataclass
from math import ceil
from uuid import UUID

from neotoma.database import Connection, Database

MOST_ATTEMPTS = 3
BEGIN = "UPDATE sources SET attempts = 1, leased_until = now() + make_interval(secs => %s) WHERE id = %s"
CLAIM = "SELECT user_id, id FROM claim_source(%s)"
ATTEMPTS = "SELECT attempts FROM sources WHERE id = %s AND status = 'processing'"
RENEW = """
UPDATE sources SET leased_until = now() + make_interval(secs => %s)
WHERE id = %s AND attempts = %s AND status = 'processing'
"""
HELD = "SELECT FROM sources WHERE id = %s AND attempts = %s AND status = 'processing' FOR UPDATE"
GIVE_BACK = """
UPDATE sources SET leased_until = now(), attempts = attempts - 1
WHERE id = %s AND attempts = %s AND status = 'processing'
"""


@dataclass(frozen=True)
class Lease:
    """The right to read one source of one user."""

    user: UUID
    source_id: str
    attempt: int


async def begin(connection: Connection, user: UUID, source_id: str, seconds: float) -> Lease:
    """The first lease of a source that was added in the same transaction."""
    await connection.execute(BEGIN, (seconds, source_id))
    return Lease(user, source_id, 1)


async def claim(database: Database, seconds: float) -> Lease | None:
    """Take over a source that nobody works on any more; None if there is none."""
    async with database.of_nobody() as connection:
        row = await (await connection.execute(CLAIM, (ceil(seconds),))).fetchone()
    if row is None:
        return None
    user, source_id = row
    async with database.of(user) as connection:
        found = await (await connection.execute(ATTEMPTS, (source_id,))).fetchone()
    return Lease(user, source_id, found[0]) if found else None  # deleted since


async def renew(database: Database, lease: Lease, seconds: float) -> bool:
    """Keep the lease. False if it is somebody else's by now, or the source is gone."""
    async with database.of(lease.user) as connection:
        return (await connection.execute(RENEW, (seconds, lease.source_id, lease.attempt))).rowcount == 1


async def held(connection: Connection, lease: Lease) -> bool:
    """Whether the lease still holds; if so, nobody takes it before the transaction ends."""
    return (await connection.execute(HELD, (lease.source_id, lease.attempt))).rowcount == 1


async def give_back(database: Database, lease: Lease) -> None:
    """Let anybody take over at once; this attempt does not count."""
    async with database.of(lease.user) as connection:
        await connection.execute(GIVE_BACK, (lease.source_id, lease.attempt))
