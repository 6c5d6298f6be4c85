"""Speaking to a server: what it is, or in one clear sentence why it does not answer. Passwords are never shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from goaround.adapters.postgres.binaries import OLDEST_MAJOR
from goaround.domain.errors import Unavailable

CONNECT_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Server:
    """What answered. ``identity`` is the same for two connections exactly if they reach the same database."""

    version: str
    major: int
    role: str
    standby: bool
    identity: tuple[Any, ...]


def parameters(url: str) -> dict[str, str]:
    """A URL or connection string by its parts. Raises ``Unavailable``, which repeats nothing of it."""
    try:
        return {key: str(value) for key, value in conninfo_to_dict(url).items() if value is not None}
    except psycopg.ProgrammingError:
        raise Unavailable(
            "the URL of the database is not one that PostgreSQL understands",
            state="no connection was tried",
            remedy="write it like postgresql://role:password@host:5432/database",
        ) from None


@contextmanager
def connected(url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection that commits each statement. Raises ``Unavailable`` saying why there is none."""
    given = parameters(url)
    try:
        # Keyword by keyword: a database or password may hold what looks like a connection string.
        connection = psycopg.connect(
            **{"connect_timeout": CONNECT_SECONDS, "application_name": "goaround", **given},  # type: ignore[arg-type]
            autocommit=True,
        )
    except psycopg.OperationalError as error:
        raise _unavailable(given, str(error)) from None
    with connection:
        yield connection


def server(url: str) -> Server:
    """What answers at this URL. Raises ``Unavailable`` if nothing does, or something too old."""
    with connected(url) as connection:
        row = connection.execute(
            "SELECT current_setting('server_version'), current_setting('server_version_num')::int / 10000,"
            " current_user, pg_is_in_recovery(), pg_postmaster_start_time(), oid"
            " FROM pg_database WHERE datname = current_database()"
        ).fetchone()
    assert row is not None
    version, major, role, standby, *identity = row
    if major < OLDEST_MAJOR:
        raise Unavailable(
            f"{_place(parameters(url))} is PostgreSQL {version}",
            state="nothing was done with it",
            remedy=f"goaround needs PostgreSQL {OLDEST_MAJOR} or newer",
        )
    return Server(version, major, role, standby, tuple(identity))


def size_bytes(url: str) -> int:
    """How much of the disk the database takes up. Raises ``Unavailable``."""
    with connected(url) as connection:
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    assert row is not None
    return int(row[0])


def _place(given: dict[str, str]) -> str:
    database = given.get("dbname", given.get("user", ""))
    return f"the database {database} at {given.get('host', 'the local socket')}:{given.get('port', '5432')}"


_REASONS = (
    # The first that matches counts: some messages hold the words of a later one.
    (
        r"password authentication failed|no password supplied",
        "refuses the password of role {user}",
        "check the password",
    ),
    (r"role .* does not exist", "knows no role {user}", "create the role, or name another in the URL"),
    (r"database .* does not exist", "does not exist on that server", "create it, or name another in the URL"),
    (r"no pg_hba\.conf entry", "lets role {user} not in from here", "add an entry to the server's pg_hba.conf"),
    (r"certificate|SSL|TLS", "cannot be reached through TLS", "check sslmode, sslrootcert and the certificate"),
    (r"refused|No such file", "has nobody listening", "start PostgreSQL there, or correct host and port"),
    (r"timeout|timed out|no route|unreachable", "does not answer", "check the network and host and port"),
    (
        r"resolve|translate host name|Name or service",
        "is at a host that has no address",
        "correct the name of the host",
    ),
    (
        r"too many (clients|connections)|remaining connection slots",
        "has no connection left",
        "raise max_connections, or end sessions",
    ),
    (r"starting up|shutting down|recovery mode", "is starting or stopping", "try again in a moment"),
)


def _unavailable(given: dict[str, str], message: str) -> Unavailable:
    for secret in (given.get("password"), given.get("sslpassword")):
        message = message.replace(secret, "***") if secret else message
    message = " ".join(message.split())
    what, remedy = next(
        ((what, remedy) for pattern, what, remedy in _REASONS if re.search(pattern, message, re.IGNORECASE)),
        ("cannot be connected to", "correct what the server complains of"),
    )
    said = what.format(user=given.get("user", "(none given)"))
    return Unavailable(f"{_place(given)} {said} ({message})", state="nothing was done with it", remedy=remedy)
