"""Every migration goes up and down, fails as it promises, and never says more than it should."""

import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from apps.neotoma.history import build
from apps.neotoma.tests.support import Database, Server, migrate
from apps.neotoma.tests.support_schema import SOURCE, brought, shape

from neotoma.migrations import MigrationError, Script, read

Trees = Callable[[str], Path]


def version(tree: Path, database: Database) -> str:
    told = migrate(tree, database, "current")
    assert (told.returncode, told.stderr) == (0, "")
    return told.stdout.strip()


def done(run: subprocess.CompletedProcess[str]) -> str:
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_each_migration_goes_down_to_exactly_what_was_before(tree: Trees, database: Database) -> None:
    newest = tree("v1.1.0")
    known = read(newest / "migrations")
    shapes = {}
    for number, migration in enumerate(known, start=1):
        brought(database, known[:number])
        shapes[migration.version] = shape(database)
    for migration in reversed(known[:-1]):
        done(migrate(newest, database, "down", "--to", migration.version))
        assert version(newest, database) == migration.version
        assert shape(database) == shapes[migration.version]
    done(migrate(newest, database, "down", "--to", "0"))
    assert version(newest, database) == "0"
    assert done(migrate(newest, database, "up")).count("applied") == len(known)
    assert shape(database) == shapes[known[-1].version]


def test_who_does_not_see_all_rows_may_not_migrate(server: Server, tree: Trees) -> None:
    database = server.database("short_sighted")
    variables = {"MIGRATION_DATABASE_URL": database.url("short_sighted"), "APP_ROLE": ""}
    failed = migrate(tree(build.CURRENT), database, "up", **variables)
    assert failed.returncode == 1
    assert "ALTER ROLE short_sighted BYPASSRLS" in failed.stderr
    assert "The schema is now at 0004." in failed.stderr  # before the wall, nothing is hidden
    server.query("ALTER ROLE short_sighted BYPASSRLS")
    done(migrate(tree(build.CURRENT), database, "up", **variables))
    server.query("ALTER ROLE short_sighted NOBYPASSRLS")
    for words in (("up",), ("down", "--to", "0001")):
        failed = migrate(tree(build.CURRENT), database, *words, **variables)
        assert failed.returncode == 1
        assert "ALTER ROLE short_sighted BYPASSRLS" in failed.stderr
        assert "The schema is now at 0008." in failed.stderr


def test_a_holder_is_let_go_first(tree: Trees, database: Database) -> None:
    done(migrate(tree("v1.0.0"), database, "up"))
    with psycopg.connect(database.url("owner")) as holder:
        holder.execute("SELECT 1 FROM sources")
        leaving = threading.Timer(1, holder.rollback)
        leaving.start()
        done(migrate(tree("v1.1.0"), database, "up", LOCK_TIMEOUT="100ms"))
        leaving.join()


def test_up_twice_says_there_is_nothing_to_do(tree: Trees, database: Database) -> None:
    done(migrate(tree(build.CURRENT), database, "up"))
    assert done(migrate(tree(build.CURRENT), database, "up")) == "schema 0008, nothing to do\n"
    assert done(migrate(tree(build.CURRENT), database, "down", "--to", "0008")) == "schema 0008, nothing to do\n"
    assert done(migrate(tree(build.CURRENT), database, "list")).startswith(
        "0001 memory: applied\n0002 users: applied\n"
    )


def test_the_rename_keeps_every_row_both_ways(tree: Trees, database: Database) -> None:
    done(migrate(tree("v1.0.0"), database, "up"))
    database.query(SOURCE.format("a"), role="app")
    done(migrate(tree("v1.1.0"), database, "up"))
    assert database.query("SELECT file_name FROM sources") == [("a.txt",)]
    done(migrate(tree("v1.1.0"), database, "down", "--to", "0008"))
    assert database.query("SELECT name FROM sources") == [("a.txt",)]


