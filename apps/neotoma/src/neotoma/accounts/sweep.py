"""Clears away what expired. Whoever signs in sweeps, so no clock has to run and nothing depends on it."""

from neotoma.accounts import sessions, users
from neotoma.nest import Nest


async def sweep(nest: Nest) -> None:
    """Delete expired sessions, tokens, grants and attempts, agents that nobody allowed, and files of the departed."""
    async with nest.database.of_nobody() as connection:
        await connection.execute("SELECT accounts_sweep(%s, %s)", (sessions.IDLE, sessions.WHOLE))
    await users.erase_departed(nest)
