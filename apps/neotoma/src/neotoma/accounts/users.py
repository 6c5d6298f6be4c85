"""People: how they come, prove who they are, and go with everything they had."""

import re
import unicodedata
from uuid import UUID

from neotoma.accounts import passwords
from neotoma.accounts.caller import Caller
from neotoma.database import Database
from neotoma.nest import Nest
from neotoma.problems import Problem

EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f.]+(\.[^@\s\x00-\x1f\x7f.]+)+")
LONGEST_EMAIL = 254  # characters


def email(sent: object) -> str:
    """An e-mail address as we keep it, in lower case. Raises Problem 422 for what cannot be one."""
    given = unicodedata.normalize("NFKC", sent).strip().lower() if isinstance(sent, str) else ""
    if len(given) > LONGEST_EMAIL or not EMAIL.fullmatch(given) or not given.isprintable():
        raise Problem(422, "bad_email", "That is no e-mail address. It looks like name@example.org.")
    return given


async def sign_up(nest: Nest, wanted: object, password: object) -> UUID:
    """A new user. Raises Problem: 422 for what cannot be, 409 for an e-mail that is taken, without saying so.

    Whether sign-up is open, and how often somebody may try, is the caller's to ask first.
    """
    address, secret = email(wanted), passwords.checked(password)
    kept = await passwords.hashed(secret)
    async with nest.database.of_nobody() as connection:
        cursor = await connection.execute("SELECT account_create(%s, %s)", (address, kept))
        user: UUID | None = (await cursor.fetchone() or (None,))[0]
    if user is None:
        message = (
            "No account was made with this e-mail and password. If you have one already, sign in; else try another."
        )
        raise Problem(409, "sign_up_refused", message)
    return user


async def prove(database: Database, wanted: object, password: object) -> UUID:
    """The user with this e-mail and password; a hash made with old parameters is renewed.

    Raises Problem 401, after the same time and with the same words whether the e-mail is known or not.
    """
    return (await _proven(database, wanted, password))[0]


async def change_password(database: Database, caller: Caller, old: object, new: object) -> None:
    """A new password; every session and every token of a sign-in ends. Raises Problem: 401, 409, 422."""
    secret = passwords.checked(new)
    user, kept = await _proven(database, caller.email, old)
    if user != caller.user or not await _keep(database, user, kept, await passwords.hashed(secret)):
        message = "Somebody else changed the account just now. Sign in again; nothing was changed here."
        raise Problem(409, "account_changed", message)
    async with database.of(user) as connection:
        await connection.execute("DELETE FROM sessions")
        await connection.execute("DELETE FROM tokens WHERE kind = 'sign-in'")


async def delete(nest: Nest, user: UUID) -> None:
    """Delete a user: every row, then every file. What a crash leaves of the files, ``sweep`` deletes."""
    async with nest.database.of(user) as connection:
        await connection.execute("SELECT account_delete()")
    await _erase(nest, user)


async def erase_departed(nest: Nest) -> None:
    """Delete the files of users who have gone and whose files have not."""
    async with nest.database.of_nobody() as connection:
        departed = await (await connection.execute("SELECT account_departed()")).fetchall()
    for (user,) in departed:
        await _erase(nest, user)


async def _erase(nest: Nest, user: UUID) -> None:
    await nest.storage.delete(user)
    async with nest.database.of_nobody() as connection:
        await connection.execute("SELECT account_erased(%s)", (user,))


async def _proven(database: Database, wanted: object, password: object) -> tuple[UUID, str]:
    """The user and the hash that is kept now."""
    given, address = password if isinstance(password, str) else "", _address(wanted)
    async with database.of_nobody() as connection:
        cursor = await connection.execute("SELECT user_id, password_hash FROM account_credential(%s)", (address,))
        user, kept = await cursor.fetchone() or (None, None)
    if not await passwords.matches(kept, given) or user is None or kept is None:
        raise Problem(401, "wrong_credentials", "The e-mail or the password is wrong. Check both and try again.")
    if passwords.outdated(kept):
        renewed = await passwords.hashed(given)
        kept = renewed if await _keep(database, user, kept, renewed) else kept
    return user, kept


async def _keep(database: Database, user: UUID, old: str, new: str) -> bool:
    async with database.of(user) as connection:
        cursor = await connection.execute("SELECT account_rehash(%s, %s)", (old, new))
        return bool((await cursor.fetchone() or (None,))[0])


def _address(wanted: object) -> str:
    """An e-mail as it would be kept; one that cannot be is nobody's."""
    try:
        return email(wanted)
    except Problem:
        return ""
