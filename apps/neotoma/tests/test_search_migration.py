"""The way to full-text search and back: nothing is lost or left, and the version before does not notice."""

import psycopg
from apps.neotoma.tests.conftest import HERE
from apps.neotoma.tests.support import Database, Server, migrate
from apps.neotoma.tests.support_search import Library

from neotoma import migrations


def test_what_was_written_before_the_index_is_found_in_the_order_of_its_age(server: Server) -> None:
    """Also across the batches of the backfill, and what is written while it is not there any more."""
    database = server.database()
    _to(database, "0001")
    for number in range(1, 6):
        _written_by_the_version_before(database, number)
    assert migrate(HERE, database, "up").returncode == 0
    _written_by_the_version_before(database, 6)
    library = Library(database)
    library.user = "00000000-0000-4000-8000-000000000001"

    assert library.ids("heron") == [f"src_{number}" for number in range(6, 0, -1)]
    assert [hit.place for hit in library.ask("heron")] == ["page 1"] * 6


def test_going_back_leaves_nothing_from_wherever_it_stopped(server: Server) -> None:
    """After each statement of the way up, the way down; then, from nothing, all of the way up again."""
    database = server.database()
    _to(database, "0006")
    (search,) = (migration for migration in migrations.read(HERE / "migrations") if migration.name == "search")
    before = _everything(database)

    with psycopg.connect(database.url("owner"), autocommit=True) as connection:
        for reached in range(len(search.up.statements) + 1):
            for statement in (*search.up.statements[:reached], *search.down.statements):
                connection.execute(statement.encode())
            assert _everything(database) == before, f"after {reached} statements"

    assert reached > 15
    assert migrate(HERE, database, "up").returncode == 0


def test_a_role_that_sees_not_all_rows_may_not_fill(server: Server) -> None:
    database = server.database()
    _to(database, "0006")
    database.query("ALTER ROLE owner NOBYPASSRLS")
    try:
        migrated = migrate(HERE, database, "up")
    finally:
        database.query("ALTER ROLE owner BYPASSRLS")

    assert migrated.returncode == 1
    assert "does not see all rows" in migrated.stderr


def _everything(database: Database) -> set[tuple[str, str]]:
    """Names and settings of all there is in the schema, and the columns of the tables that are changed."""
    statements = (
        "SELECT relname, coalesce(reloptions::text, '') FROM pg_class WHERE relnamespace = 'public'::regnamespace",
        "SELECT proname, proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
        "SELECT tgname, tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal",
        "SELECT attname, 'chunks' FROM pg_attribute WHERE attrelid = 'chunks'::regclass AND NOT attisdropped",
    )
    return {(str(name), str(more)) for statement in statements for name, more in database.query(statement)}


def _to(database: Database, version: str) -> None:
    assert migrate(HERE, database, "up").returncode == 0
    assert migrate(HERE, database, "down", "--to", version).returncode == 0


def _written_by_the_version_before(database: Database, number: int) -> None:
    source = f"'src_{number}', '{number}', 'a', 'text/plain', 1, 'file', 'ready', '2026-01-0{number}'"
    columns = "id, sha256, name, media_type, bytes, kind, status, created_at"
    database.query(f"INSERT INTO sources ({columns}) VALUES ({source})", "app")
    chunks = "(source_id, position, place, text)"
    database.query(f"INSERT INTO chunks {chunks} VALUES ('src_{number}', 0, 'page 1', 'a heron')", "app")
    database.query(f"INSERT INTO chunks {chunks} VALUES ('src_{number}', 1, 'page 2', 'a heron')", "app")
