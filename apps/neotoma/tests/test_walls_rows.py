"""The wall between users as rows meet it: for reads and writes, and closed whenever nobody is named."""

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from apps.neotoma.tests.support import Database
from apps.neotoma.tests.support_rows import fill
from apps.neotoma.tests.support_walls import CLOSED, SEEING_ALL, Connection
from psycopg import sql
from psycopg.errors import (
    InsufficientPrivilege,
    IntegrityConstraintViolation,
    InvalidTextRepresentation,
    NotNullViolation,
)

from neotoma.settings import OWNER

NOBODY = ""
GARBAGE = ("garbage", "00000000", "' OR true --", "*", "null")
MEMORY = ("sources", "chunks", "entities", "observations", "relationships")
EMPTY = ("planted", "merges", "relationship_periods", "timeline_events")
"""Where the two users of these tests have nothing."""
ACCOUNT = """
    INSERT INTO users (user_id, email) VALUES ('{0}', '{0}@example.org');
    INSERT INTO tokens (user_id, id, digest, kind, name, scopes) VALUES ('{0}', 't', '', 'made', 'n', '{{}}');
    INSERT INTO sessions (user_id, digest) VALUES ('{0}', '');
    INSERT INTO oauth_grants (user_id, id, client_id, client_name, scopes, resource, challenge, redirect_uri, explicit)
    VALUES ('{0}', '{0}', 'c', 'n', '{{}}', 'r', 'x', 'u', true);
    INSERT INTO oauth_tokens (user_id, digest, grant_id, kind, scopes, expires_at)
    VALUES ('{0}', '', '{0}', 'access', '{{}}', now());
"""


@pytest.fixture(scope="module")
def two(current_database: Database) -> tuple[str, str]:
    """Two users with rows in every table of the memory and of accounts, under the same ids."""
    users = (str(uuid4()), str(uuid4()))
    for user in users:
        current_database.query(ACCOUNT.format(user))
        fill(current_database, user)
    fill(current_database, OWNER)
    return users


@pytest.fixture
def member(current_database: Database) -> Iterator[Connection]:
    """What the service is: the role it takes from the first moment of each connection."""
    with psycopg.connect(current_database.url("app") + "&options=-c%20role%3Dneotoma_member") as connection:
        yield connection
        connection.rollback()


def readable(connection: Connection) -> list[str]:
    """The tables and views that the connection's role may read."""
    query = (
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v') "
        "AND has_any_column_privilege(oid, 'SELECT') AND relname <> 'schema_migrations'"
    )
    return [name for (name,) in connection.execute(query)]


def become(connection: Connection, user: str) -> None:
    connection.execute("SELECT set_config('neotoma.user_id', %s, true)", (user,))


def count(connection: Connection, table: str, more: str = "") -> int:
    statement = sql.SQL("SELECT count(user_id) FROM {} " + more).format(sql.Identifier(table))
    ((number,),) = connection.execute(statement).fetchall()
    return int(number)


def test_a_user_sees_own_rows_and_no_others(member: Connection, two: tuple[str, str]) -> None:
    become(member, two[0])
    tables = readable(member)
    assert {*MEMORY, "users", "tokens", "sessions", "oauth_grants", "oauth_tokens", *EMPTY} <= set(tables)
    for table in tables:
        assert count(member, table) == count(member, table, f"WHERE user_id = '{two[0]}'"), table
        assert table in EMPTY or count(member, table) > 0, table


@pytest.mark.usefixtures("two")
def test_without_a_user_there_is_nothing(member: Connection) -> None:
    assert {count(member, table) for table in readable(member)} == {0}
    become(member, NOBODY)
    assert {count(member, table) for table in readable(member)} == {0}


def test_without_a_user_nothing_is_stored(member: Connection) -> None:
    with pytest.raises((InsufficientPrivilege, NotNullViolation)):  # the wall, or the column behind it
        member.execute("INSERT INTO entities (id, type, name) VALUES ('ent_x', 'person', 'X')")


def test_without_a_user_nothing_is_stored_for_anybody(member: Connection, two: tuple[str, str]) -> None:
    with pytest.raises(InsufficientPrivilege):
        member.execute("INSERT INTO entities (user_id, id, type, name) VALUES (%s, 'ent_x', 'person', 'X')", (two[0],))


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize("garbage", GARBAGE)
def test_what_is_no_user_is_an_error_and_no_rows(member: Connection, garbage: str) -> None:
    tables = readable(member)
    for table in tables:
        member.rollback()
        become(member, garbage)
        with pytest.raises(InvalidTextRepresentation):
            count(member, table, "WHERE user_id IS NOT NULL")


def test_the_user_is_forgotten_with_the_transaction(member: Connection, two: tuple[str, str]) -> None:
    for end in (member.commit, member.rollback):
        become(member, two[0])
        assert count(member, "sources") == 1
        end()
        assert count(member, "sources") == 0


