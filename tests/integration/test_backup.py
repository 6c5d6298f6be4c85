"""A backup is one consistent, complete effect, whatever happens on the way, and gives no password away."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from tests.polling import until
from tests.postgres_server import PostgresServer, ScriptedCommands, first, really

from goaround.adapters.commands import ShimCommands
from goaround.adapters.postgres.binaries import client_tools
from goaround.adapters.postgres.external import ExternalPostgres
from goaround.domain.errors import TimedOut, Unavailable
from goaround.ports import Command, Commands, DatabaseUrls, Ended

KEY = "v1.0.0/production/backup#1"
CUT_OFF = Ended(exit_code=None, timed_out=False, seconds=1.0, output="half a line")


@dataclass
class Taker:
    """Takes backups of one database to one place."""

    urls: DatabaseUrls
    destination: Path
    heard: list[tuple[int, str]] = field(default_factory=list)

    def take(self, commands: Commands, key: str = KEY, seconds: float = 60.0) -> Path:
        urls = self.urls
        database = ExternalPostgres("production", urls.service, urls.migration, backup_timeout_seconds=seconds)
        return database.backup(self.destination, key, commands, lambda at, text: self.heard.append((at, text))).path


@pytest.fixture
def taker(fresh_database: DatabaseUrls, tmp_path: Path) -> Taker:
    with psycopg.connect(fresh_database.migration) as connection:
        connection.execute("CREATE TABLE accounts AS SELECT id, 100 AS balance FROM generate_series(1, 20) AS id")
        connection.execute("CREATE TABLE moves (amount int)")
    return Taker(fresh_database, tmp_path / "backups" / "v1.0.0")


def shim(tmp_path: Path) -> ShimCommands:
    return ShimCommands(tmp_path / "commands", time.sleep)


@contextlib.contextmanager
def holding_up(urls: DatabaseUrls) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A session that keeps any dump waiting until it is left."""
    with psycopg.connect(urls.migration) as connection:
        connection.execute("LOCK TABLE accounts IN ACCESS EXCLUSIVE MODE")
        yield connection
        connection.rollback()