def test_a_failure_in_a_transaction_leaves_the_version_it_found(tree: Trees, database: Database) -> None:
    done(migrate(tree("v1.0.0"), database, "up"))
    before = shape(database)
    failed = migrate(tree("v1.1.0-migration"), database, "up")
    assert failed.returncode == 1
    assert 'column "name" does not exist' in failed.stderr
    assert "The schema is now at 0008." in failed.stderr
    assert shape(database) == before
    assert version(tree("v1.1.0-migration"), database) == "0008"


def test_a_failure_outside_a_transaction_is_half_way_and_goes_down_from_there(tree: Trees, database: Database) -> None:
    faulty = tree("v1.1.0-migration-concurrent")
    done(migrate(tree("v1.0.0"), database, "up"))
    before = shape(database)
    failed = migrate(faulty, database, "up")
    assert failed.returncode == 1
    assert "The schema is now at 0009-partial." in failed.stderr
    assert database.columns("tags") == {"user_id", "name"}
    assert database.query("SELECT indisvalid FROM pg_index WHERE indexrelid = 'tags_name'::regclass") == [(False,)]
    assert version(faulty, database) == "0009-partial"
    again = migrate(faulty, database, "up")
    assert again.returncode == 1
    assert "migrate down --to 0008" in again.stderr
    done(migrate(faulty, database, "down", "--to", "0008"))
    assert version(faulty, database) == "0008"
    assert shape(database) == before


def test_a_migration_and_its_record_are_one(tree: Trees, database: Database) -> None:
    done(migrate(tree("v0.9.0"), database, "up"))
    failed = migrate(tree("v1.0.0"), database, "up", APP_ROLE="nobody_of_that_name")  # the last act of each step fails
    assert failed.returncode == 1
    assert "The schema is now at 0001." in failed.stderr
    assert database.query("SELECT to_regclass('users')") == [(None,)]


def test_duplicates_fail_only_where_there_are_some(tree: Trees, database: Database) -> None:
    faulty = tree("v1.1.0-migration-duplicates")
    done(migrate(faulty, database, "up"))
    done(migrate(faulty, database, "down", "--to", "0008"))
    database.query(SOURCE.format("a"), role="app")
    database.query(SOURCE.format("b"), role="app")
    failed = migrate(faulty, database, "up")
    assert failed.returncode == 1
    assert "a.txt" not in failed.stderr  # the detail of the error holds people's data
    assert "shelf" not in database.columns("sources")