def test_nobody_changes_or_deletes_the_row_of_another(
    member: Connection, two: tuple[str, str], current_database: Database
) -> None:
    tables = readable(member)
    for table in tables:
        for verb in ("DELETE FROM {} WHERE user_id = %s", "UPDATE {} SET user_id = user_id WHERE user_id = %s"):
            become(member, two[0])
            try:
                assert member.execute(sql.SQL(verb).format(sql.Identifier(table)), (two[1],)).rowcount == 0, table
                member.commit()
            except InsufficientPrivilege:
                member.rollback()
    assert current_database.query(f"SELECT count(*) FROM entities WHERE user_id = '{two[1]}'") == [(3,)]


@pytest.mark.parametrize("table", [*MEMORY, "tokens", "sessions"])
def test_nobody_gives_a_row_to_another(member: Connection, two: tuple[str, str], table: str) -> None:
    become(member, two[0])
    update = sql.SQL("UPDATE {} SET user_id = %s").format(sql.Identifier(table))
    with pytest.raises((InsufficientPrivilege, IntegrityConstraintViolation)):  # the latter: observations never change
        member.execute(update, (two[1],))
    member.rollback()
    become(member, two[0])
    copy = "INSERT INTO {0} SELECT (jsonb_populate_record(t, jsonb_build_object('user_id', %s::text))).* FROM {0} t"
    with pytest.raises(InsufficientPrivilege):
        member.execute(sql.SQL(copy).format(sql.Identifier(table)), (two[1],))


def test_nobody_reads_a_password_or_what_belongs_to_no_user(member: Connection, two: tuple[str, str]) -> None:
    for query in ("SELECT password_hash FROM users", *(f"SELECT * FROM {table}" for table in CLOSED)):
        become(member, two[0])
        with pytest.raises(InsufficientPrivilege):
            member.execute(query.encode())
        member.rollback()


@pytest.fixture
def single(current_database: Database) -> Iterator[Connection]:
    """What the version before is: the login role, which takes no other."""
    with psycopg.connect(current_database.url("app")) as connection:
        yield connection
        connection.rollback()


@pytest.mark.usefixtures("two")
def test_the_version_before_sees_the_legacy_owners_rows_and_no_others(single: Connection) -> None:
    assert set(readable(single)) == set(MEMORY)
    for table in MEMORY:
        assert count(single, table) == count(single, table, f"WHERE user_id = '{OWNER}'") > 0


def test_the_version_before_is_nobody_else_whatever_it_sets(single: Connection, two: tuple[str, str]) -> None:
    become(single, two[0])
    for table in MEMORY:
        assert count(single, table, f"WHERE user_id <> '{OWNER}'") == 0
    with pytest.raises(InsufficientPrivilege):
        single.execute("INSERT INTO entities (id, type, name) VALUES ('ent_x', 'person', 'X')")


def test_the_version_before_writes_for_the_legacy_owner_only(single: Connection, two: tuple[str, str]) -> None:
    single.execute("INSERT INTO entities (id, type, name) VALUES ('ent_new', 'person', 'New')")
    assert count(single, "entities", f"WHERE id = 'ent_new' AND user_id = '{OWNER}'") == 1
    assert single.execute("UPDATE entities SET name = 'mine' WHERE user_id = %s", (two[0],)).rowcount == 0
    assert single.execute("DELETE FROM entities WHERE user_id = %s", (two[0],)).rowcount == 0
    with pytest.raises(InsufficientPrivilege):
        single.execute("INSERT INTO entities (user_id, id, type, name) VALUES (%s, 'ent_y', 'person', 'Y')", (two[0],))


@pytest.mark.parametrize("table", ["users", "sessions", "tokens", "oauth_grants", "oauth_tokens", "planted", *CLOSED])
def test_the_version_before_reads_nothing_of_accounts(single: Connection, table: str) -> None:
    with pytest.raises(InsufficientPrivilege):
        single.execute(f"SELECT * FROM {table}".encode())


@pytest.mark.parametrize("function", sorted(SEEING_ALL))
def test_the_version_before_calls_nothing_that_sees_all(single: Connection, function: str) -> None:
    assert single.execute("SELECT has_function_privilege(%s, 'EXECUTE')", (function,)).fetchall() == [(False,)]


@pytest.mark.usefixtures("two")
def test_the_owner_of_the_tables_stands_before_the_wall_too(current_database: Database) -> None:
    """Who migrates sees all rows by BYPASSRLS alone, which it proves on the planted row."""
    with psycopg.connect(current_database.url("postgres")) as connection:
        connection.execute("ALTER ROLE owner NOBYPASSRLS")
        connection.execute("SET LOCAL ROLE owner")
        assert {count(connection, table) for table in (*MEMORY, "users", "planted", "tokens")} == {0}
        connection.rollback()
        connection.execute("SET LOCAL ROLE owner")
        assert count(connection, "planted") == 1