def dumping(trials: Path) -> int | None:
    """The process of a pg_dump into that folder that has come so far as to have made its own."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = path.read_bytes().decode(errors="replace").split("\0")
            made = next((Path(word[7:]) for word in words if word.startswith(f"--file={trials}/.")), None)
            if words[0].endswith("pg_dump") and made and made.exists():
                return int(path.parent.name)
    return None


def restored(path: Path, urls: DatabaseUrls) -> tuple[object, ...]:
    """Restore into an empty database; returns the sum of balances, and whether each of the moves is in it whole."""
    tools = client_tools(18)
    argv: list[str | Path] = [tools["pg_restore"], "--exit-on-error", "--no-owner", f"--dbname={urls.migration}", path]
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)
    with psycopg.connect(urls.migration) as connection:
        row = connection.execute(
            "SELECT (SELECT sum(balance) FROM accounts), (SELECT balance FROM accounts WHERE id = 1)"
            " = 100 - (SELECT coalesce(sum(amount), 0) FROM moves), (SELECT count(*) FROM moves)"
        ).fetchone()
    assert row is not None
    return row


def test_a_backup_under_writes_restores_to_one_moment(
    taker: Taker, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    done = threading.Event()
    moved = 0

    def move() -> None:
        nonlocal moved
        with psycopg.connect(taker.urls.migration) as connection:
            for other in itertools.cycle(range(2, 21)):
                connection.execute("UPDATE accounts SET balance = balance - 1 WHERE id = 1")
                connection.execute("INSERT INTO moves VALUES (1)")
                connection.execute("UPDATE accounts SET balance = balance + 1 WHERE id = %s", [other])
                connection.commit()
                moved += 1
                if done.is_set():
                    return

    with ThreadPoolExecutor() as threads:
        writing = threads.submit(move)
        try:
            until(lambda: moved > 10)
            path = taker.take(shim(tmp_path))
        finally:
            done.set()
        writing.result()
    with postgres_server.fresh_database() as empty:
        total, each_move_is_whole, moves = restored(path, empty)
    assert (total, each_move_is_whole) == (2000, True)
    assert isinstance(moves, int)
    assert 10 <= moves <= moved


def test_what_it_is_can_be_checked_by_hand(taker: Taker, tmp_path: Path) -> None:
    path = taker.take(shim(tmp_path))
    manifest = json.loads((path / "backup.json").read_text())
    by_hand = "find . -type f ! -name backup.json -printf '%P\\n' | LC_ALL=C sort | xargs sha256sum | sha256sum"
    told = subprocess.run(["sh", "-c", by_hand], cwd=path, check=True, capture_output=True, text=True).stdout
    assert manifest["digest"] == f"sha256:{told.split()[0]}"
    assert manifest["entries"] == 4  # two tables and their data
    assert manifest["size_bytes"] == sum(file.stat().st_size for file in path.iterdir() if file.name != "backup.json")
    assert manifest["server_version"].startswith("18")


def test_a_controller_killed_during_the_dump_is_followed_by_one_that_takes_it_over(
    taker: Taker, tmp_path: Path
) -> None:
    folder = taker.destination.parent
    controller = os.fork()
    if controller == 0:
        with contextlib.suppress(BaseException):
            taker.take(shim(tmp_path))
        os._exit(1)
    with holding_up(taker.urls):
        pid = until(lambda: dumping(folder))
        os.kill(controller, signal.SIGKILL)
        os.waitpid(controller, 0)
        assert dumping(folder) == pid
    taker.take(shim(tmp_path))
    assert sorted(path.name for path in folder.iterdir()) == ["v1.0.0"]
    assert shim(tmp_path).ended(f"{KEY}/pg_dump#1") is not None
    assert shim(tmp_path).ended(f"{KEY}/pg_dump#2") is None


def test_a_dump_that_is_killed_itself_fails_and_leaves_no_backup(taker: Taker, tmp_path: Path) -> None:
    with ThreadPoolExecutor() as threads, holding_up(taker.urls):
        taking = threads.submit(taker.take, shim(tmp_path))
        os.kill(until(lambda: dumping(taker.destination.parent)) or 0, signal.SIGKILL)
        with pytest.raises(Unavailable, match="exit code 137"):
            taking.result()
    assert not taker.destination.exists()
    taker.take(shim(tmp_path), "v1.0.0/production/backup#2")
    assert [path.name for path in taker.destination.parent.iterdir()] == ["v1.0.0"]


def test_a_try_that_was_cut_off_is_followed_by_the_next(taker: Taker) -> None:
    commands = ScriptedCommands({"*pg_dump#[12]": CUT_OFF, "*": really})
    taker.take(commands)
    assert commands.keys == [f"{KEY}/pg_dump#1", f"{KEY}/pg_dump#2", f"{KEY}/pg_dump#3", f"{KEY}/pg_restore#3.1"]
    assert taker.heard == [(0, "half a line"), (len("half a line"), "half a line")]


def test_a_crash_after_the_dump_does_not_dump_again(taker: Taker) -> None:
    commands = ScriptedCommands({"*pg_restore*": RuntimeError("power cut"), "*": really})
    with pytest.raises(RuntimeError):
        taker.take(commands)
    assert not taker.destination.exists()
    commands.script = {"*": really}
    taker.take(commands)
    assert commands.keys == [f"{KEY}/pg_dump#1", f"{KEY}/pg_restore#1.1"]
    assert [path.name for path in taker.destination.parent.iterdir()] == ["v1.0.0"]


def test_a_dump_that_is_called_off_is_ended(taker: Taker, tmp_path: Path) -> None:
    def enough(_seconds: float) -> None:
        time.sleep(0.01)
        if dumping(taker.destination.parent):
            raise TimedOut("enough", state="", remedy="")

    with holding_up(taker.urls):
        commands = ShimCommands(tmp_path / "commands", enough)
        with pytest.raises(TimedOut, match="enough"):
            taker.take(commands)
        assert until(lambda: dumping(taker.destination.parent) is None)


def test_a_dump_without_end_is_ended_in_time(taker: Taker, tmp_path: Path) -> None:
    with holding_up(taker.urls), pytest.raises(TimedOut, match=r"no end within 0\.5 s"):
        taker.take(shim(tmp_path), seconds=0.5)
    assert not taker.destination.exists()


@pytest.mark.parametrize("harm", ["short", "garbled", "missing"])
def test_a_dump_that_is_not_whole_is_never_a_backup(taker: Taker, harm: str) -> None:
    def spoil(command: Command) -> Ended:
        ended = really(command)
        trial = Path(next(word for word in command.argv if word.startswith("--file="))[7:])
        data = max(trial.glob("*.dat.gz"))
        match harm:
            case "short":
                data.write_bytes(data.read_bytes()[:-4])
            case "garbled":
                data.write_bytes(gzip.compress(b"x")[:-8] + bytes(8))
            case "missing":
                data.unlink()
        return ended

    with pytest.raises(Unavailable, match=r"\d+\.dat\.gz is (truncated|missing)") as refused:
        taker.take(ScriptedCommands({"*pg_dump*": spoil, "*": really}))
    assert "production was not touched" in refused.value.state
    assert not taker.destination.exists()


def test_an_unreadable_table_of_contents_is_no_backup(taker: Taker) -> None:
    def spoil(command: Command) -> Ended:
        (Path(command.argv[-1]) / "toc.dat").write_bytes(b"PGDMP")
        return really(command)

    with pytest.raises(Unavailable, match="pg_restore --list ended with"):
        taker.take(ScriptedCommands({"*pg_restore*": spoil, "*": really}))


def test_rows_that_the_role_may_not_see_are_no_backup(
    taker: Taker, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    with psycopg.connect(postgres_server.superuser_url(taker.urls.migration.rpartition("/")[2])) as superuser:
        superuser.execute("GRANT SELECT ON accounts, moves TO test_app")
        superuser.execute("ALTER TABLE accounts ENABLE ROW LEVEL SECURITY")
    blind = Taker(DatabaseUrls(taker.urls.service, taker.urls.service), taker.destination)
    with pytest.raises(Unavailable, match="may not see all rows") as refused:
        blind.take(shim(tmp_path))
    assert "BYPASSRLS" in refused.value.remedy


def test_a_full_disk_is_told_with_what_is_free_and_what_is_needed(taker: Taker) -> None:
    full = Ended(1, timed_out=False, seconds=1.0, output="pg_dump: error: could not write: No space left on device\n")
    with pytest.raises(Unavailable, match=r"[\d,.]+ MB are free in .*, and the database takes up [\d.]+ MB"):
        taker.take(ScriptedCommands({"*": full}))


def test_too_little_space_is_told_before_anything_runs(taker: Taker, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(
        shutil, "disk_usage", lambda _path: usage._replace(free=1_000_000)
    )  # a disk cannot be filled here
    commands = ScriptedCommands()
    with pytest.raises(Unavailable, match=r"1\.0 MB are free") as refused:
        taker.take(commands)
    assert "production was not touched" in refused.value.state
    assert commands.ran == []


def test_a_wrong_password_is_told_and_not_shown(taker: Taker, tmp_path: Path) -> None:
    wrong = re.sub(r":[^:@]+@", ":hunter2@", taker.urls.migration)
    with pytest.raises(Unavailable, match="refuses the password") as refused:
        Taker(DatabaseUrls(taker.urls.service, wrong), taker.destination).take(shim(tmp_path))
    assert "hunter2" not in str(refused.value)


def test_a_password_changed_on_the_way_is_told_and_not_shown(taker: Taker, postgres_server: PostgresServer) -> None:
    with psycopg.connect(postgres_server.superuser_url(), autocommit=True) as superuser:
        superuser.execute("CREATE ROLE rotated LOGIN SUPERUSER PASSWORD 'hunter2'")
        url = re.sub(r"//[^@]+@", "//rotated:hunter2@", taker.urls.migration)

        def rotate() -> None:
            superuser.execute("ALTER ROLE rotated PASSWORD 'other'")

        commands = ScriptedCommands({"*": first(rotate)})
        try:
            with pytest.raises(Unavailable, match="password authentication failed") as refused:
                Taker(DatabaseUrls(url, url), taker.destination).take(commands)
        finally:
            superuser.execute("DROP ROLE rotated")
    assert "hunter2" not in str(refused.value)
    assert commands.ran[0].secrets == ("hunter2",)  # so that it is redacted in whatever pg_dump says


def test_the_password_is_in_no_file_and_no_process_table(taker: Taker, tmp_path: Path) -> None:
    password = taker.urls.migration.split(":")[2].split("@")[0].encode()
    with ThreadPoolExecutor() as threads:
        with holding_up(taker.urls):
            taking = threads.submit(taker.take, shim(tmp_path))
            until(lambda: dumping(taker.destination.parent))
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):
                    assert password not in path.read_bytes()
        taking.result()
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and password in path.read_bytes()]
