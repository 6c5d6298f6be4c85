"""``neotoma account``: what only who runs the service may do, with the role that migrates."""

import argparse
import getpass
import os
import sys
from uuid import UUID

import psycopg

from neotoma.accounts import passwords, tokens, users
from neotoma.accounts.caller import SCOPES
from neotoma.memory.errors import Refused
from neotoma.migrate import unreachable
from neotoma.problems import Problem
from neotoma.settings import OWNER

Connection = psycopg.Connection[tuple[object, ...]]


class Refusal(Exception):
    """What cannot be done; the message says what to do instead."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Its grammar."""
    verbs = parser.add_subparsers(dest="verb", required=True)
    claim = verbs.add_parser("claim", help="give the legacy owner's memory to a person, who signs in with this e-mail")
    claim.add_argument("--email", required=True)
    password = verbs.add_parser("password", help="give a new password to a person who forgot it; ends their sign-ins")
    password.add_argument("--email", required=True)
    token = verbs.add_parser("token", help="print a new API token of a person")
    token.add_argument("--email", required=True)
    token.add_argument("--name", default="made by hand")
    token.add_argument("--scope", choices=SCOPES, action="append", help="again for more than one; all without it")
    token.add_argument("--days", type=int, help="how long it lasts; for ever without it")


def run(options: argparse.Namespace) -> int:
    """Run it. MIGRATION_DATABASE_URL names the database; a password comes from a prompt or from standard input."""
    try:
        with _connected() as connection:
            if options.verb == "claim":
                _claim(connection, options.email)
            elif options.verb == "password":
                _renew(connection, options.email)
            else:
                _token(connection, options)
    except (Refusal, Problem, Refused) as error:
        print(error, file=sys.stderr)
        return 1
    except psycopg.Error as error:
        print(f"The database refused: {unreachable(error)}. Nothing was changed.", file=sys.stderr)
        return 1
    return 0


def _claim(connection: Connection, email: str) -> None:
    """The legacy owner gets an e-mail and a password; the token of the service goes on working as theirs."""
    address = users.email(email)
    hashed = passwords.HASHER.hash(passwords.checked(_password()))
    try:
        statement = "UPDATE users SET email = %s, password_hash = %s WHERE user_id = %s"
        if connection.execute(statement, (address, hashed, OWNER)).rowcount != 1:
            raise Refusal("There is no legacy owner in this database. Bring the schema forward with: migrate up")
    except psycopg.errors.UniqueViolation as error:
        raise Refusal("Somebody else signs in with this e-mail. Choose another one.") from error
    print(f"{address} signs in to the legacy owner's memory now.")


def _renew(connection: Connection, email: str) -> None:
    user = _user(connection, email)
    hashed = passwords.HASHER.hash(passwords.checked(_password()))
    connection.execute("UPDATE users SET password_hash = %s WHERE user_id = %s", (hashed, user))
    connection.execute("DELETE FROM sessions WHERE user_id = %s", (user,))
    connection.execute("DELETE FROM tokens WHERE user_id = %s AND kind = 'sign-in'", (user,))
    print(f"{users.email(email)} signs in with the new password now, and is signed out everywhere.")


def _user(connection: Connection, email: str) -> UUID:
    found = connection.execute("SELECT user_id FROM users WHERE lower(email) = %s", (users.email(email),))
    if (row := found.fetchone()) is None:
        raise Refusal("Nobody signs in with this e-mail. Sign up first, or claim the legacy owner's memory.")
    return UUID(str(row[0]))


def _token(connection: Connection, options: argparse.Namespace) -> None:
    user = _user(connection, options.email)
    secret, made = tokens.new(options.name, options.scope or SCOPES, tokens.lasting(options.days))
    connection.execute(tokens.INSERT, tokens.row(user, secret, made))
    print(secret)


def _password() -> str:
    if sys.stdin.isatty():
        first = getpass.getpass("Password: ")
        if getpass.getpass("Once more: ") != first:
            raise Refusal("The two are not the same. Nothing was changed.")
        return first
    return sys.stdin.readline().rstrip("\r\n")


def _connected() -> Connection:
    """A connection of a role that sees all rows, or nothing would be changed without a word."""
    if not (url := os.environ.get("MIGRATION_DATABASE_URL")):
        raise Refusal("No database: set MIGRATION_DATABASE_URL to that of the role that migrates.")
    connection: Connection = psycopg.connect(url, connect_timeout=10)
    try:
        seen = connection.execute("SELECT FROM planted").rowcount == 1
    except (psycopg.errors.UndefinedTable, psycopg.errors.InsufficientPrivilege):
        seen = False
    if not seen:
        connection.close()
        raise Refusal("This role does not see all rows of this schema. Use one with BYPASSRLS, after: migrate up")
    return connection
