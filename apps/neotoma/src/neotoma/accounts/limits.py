"""How often somebody may try. Counted in the database, so that every process counts the same."""

import hashlib
from dataclasses import dataclass

from starlette.requests import Request

from neotoma.database import Database
from neotoma.problems import Problem


@dataclass(frozen=True)
class Limit:
    """At most ``most`` attempts in ``seconds`` from the first of them on."""

    name: str
    most: int
    seconds: int


LOGIN_OF_ONE_FROM_ONE = Limit("login of one account from one address", 10, 900)
LOGIN_OF_ONE = Limit("login of one account", 50, 900)
LOGIN_FROM_ONE = Limit("login from one address", 200, 900)
SIGN_UP_FROM_ONE = Limit("sign-up from one address", 200, 3600)
CLIENT_FROM_ONE = Limit("registration of agents from one address", 200, 3600)
PASSWORD_OF_ONE = Limit("password of one account", 10, 900)

Counted = tuple[Limit, bytes]


def logins(request: Request, email: str) -> list[Counted]:
    """What a login counts against."""
    here = address(request)
    return [
        counted(LOGIN_OF_ONE_FROM_ONE, email, here),
        counted(LOGIN_OF_ONE, email),
        counted(LOGIN_FROM_ONE, here),
    ]


def counted(limit: Limit, *whose: str) -> Counted:
    """A limit with the digest under which it is counted: neither e-mails nor addresses are kept."""
    return limit, hashlib.sha256("\0".join((limit.name, *whose)).encode()).digest()


def address(request: Request) -> str:
    """Where the request comes from, as far as the server knows."""
    return request.client.host if request.client else ""


async def attempt(database: Database, limits: list[Counted]) -> None:
    """Count an attempt, before it is made: so many at once are as many as one after the other. Raises Problem 429."""
    wait = 0
    async with database.of_nobody() as connection:
        for limit, digest in sorted(limits, key=lambda one: one[1]):  # in one order, or two attempts lock each other
            cursor = await connection.execute("SELECT attempt(%s, %s, %s)", (digest, limit.most, limit.seconds))
            wait = max(wait, (await cursor.fetchone() or (0,))[0])
    if wait:
        raise TooMany(wait)


async def forgive(database: Database, limits: list[Counted]) -> None:
    """Uncount an attempt that succeeded."""
    async with database.of_nobody() as connection:
        for _, digest in sorted(limits, key=lambda one: one[1]):
            await connection.execute("SELECT attempt_forgive(%s)", (digest,))


class TooMany(Problem):
    """429, with the seconds to wait in ``Retry-After`` and in the details."""

    def __init__(self, seconds: int) -> None:
        minutes = -(-seconds // 60)
        message = f"That was tried too often. Wait {minutes} minute{'s' if minutes > 1 else ''}, then try again."
        super().__init__(429, "too_many_attempts", message, retry_after_seconds=seconds)
