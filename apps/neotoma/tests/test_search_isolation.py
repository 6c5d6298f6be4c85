"""The search function sees all rows, so it alone stands between two users: whoever calls it, and however."""

import uuid
from collections.abc import Sequence
from typing import Any

import psycopg
import pytest
from apps.neotoma.tests.support import Database

FUNCTIONS = (
    "chunk_pair(text, text)",
    "chunk_words(text, uuid, text, bigint)",
    "chunks_words()",
    "chunks_follow_type()",
    "query_pairs(tsquery)",
)
SEARCH = "search_chunks(text, text, integer)"


class Two:
    """Two users with one source each, which say ``heron`` both, and a word of their own."""

    def __init__(self, database: Database) -> None:
        self.database, self.mine, self.theirs = database, str(uuid.uuid4()), str(uuid.uuid4())
        for user, text in ((self.mine, "a heron of mine"), (self.theirs, f"a heron of theirs{forged(self.mine)}")):
            database.query(f"INSERT INTO users (user_id, email) VALUES ('{user}', '{user}@example.org')")
            source = f"'{user}', 'src', '{user}', 'a', 'text/plain', 1, 'file', 'ready'"
            columns = "user_id, id, sha256, name, media_type, bytes, kind, status"
            database.query(f"INSERT INTO sources ({columns}) VALUES ({source})")
            chunk = f"'{user}', 'src', 0, 'page 1', '{text}'"
            database.query(f"INSERT INTO chunks (user_id, source_id, position, place, text) VALUES ({chunk})")

    def found(self, user: str, query: str, role: str = "app", options: str = "-c role=neotoma_member") -> list[str]:
        """The texts that one user's search brings."""
        with psycopg.connect(self.database.url(role), options=options) as connection:
            connection.execute("SELECT set_config('neotoma.user_id', %s, true)", (user,))
            return texts(connection, query)


def forged(user: str) -> str:
    """What would make a chunk another user's, if text could say so."""
    return f" \x01u{user} \x01u{user.replace('-', '')} {user}"


def texts(connection: psycopg.Connection[Any], query: str) -> list[str]:
    rows: Sequence[tuple[str]] = connection.execute(
        "SELECT marked FROM search_chunks(%s, NULL, 100)", (query,)
    ).fetchall()
    return [text.replace("\ue000", "").replace("\ue001", "") for (text,) in rows]


@pytest.fixture(scope="module")
def two(current_database: Database) -> Two:
    return Two(current_database)


def test_the_same_word_in_two_memories_is_found_in_ones_own_only(two: Two) -> None:
    assert two.found(two.mine, "heron") == ["a heron of mine"]
    (theirs,) = two.found(two.theirs, "heron")
    assert "heron of theirs" in theirs


@pytest.mark.parametrize("query", ["theirs", "-nothing", "heron or theirs", "-mine", '"of theirs"'])
def test_no_query_reaches_over(two: Two, query: str) -> None:
    assert not any("theirs" in text for text in two.found(two.mine, query))


def test_neither_a_text_nor_a_query_can_name_an_owner(two: Two) -> None:
    """Their text holds what the index calls me by; my query asks for what it calls them by."""
    assert two.found(two.mine, "theirs") == []
    for query in (f"mine or \x01u{two.theirs}", f"\x01u{two.theirs}", f"' | '\x01u{two.theirs}"):
        assert not any("theirs" in text for text in two.found(two.mine, query))


def test_without_a_user_nothing_is_found(two: Two) -> None:
    assert two.found("", "heron") == []
    with psycopg.connect(two.database.url("app"), options="-c role=neotoma_member") as connection:
        assert texts(connection, "heron") == []


@pytest.mark.parametrize("user", ["x", "' OR true --", "00000000", "*", " "])
def test_a_malformed_user_is_an_error_not_a_result(two: Two, user: str) -> None:
    with pytest.raises(psycopg.errors.InvalidTextRepresentation):
        two.found(user, "heron")


def test_the_nil_user_and_an_unknown_one_find_nothing(two: Two) -> None:
    assert two.found(str(uuid.UUID(int=0)), "heron") == []
    assert two.found(str(uuid.uuid4()), "heron") == []


@pytest.mark.parametrize("role", ["postgres", "owner"])
def test_a_role_that_sees_all_rows_searches_for_the_named_user_all_the_same(two: Two, role: str) -> None:
    assert two.found(two.mine, "heron", role=role, options="") == ["a heron of mine"]
    assert two.found("", "heron", role=role, options="") == []


def test_the_user_ends_with_the_transaction(two: Two) -> None:
    with psycopg.connect(two.database.url("app"), options="-c role=neotoma_member") as connection:
        with connection.transaction():
            connection.execute("SELECT set_config('neotoma.user_id', %s, true)", (two.mine,))
            assert texts(connection, "heron") == ["a heron of mine"]
        assert texts(connection, "heron") == []


