"""Passwords: checked for length only, kept as argon2id, hashed beside the event loop and few at a time."""

import unicodedata

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from neotoma.problems import Problem

SHORTEST, LONGEST = 10, 200  # characters
HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)  # what OWASP asks for at least
AT_ONCE = 2  # more would only take the memory and the processors from everybody else
_limiter: RunVar[CapacityLimiter] = RunVar("neotoma.passwords")  # one for each event loop, as anyio has its own


def checked(password: object) -> str:
    """The password in its normal form. Raises Problem 422 for one that is too short or too long."""
    if not isinstance(password, str) or not SHORTEST <= len(normal := _normal(password)) <= LONGEST:
        message = f"The password must have {SHORTEST} to {LONGEST} characters. A few random words make a good one."
        raise Problem(422, "bad_password", message)
    return normal


async def hashed(password: str) -> str:
    """The hash to keep."""
    return await to_thread.run_sync(HASHER.hash, _normal(password), limiter=_few())


async def matches(kept: str | None, password: str) -> bool:
    """Whether it is the password. Takes as long when nothing is kept, so that time does not tell whom we know."""
    if len(password) > 2 * LONGEST:
        return False
    if kept is None:
        await hashed(password)
        return False
    return await to_thread.run_sync(_matches, kept, _normal(password), limiter=_few())


def outdated(kept: str) -> bool:
    """Whether it was hashed with other parameters than today's."""
    return HASHER.check_needs_rehash(kept)


def _matches(kept: str, password: str) -> bool:
    try:
        return HASHER.verify(kept, password)
    except (VerificationError, InvalidHashError):
        return False


def _normal(password: str) -> str:
    """The same characters, however a keyboard composes them; a lone surrogate cannot be hashed and becomes a mark."""
    return unicodedata.normalize("NFKC", password.encode(errors="replace").decode())


def _few() -> CapacityLimiter:
    limiter = _limiter.get(None)
    if limiter is None:
        limiter = CapacityLimiter(AT_ONCE)
        _limiter.set(limiter)
    return limiter
