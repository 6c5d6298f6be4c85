"""Sessions of browsers: a cookie with 256 random bits, of which only the digest is kept."""

from datetime import timedelta
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from neotoma.accounts import credentials
from neotoma.accounts.caller import SCOPES, Caller
from neotoma.database import Database
from neotoma.settings import Settings

IDLE = timedelta(days=7)
WHOLE = timedelta(days=30)


async def begin(database: Database, user: UUID) -> str:
    """A new session, always with a new secret."""
    secret = credentials.new()
    async with database.of(user) as connection:
        await connection.execute("INSERT INTO sessions (digest) VALUES (%s)", (credentials.digest(secret),))
    return secret


async def find(database: Database, secret: str) -> Caller | None:
    """Whose session it is; None for one that ended, or never was."""
    digest = credentials.digest(secret)
    async with database.of_nobody() as connection:
        query = "SELECT user_id, email FROM session_person(%s, %s, %s)"
        found = await (await connection.execute(query, (digest, IDLE, WHOLE))).fetchone()
    return Caller(found[0], found[1], frozenset(SCOPES), "session", digest.hex()) if found else None


async def end(database: Database, caller: Caller) -> None:
    """End the caller's session."""
    async with database.of(caller.user) as connection:
        await connection.execute("DELETE FROM sessions WHERE digest = %s", (bytes.fromhex(caller.session),))


async def end_others(database: Database, caller: Caller) -> None:
    """End all of the caller's sessions but this one."""
    async with database.of(caller.user) as connection:
        await connection.execute("DELETE FROM sessions WHERE digest <> %s", (bytes.fromhex(caller.session),))


def sent(request: Request) -> str:
    """The secret in the request's cookie; empty without one."""
    return request.cookies.get(_cookie(request.app.state.nest.settings), "")


def hand_over(response: Response, settings: Settings, secret: str) -> None:
    """Give the browser its cookie."""
    response.set_cookie(
        _cookie(settings),
        secret,
        max_age=int(WHOLE.total_seconds()),
        path="/",
        secure=_secure(settings),
        httponly=True,
        samesite="lax",
    )


def take_back(response: Response, settings: Settings) -> None:
    """Take the cookie from the browser."""
    response.delete_cookie(_cookie(settings), path="/", secure=_secure(settings), httponly=True, samesite="lax")


def _secure(settings: Settings) -> bool:
    return settings.url.startswith("https://")


def _cookie(settings: Settings) -> str:
    """With this prefix browsers refuse the cookie from another subdomain or without TLS."""
    return "__Host-neotoma" if _secure(settings) else "neotoma"