def test_nobody_but_a_member_may_call_it_and_nobody_at_all_its_triggers(two: Two) -> None:
    roles = "('pg_database_owner', 'neotoma_single', 'pg_read_all_data', 'pg_monitor')"
    asked = f"SELECT has_function_privilege(rolname, '{SEARCH}', 'EXECUTE') FROM pg_roles WHERE rolname IN {roles}"
    assert two.database.query(asked) == [(False,)] * 4
    for role in ("neotoma_member", "neotoma_single", "app", "public"):
        for function in FUNCTIONS:
            allowed = two.database.query(f"SELECT has_function_privilege('{role}', '{function}', 'EXECUTE')")
            assert allowed == [(False,)]
        rights = f"SELECT has_sequence_privilege('{role}', 'chunks_number', 'USAGE, SELECT, UPDATE')"
        assert two.database.query(rights) == [(False,)]
    assert two.database.query(f"SELECT has_function_privilege('public', '{SEARCH}', 'EXECUTE')") == [(False,)]
    assert two.database.query(f"SELECT has_function_privilege('neotoma_member', '{SEARCH}', 'EXECUTE')") == [(True,)]


def test_the_version_before_may_not_call_it(two: Two) -> None:
    """A login that is in neotoma_single only."""
    two.database.query("DROP ROLE IF EXISTS before_users")
    two.database.query("CREATE ROLE before_users LOGIN IN ROLE neotoma_single")
    try:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            two.found(two.mine, "heron", role="before_users", options="")
    finally:
        two.database.query("DROP ROLE before_users")


def test_objects_planted_in_front_of_its_own_are_not_used(two: Two) -> None:
    """Whoever may create temporary things can neither feed the search nor have it run theirs as its owner."""
    plants = (
        "CREATE TEMP TABLE chunks (source_id text, place text, text text, words tsvector, number bigint, user_id uuid)",
        "INSERT INTO pg_temp.chunks VALUES ('src', '', 'planted heron', to_tsvector('heron'), 1, %(user)s)",
        "CREATE TEMP TABLE chunks_number (last_value bigint)",
        "CREATE FUNCTION pg_temp.member_id() RETURNS uuid LANGUAGE sql AS $$ SELECT %(other)s::uuid $$",
        "CREATE FUNCTION pg_temp.ts_rank(tsvector, tsquery) RETURNS real LANGUAGE sql AS $$ SELECT 1/0::real $$",
        "CREATE FUNCTION pg_temp.numnode(tsquery) RETURNS integer LANGUAGE sql AS $$ SELECT 0 $$",
    )
    with psycopg.connect(two.database.url("app"), options="-c role=neotoma_member") as connection:
        connection.execute("SELECT set_config('neotoma.user_id', %s, true)", (two.mine,))
        for plant in plants:
            sql = plant.replace("%(user)s", f"'{two.mine}'").replace("%(other)s", f"'{two.theirs}'")
            connection.execute(sql.encode())
        connection.execute("SET search_path = pg_temp, public")
        assert texts(connection, "heron") == ["a heron of mine"]
        connection.rollback()


def test_every_function_that_sees_all_rows_has_a_path_of_its_own(two: Two) -> None:
    """The three that run as their owner; the path ends in pg_temp, which is first where it is not named."""
    names = "('search_chunks', 'chunks_words', 'chunks_follow_type')"
    found = two.database.query(f"SELECT proname, prosecdef, proconfig::text FROM pg_proc WHERE proname IN {names}")
    assert len(found) == 3
    for _, definer, settings in found:
        assert definer
        assert "search_path=pg_catalog, public, pg_temp" in settings


def test_a_chunk_cannot_be_written_into_another_memory(two: Two) -> None:
    """Through the trigger that runs as its owner neither."""
    with psycopg.connect(two.database.url("app"), options="-c role=neotoma_member") as connection:
        connection.execute("SELECT set_config('neotoma.user_id', %s, true)", (two.mine,))
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            connection.execute(
                "INSERT INTO chunks (user_id, source_id, position, place, text) VALUES (%s, 'src', 9, '', 'mine')",
                (two.theirs,),
            )


def test_words_that_a_writer_claims_are_replaced_by_those_of_the_text(two: Two) -> None:
    with psycopg.connect(two.database.url("app"), options="-c role=neotoma_member") as connection:
        connection.execute("SELECT set_config('neotoma.user_id', %s, true)", (two.mine,))
        connection.execute(
            "INSERT INTO chunks (source_id, position, place, text, words) VALUES ('src', 7, '', 'an egret', 'claimed')"
        )
        assert texts(connection, "claimed") == []
        assert texts(connection, "egret") == ["an egret"]
        connection.rollback()
