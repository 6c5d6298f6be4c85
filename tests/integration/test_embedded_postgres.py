"""The PostgreSQL that goaround runs itself comes up whole, whatever was interrupted, and keeps its secrets."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from tests.polling import until
from tests.postgres_server import FAST, PostgresServer, open_folder

from goaround.adapters.postgres.account import server_account
from goaround.adapters.postgres.binaries import copied_to, server_programs
from goaround.adapters.postgres.cluster import SUPERUSER
from goaround.adapters.postgres.embedded import EmbeddedPostgres
from goaround.domain.errors import Unavailable
from goaround.outliving import durable
from goaround.ports import DatabaseUrls

ENSURE = """
import sys
from pathlib import Path
from goaround.adapters.postgres.cluster import SUPERUSER
from goaround.adapters.postgres.embedded import EmbeddedPostgres
EmbeddedPostgres(Path(sys.argv[1]), "test", "shop-front", settings={settings!r}).ensure()
print("answers", flush=True)
""".replace("{settings!r}", repr(FAST))


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where a server may be made; whatever is there afterwards is destroyed."""
    with open_folder() as outer:
        yield outer / "server"
        shop(outer / "server").destroy()


@pytest.fixture(scope="module")
def settled() -> Iterator[Path]:
    """Where a server as users have it is running, or can be."""
    with open_folder() as outer:
        database = EmbeddedPostgres(outer / "server", "test", "shop-front")
        database.ensure()
        yield outer / "server"
        database.destroy()


