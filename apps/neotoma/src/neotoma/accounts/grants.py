"""What people allowed agents: a grant, and the codes and tokens that come of it.

A code and a refresh token are good for one use. Whoever comes with a used one may be a thief, or may have been stolen
from, and nobody can tell which: then the whole grant ends, and the agent asks the person again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from psycopg.errors import ForeignKeyViolation

from neotoma.accounts import credentials
from neotoma.database import Connection, Database
from neotoma.memory.errors import NotThere

PREFIXES = {"code": "noc_", "access": "noa_", "refresh": "nor_"}
LASTING = {"code": timedelta(minutes=2), "access": timedelta(hours=1), "refresh": timedelta(days=60)}


@dataclass(frozen=True)
class Allowed:
    """What a person allowed: to which client, what, for which resource; and the request that must match."""

    client_id: str
    client_name: str
    scopes: tuple[str, ...]
    resource: str
    challenge: str
    redirect_uri: str
    explicit: bool


@dataclass(frozen=True)
class Held:
    """A code or token that somebody holds."""

    secret: str
    user: UUID
    email: str
    grant: UUID
    allowed: Allowed
    expires_at: datetime
    used: bool


@dataclass(frozen=True)
class Issued:
    """A new pair, shown once."""

    access: str
    refresh: str
    seconds: int
    scopes: tuple[str, ...]


@dataclass(frozen=True)
class Grant:
    """What the account page shows."""

    id: UUID
    client_name: str
    scopes: tuple[str, ...]
    created_at: datetime


async def allow(database: Database, user: UUID, allowed: Allowed) -> str:
    """A person said yes: the code with which the agent gets its first tokens."""
    grant = uuid4()
    async with database.of(user) as connection:
        await connection.execute(
            "INSERT INTO oauth_grants "
            "(id, client_id, client_name, scopes, resource, challenge, redirect_uri, explicit) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
            (
                grant,
                allowed.client_id,
                allowed.client_name,
                list(allowed.scopes),
                allowed.resource,
                allowed.challenge,
                allowed.redirect_uri,
                allowed.explicit,
            ),
        )
        return await _add(connection, grant, "code", allowed.scopes)


async def held(database: Database, kind: str, secret: str) -> Held | None:
    """What somebody holds; None for what never was, or was revoked. It may have expired or been used."""
    if not secret.startswith(PREFIXES[kind]):
        return None
    async with database.of_nobody() as connection:
        query = (
            "SELECT user_id, email, grant_id, expires_at, used, client_id, scopes, resource, challenge, redirect_uri, "
            "explicit FROM oauth_token(%s, %s)"
        )
        found = await (await connection.execute(query, (credentials.digest(secret), kind))).fetchone()
    if found is None:
        return None
    user, email, grant, expires_at, used, client_id, scopes, *request = found
    return Held(secret, user, email, grant, Allowed(client_id, "", tuple(scopes), *request), expires_at, used)


async def exchange(database: Database, one: Held, scopes: Sequence[str]) -> Issued | None:
    """New tokens for a code or a refresh token, once; the access tokens before them end. None: it was used before."""
    issued: Issued | None = None
    async with database.of(one.user) as connection:
        digest = credentials.digest(one.secret)
        statement = (
            "UPDATE oauth_tokens SET used_at = now() WHERE digest = %s AND used_at IS NULL AND expires_at > now()"
        )
        if (await connection.execute(statement, (digest,))).rowcount == 1:
            issued = await _issue(connection, one, tuple(scopes))
    if issued is None:
        await end(database, one.user, one.grant)
    return issued


async def end(database: Database, user: UUID, grant: UUID) -> None:
    """End a grant with every code and token of it; none is fine too."""
    async with database.of(user) as connection:
        await connection.execute("DELETE FROM oauth_grants WHERE id = %s", (grant,))


async def revoke(database: Database, user: UUID, grant: str) -> None:
    """The person takes back what they allowed. Raises NotThere."""
    async with database.of(user) as connection:
        cursor = await connection.execute("DELETE FROM oauth_grants WHERE id::text = %s", (grant.replace("\0", ""),))
    if cursor.rowcount == 0:
        raise NotThere("no_agent", "You have let in no such agent; it may have been sent away already.")


async def listed(database: Database, user: UUID) -> list[Grant]:
    """What a person has allowed, newest first; an agent that never came back for its tokens is left out."""
    async with database.of(user) as connection:
        query = (
            "SELECT id, client_name, scopes, created_at FROM oauth_grants g WHERE EXISTS (SELECT FROM oauth_tokens t "
            "WHERE t.grant_id = g.id AND t.kind = 'refresh' AND t.used_at IS NULL AND t.expires_at > now()) "
            "ORDER BY created_at DESC, id"
        )
        rows = await (await connection.execute(query)).fetchall()
    return [Grant(id, name, tuple(scopes), created_at) for id, name, scopes, created_at in rows]


async def _issue(connection: Connection, one: Held, scopes: tuple[str, ...]) -> Issued | None:
    """A refresh token keeps all scopes that were allowed, though an access token may ask for fewer."""
    await connection.execute("DELETE FROM oauth_tokens WHERE grant_id = %s AND kind = 'access'", (one.grant,))
    try:
        async with connection.transaction():
            access = await _add(connection, one.grant, "access", scopes)
            refresh = await _add(connection, one.grant, "refresh", one.allowed.scopes)
    except ForeignKeyViolation:  # revoked in this very moment
        return None
    return Issued(access, refresh, int(LASTING["access"].total_seconds()), scopes)


async def _add(connection: Connection, grant: UUID, kind: str, scopes: Sequence[str]) -> str:
    secret = credentials.new(PREFIXES[kind])
    await connection.execute(
        "INSERT INTO oauth_tokens (digest, grant_id, kind, scopes, expires_at) VALUES (%s, %s, %s, %s, %s)",
        (credentials.digest(secret), grant, kind, list(scopes), datetime.now(UTC) + LASTING[kind]),
    )
    return secret
