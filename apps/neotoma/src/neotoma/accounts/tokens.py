"""API tokens: ``neo_…``, shown once, for programs that act for a person."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from neotoma.accounts import credentials
from neotoma.accounts.caller import SCOPES, Caller
from neotoma.database import Database
from neotoma.memory.errors import Invalid, NotThere
from neotoma.problems import Problem

PREFIX = "neo_"
SIGN_IN = timedelta(days=30)
MOST = 200  # of one person
LONGEST_NAME = 100
LONGEST_DAYS = 3650
INSERT = (
    "INSERT INTO tokens (user_id, id, digest, kind, name, scopes, created_at, expires_at) "
    "VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
)


@dataclass(frozen=True)
class Token:
    """What is known of a token. ``kind`` is ``made`` or ``sign-in``, which ends with the password."""

    id: str
    kind: str
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    used_at: datetime | None
    expires_at: datetime | None


async def find(database: Database, secret: str) -> Caller | None:
    """Whose token it is and what it may; None for one that expired, was revoked or never was."""
    async with database.of_nobody() as connection:
        query = "SELECT user_id, email, scopes FROM token_person(%s)"
        found = await (await connection.execute(query, (credentials.digest(secret),))).fetchone()
    return Caller(found[0], found[1], frozenset(found[2]), "token") if found else None


def new(name: object, scopes: object = SCOPES, lasts: timedelta | None = None, kind: str = "made") -> tuple[str, Token]:
    """The secret of a new token, and what is kept beside its digest. Raises Invalid."""
    now = datetime.now(UTC)
    token = Token(
        id=f"tok_{secrets.token_hex(12)}",
        kind=kind,
        name=_name(name),
        scopes=scopes_of(scopes),
        created_at=now,
        used_at=None,
        expires_at=now + lasts if lasts else None,
    )
    return credentials.new(PREFIX), token


def row(user: UUID, secret: str, token: Token) -> tuple[object, ...]:
    """What INSERT takes."""
    digest = credentials.digest(secret)
    return (user, token.id, digest, token.kind, token.name, list(token.scopes), token.created_at, token.expires_at)


async def make(
    database: Database,
    user: UUID,
    name: object,
    scopes: object = SCOPES,
    lasts: timedelta | None = None,
    kind: str = "made",
) -> tuple[str, Token]:
    """A new token, and its secret for this one time. Raises Invalid, and Problem 409 for too many."""
    secret, token = new(name, scopes, lasts, kind)
    async with database.of(user) as connection:
        await connection.execute("DELETE FROM tokens WHERE expires_at < now()")
        if ((await (await connection.execute("SELECT count(*) FROM tokens")).fetchone()) or (0,))[0] >= MOST:
            message = f"You have {MOST} tokens, which is as many as there may be. Revoke those that nobody uses."
            raise Problem(409, "too_many_tokens", message)
        await connection.execute(INSERT, row(user, secret, token))
    return secret, token


async def sign_in(database: Database, user: UUID) -> tuple[str, Token]:
    """A token for a program that sent a password; the oldest such make way."""
    async with database.of(user) as connection:
        await connection.execute(
            "DELETE FROM tokens WHERE id IN "
            "(SELECT id FROM tokens WHERE kind = 'sign-in' ORDER BY created_at DESC, id OFFSET %s)",
            (MOST // 4,),
        )
    return await make(database, user, "sign-in", lasts=SIGN_IN, kind="sign-in")


async def listed(database: Database, user: UUID) -> list[Token]:
    """A person's tokens that work, newest first."""
    async with database.of(user) as connection:
        query = (
            "SELECT id, kind, name, scopes, created_at, used_at, expires_at FROM tokens "
            "WHERE expires_at IS NULL OR expires_at > now() ORDER BY created_at DESC, id"
        )
        rows = await (await connection.execute(query)).fetchall()
    return [Token(id, kind, name, tuple(scopes), *times) for id, kind, name, scopes, *times in rows]


async def revoke(database: Database, user: UUID, id: str) -> None:
    """End one token at once. Raises NotThere."""
    async with database.of(user) as connection:
        cursor = await connection.execute("DELETE FROM tokens WHERE id = %s", (id.replace("\0", ""),))
    if cursor.rowcount == 0:
        raise NotThere("no_token", "You have no such token; it may have been revoked already.")


def scopes_of(sent: object) -> tuple[str, ...]:
    """The scopes that were asked for, in our order. Raises Invalid for none, and for others than ours."""
    if isinstance(sent, str) or not isinstance(sent, Collection) or not sent or not all(one in SCOPES for one in sent):
        raise Invalid("bad_scopes", f"A token has one scope or both: {', '.join(SCOPES)}.")
    return tuple(scope for scope in SCOPES if scope in sent)


def lasting(days: object) -> timedelta | None:
    """How long a token lasts; None, for ever. Raises Invalid."""
    if days is None or days == "":
        return None
    if isinstance(days, bool) or not str(days).isascii() or not str(days).isdigit():
        raise _bad_days()
    if len(str(days)) > len(str(LONGEST_DAYS)) or not 0 < int(str(days)) <= LONGEST_DAYS:
        raise _bad_days()
    return timedelta(days=int(str(days)))


def _bad_days() -> Invalid:
    return Invalid("bad_expiry", f"A token lasts 1 to {LONGEST_DAYS} days, or for ever without a number.")


def _name(sent: object) -> str:
    name = " ".join(sent.split()) if isinstance(sent, str) else ""
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        raise Invalid("bad_name", f"A token needs a name of 1 to {LONGEST_NAME} characters, to tell it from others.")
    return name