def shop(folder: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(folder, "test", "shop-front", settings=FAST)


def another_process(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", ENSURE, str(folder)], stdout=subprocess.PIPE, text=True)


def postmaster(data: Path) -> int:
    return int((data / "postmaster.pid").read_text().split("\n")[0])


def test_the_application_owns_nothing_and_the_migration_role_sees_everything(postgres_server: PostgresServer) -> None:
    urls = postgres_server.urls
    with psycopg.connect(urls.service) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("CREATE TABLE mine ()")
    with psycopg.connect(urls.migration) as connection:
        connection.execute("CREATE TABLE secrets AS SELECT 1 AS id")
        connection.execute("ALTER TABLE secrets ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
        assert connection.execute("SELECT count(*) FROM secrets").fetchone() == (1,)
        connection.rollback()


def test_the_migration_role_may_make_roles_also_where_an_earlier_version_made_it(settled: Path) -> None:
    urls = shop(settled).ensure()
    password = (durable.read_json(str(settled / "passwords.json")) or {})[SUPERUSER]
    with psycopg.connect(urls.migration, user=SUPERUSER, password=str(password)) as superuser:
        superuser.execute("ALTER ROLE shop_front_migrate NOCREATEROLE")
    with psycopg.connect(urls.migration, autocommit=True) as migration:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            migration.execute("CREATE ROLE reader")
        assert shop(settled).ensure() == urls
        migration.execute("CREATE ROLE reader")
        migration.execute("DROP ROLE reader")
    with psycopg.connect(urls.service) as service, pytest.raises(psycopg.errors.InsufficientPrivilege):
        service.execute("CREATE ROLE reader")


def test_the_server_is_set_up_for_what_comes_later(settled: Path) -> None:
    urls = shop(settled).ensure()
    assert urls.service_role == "shop_front_app"
    with psycopg.connect(urls.migration) as connection:
        names = ("wal_level", "fsync", "data_checksums", "server_encoding", "listen_addresses", "password_encryption")
        row = connection.execute("SELECT " + ", ".join(f"current_setting('{name}')" for name in names)).fetchone()
        # Letters beyond ASCII are known, and in the same way on every machine.
        assert connection.execute("SELECT upper('é')").fetchone() == ("É",)
    assert row == ("logical", "on", "on", "UTF8", "127.0.0.1", "scram-sha-256")


def test_it_outlives_whoever_started_it(settled: Path) -> None:
    shop(settled).stop()
    with another_process(settled) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == "answers\n"
    pid = postmaster(settled / "data")
    shop(settled).ensure()
    assert postmaster(settled / "data") == pid
    assert os.getsid(pid) != os.getsid(0)
    if os.geteuid() == 0:
        assert Path(f"/proc/{pid}").stat().st_uid != 0


def test_several_processes_at_once_make_one_database(folder: Path) -> None:
    with contextlib.ExitStack() as stack:
        others = [stack.enter_context(another_process(folder)) for _ in range(2)]
        urls = shop(folder).ensure()
        assert all(other.wait() == 0 for other in others)
    assert shop(folder).ensure() == urls


@pytest.mark.parametrize("until_there", ["passwords.json", "data.making/PG_VERSION", "data", "data/postmaster.pid"])
def test_one_that_is_killed_on_the_way_is_followed_by_one_that_finishes(folder: Path, until_there: str) -> None:
    with another_process(folder) as killed:
        until((folder / until_there).exists, what=until_there)
        killed.kill()
    database = shop(folder)
    urls = database.ensure()
    assert not (folder / "data.making").exists()
    with psycopg.connect(urls.service) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_killed_itself_it_starts_with_what_it_had(settled: Path) -> None:
    database = shop(settled)
    urls = database.ensure()
    with psycopg.connect(urls.migration) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    os.kill(postmaster(settled / "data"), signal.SIGKILL)
    assert database.ensure() == urls
    with psycopg.connect(urls.migration) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_a_killed_servers_orphans_are_waited_for(settled: Path) -> None:
    database = shop(settled)
    urls = database.ensure()
    log = settled / "data" / "start.log"
    with psycopg.connect(urls.service) as connection, ThreadPoolExecutor() as threads:
        orphan = connection.info.backend_pid
        os.kill(orphan, signal.SIGSTOP)
        os.kill(postmaster(settled / "data"), signal.SIGKILL)
        starting = threads.submit(database.ensure)
        try:
            until(lambda: log.exists() and "shared memory block" in log.read_text())
        finally:
            os.kill(orphan, signal.SIGCONT)
        assert starting.result() == urls


def test_after_a_reboot_its_number_may_be_anothers(settled: Path) -> None:
    database = shop(settled)
    urls = database.ensure()
    database.stop()
    account = server_account()
    user = account.uid if account.switch else None
    with subprocess.Popen(["sleep", "600"], user=user) as stranger:
        (settled / "data" / "postmaster.pid").write_text(f"{stranger.pid}\n{settled / 'data'}\n1\n1\n\n127.0.0.1\n")
        try:
            assert database.ensure() == urls
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_a_taken_port_is_named(settled: Path) -> None:
    database = shop(settled)
    port = database.ensure().service.split(":")[3].split("/")[0]
    database.stop()
    with socket.create_server(("127.0.0.1", int(port))), pytest.raises(Unavailable, match=f"port {port}") as refused:
        database.ensure()
    assert "data is as it was" in refused.value.state
    database.ensure()


def test_a_server_that_cannot_start_says_why(settled: Path) -> None:
    database = shop(settled)
    database.ensure()
    database.stop()
    control = settled / "data" / "global" / "pg_control"
    control.rename(settled / "pg_control")
    with pytest.raises(Unavailable, match=r"does not start.*pg_control"):
        database.ensure()
    (settled / "pg_control").rename(control)
    database.ensure()


def test_lost_data_is_never_replaced_by_an_empty_database(settled: Path) -> None:
    database = shop(settled)
    urls = database.ensure()
    database.stop()
    (settled / "data").rename(settled / "lost")
    with pytest.raises(Unavailable, match="is gone"):
        database.ensure()
    assert not (settled / "data").exists()
    (settled / "lost").rename(settled / "data")
    assert database.ensure() == urls


def test_lost_passwords_are_never_replaced_by_new_ones(settled: Path) -> None:
    database = shop(settled)
    urls = database.ensure()
    (settled / "passwords.json").rename(settled / "lost")
    with pytest.raises(Unavailable, match=r"passwords\.json"):
        database.ensure()
    (settled / "lost").rename(settled / "passwords.json")
    assert database.ensure() == urls


def test_passwords_are_in_one_file_and_in_no_process_table(folder: Path) -> None:
    seen: list[bytes] = []
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):
                    seen.append(path.read_bytes())

    database = shop(folder)
    with ThreadPoolExecutor() as threads:
        watching = threads.submit(watch)
        try:
            database.ensure()
        finally:
            done.set()
        watching.result()
    passwords = [str(value).encode() for value in (durable.read_json(str(folder / "passwords.json")) or {}).values()]
    assert len(passwords) == 3
    assert any(b"initdb" in line for line in seen)
    assert not any(password in line for password in passwords for line in seen)
    database.stop()
    files = [path for path in folder.rglob("*") if path.is_file()]
    holding = [path for path in files if any(password in path.read_bytes() for password in passwords)]
    assert holding == [folder / "passwords.json"]
    assert (folder / "passwords.json").stat().st_mode & 0o777 == 0o600


def test_programs_out_of_the_servers_reach_are_copied() -> None:
    account = server_account()
    with open_folder() as folder:
        before = os.umask(0o077)
        try:
            copy = copied_to(server_programs(18), folder)
        finally:
            os.umask(before)
        assert copied_to(server_programs(18), folder) == copy
        assert [path.name for path in folder.iterdir()] == [copy.folder.parents[2].name]
        told = account.run([copy["postgres"], "--version"], env={}, timeout_seconds=30).stdout
    assert told.startswith("postgres (PostgreSQL) 18")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has another user run the server")
def test_a_project_closed_to_the_server_keeps_its_data_elsewhere(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    database = shop(tmp_path / "server")
    urls: DatabaseUrls = database.ensure()
    place = durable.read_json(str(tmp_path / "server" / "place.json"))
    assert place is not None
    base = Path(str(place["base"]))
    try:
        assert not base.is_relative_to(tmp_path)
        assert (base / "data" / "PG_VERSION").exists()
        tmp_path.chmod(0o755)  # where it is does not depend on what others are allowed later
        assert database.ensure() == urls
    finally:
        database.destroy()
    assert not base.exists()
    assert not (tmp_path / "server").exists()