def test_the_service_role_may_use_rows_and_owns_nothing(tree: Trees, database: Database) -> None:
    done(migrate(tree(build.CURRENT), database, "up"))
    assert database.query("SELECT count(*) FROM sources JOIN chunks ON true", role="app") == [(0,)]
    assert database.query("SELECT max(version) FROM schema_migrations", role="app") == [("0008",)]
    for refused in ("DELETE FROM schema_migrations", "DROP TABLE chunks", "CREATE TABLE mine ()", "TRUNCATE chunks"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            database.query(refused, role="app")


def test_without_a_role_nothing_is_granted(tree: Trees, server: Server, database: Database) -> None:
    done(migrate(tree(build.CURRENT), database, "up", APP_ROLE=""))
    server.query("CREATE ROLE stranger LOGIN")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        database.query("SELECT 1 FROM sources", role="stranger")


def test_a_held_table_fails_within_the_lock_timeout(tree: Trees, database: Database) -> None:
    done(migrate(tree("v1.0.0"), database, "up"))
    with psycopg.connect(database.url("owner")) as holder:
        holder.execute("SELECT 1 FROM sources")
        failed = migrate(tree("v1.1.0"), database, "up", LOCK_TIMEOUT="200ms")
    assert failed.returncode == 1
    assert "raise LOCK_TIMEOUT" in failed.stderr
    assert version(tree("v1.1.0"), database) == "0008"


def test_a_statement_fails_at_its_timeout(tree: Trees, database: Database) -> None:
    done(migrate(tree("v1.0.0"), database, "up"))
    with psycopg.connect(database.url("owner")) as holder:
        holder.execute("SELECT 1 FROM sources")
        failed = migrate(tree("v1.1.0"), database, "up", STATEMENT_TIMEOUT="200ms")
    assert failed.returncode == 1
    assert "raise STATEMENT_TIMEOUT" in failed.stderr


def test_a_second_run_is_turned_away(tree: Trees, database: Database) -> None:
    from neotoma.migrate import ADVISORY_LOCK

    with psycopg.connect(database.url("owner")) as other:
        other.execute("SELECT pg_advisory_lock(%s)", (ADVISORY_LOCK,))
        failed = migrate(tree(build.CURRENT), database, "up")
        assert failed.returncode == 1
        assert "Another migration is running" in failed.stderr
    done(migrate(tree(build.CURRENT), database, "up"))


def test_an_older_tree_refuses_a_newer_schema(tree: Trees, database: Database) -> None:
    done(migrate(tree("v1.1.0"), database, "up"))
    for words in (("up",), ("down", "--to", "0001")):
        failed = migrate(tree("v1.0.0"), database, *words)
        assert failed.returncode == 1
        assert "The schema is now at 0009." in failed.stderr
    assert version(tree("v1.0.0"), database) == "0009"


def test_down_to_what_is_not_there_is_refused(tree: Trees, database: Database) -> None:
    done(migrate(tree("v0.9.0"), database, "up"))
    for target in ("0008", "0009", "2", "-1"):
        assert migrate(tree("v1.0.0"), database, "down", f"--to={target}").returncode == 1
    assert version(tree("v1.0.0"), database) == "0001"


@pytest.mark.parametrize("url", ["", "postgresql://u:hush@127.0.0.1:1/x", "postgresql://u:hu/sh@h/x", "hush"])
def test_a_bad_url_is_told_without_showing_it(tree: Trees, database: Database, url: str) -> None:
    failed = migrate(tree(build.CURRENT), database, "up", MIGRATION_DATABASE_URL=url)
    assert failed.returncode == 1
    assert len(failed.stderr.splitlines()) == 1
    assert not any(secret in failed.stderr for secret in ("hush", "hu/", "sh@", "127.0.0.1"))


def test_the_url_falls_back_to_the_services(tree: Trees, database: Database) -> None:
    variables = {"MIGRATION_DATABASE_URL": "", "DATABASE_URL": database.url("owner")}
    done(migrate(tree(build.CURRENT), database, "up", **variables))


def test_a_bad_duration_is_refused_before_anything_runs(tree: Trees, database: Database) -> None:
    failed = migrate(tree(build.CURRENT), database, "up", LOCK_TIMEOUT="soon")
    assert failed.returncode == 1
    assert "LOCK_TIMEOUT" in failed.stderr
    assert version(tree(build.CURRENT), database) == "0"


def test_statements_outside_a_transaction_end_at_a_semicolon_at_the_end_of_a_line() -> None:
    script = Script("-- migrate: no transaction\nSELECT ';';\n-- a note\nSELECT\n 2 ;  \n-- the end\n")
    assert script.statements == ("-- migrate: no transaction\nSELECT ';'", "-- a note\nSELECT\n 2")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((), "no migrations"),
        (("0001_a.up.sql",), "has no 0001_a.down.sql"),
        (("0002_a.up.sql", "0002_a.down.sql"), "should be number 0001"),
        (("1_a.up.sql", "1_a.down.sql"), "should be number 0001"),
    ],
)
def test_files_out_of_order_are_refused(tmp_path: Path, names: tuple[str, ...], message: str) -> None:
    for name in names:
        (tmp_path / name).write_text("SELECT 1")
    with pytest.raises(MigrationError, match=message):
        read(tmp_path)
