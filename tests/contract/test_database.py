"""What every database of an environment promises: ours, somebody else's, and the fake."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.fakes.database import FakeDatabase
from tests.postgres_server import PostgresServer, ScriptedCommands, really, running

from goaround.adapters.postgres.external import ExternalPostgres
from goaround.domain.errors import Unavailable
from goaround.ports import Database, Ended

KEY = "v1.0.0/production/backup#1"


@dataclass(frozen=True)
class Subject:
    database: Database
    down: Callable[[], AbstractContextManager[None]]


@contextmanager
def port_taken(server: PostgresServer) -> Iterator[None]:
    """The server stopped, and a stranger on its port who never says a word."""
    server.embedded.stop()
    place = server.urls.service.split("@")[1].split("/")[0]
    host, _, port = place.partition(":")
    with socket.create_server((host, int(port))):
        yield
    server.embedded.ensure()


@contextmanager
def stopped(server: PostgresServer) -> Iterator[None]:
    server.embedded.stop()
    yield
    server.embedded.ensure()


@contextmanager
def switched_off(fake: FakeDatabase) -> Iterator[None]:
    fake.down = "has nobody listening"
    yield
    fake.down = ""


@pytest.fixture(scope="module")
def own_server() -> Iterator[PostgresServer]:
    """Not the session's: it gets stopped."""
    with running() as server:
        yield server


@pytest.fixture(params=["fake", "embedded", "external"])
def subject(request: pytest.FixtureRequest) -> Subject:
    match request.param:
        case "fake":
            fake = FakeDatabase("test")
            return Subject(fake, lambda: switched_off(fake))
        case "embedded":
            own: PostgresServer = request.getfixturevalue("own_server")
            return Subject(own.embedded, lambda: port_taken(own))
    old: PostgresServer = request.getfixturevalue("postgres_15")
    external = ExternalPostgres("test", old.urls.service, old.urls.migration)
    return Subject(external, lambda: stopped(old))


def commands(**script: Ended) -> ScriptedCommands:
    return ScriptedCommands({**{f"*{name}*": ended for name, ended in script.items()}, "*": really})


def nothing(_offset: int, _text: str) -> None:
    return


def test_it_answers_with_the_same_urls_each_time(subject: Subject) -> None:
    urls = subject.database.ensure()
    assert subject.database.ensure() == urls
    assert f"//{urls.service_role}:" in urls.service
    assert urls.service_role not in urls.migration
    assert urls.service.split("@")[1] not in repr(urls)


def test_it_knows_its_size(subject: Subject) -> None:
    assert subject.database.size_bytes() > 1_000_000


def test_a_database_that_is_down_says_so_and_comes_back(subject: Subject) -> None:
    urls = subject.database.ensure()
    with subject.down():
        with pytest.raises(Unavailable):
            subject.database.ensure()
        with pytest.raises(Unavailable):
            subject.database.size_bytes()
    assert subject.database.ensure() == urls


def test_a_backup_is_whole_and_knows_what_it_is(subject: Subject, tmp_path: Path) -> None:
    taken = subject.database.backup(tmp_path / "backups" / "v1.0.0", KEY, commands(), nothing)
    assert taken.path == tmp_path / "backups" / "v1.0.0"
    assert taken.digest.startswith("sha256:")
    assert taken.size_bytes > 0
    assert int(taken.server_version.split(".")[0]) >= 15
    assert [path.name for path in taken.path.parent.iterdir()] == ["v1.0.0"]


def test_a_backup_that_is_there_is_not_taken_again(subject: Subject, tmp_path: Path) -> None:
    taken = subject.database.backup(tmp_path / "v1.0.0", KEY, commands(), nothing)
    again = commands()
    with subject.down():
        assert subject.database.backup(tmp_path / "v1.0.0", "v1.0.0/production/backup#2", again, nothing) == taken
    assert again.ran == []


@pytest.mark.parametrize("how", ["altered", "removed", "added", "manifest"])
def test_a_backup_that_was_altered_is_refused_and_left_alone(subject: Subject, tmp_path: Path, how: str) -> None:
    path = subject.database.backup(tmp_path / "v1.0.0", KEY, commands(), nothing).path
    match how:
        case "altered":
            (path / "toc.dat").write_bytes((path / "toc.dat").read_bytes() + b" ")
        case "removed":
            (path / "toc.dat").unlink()
        case "added":
            (path / "more.dat").touch()
        case "manifest":
            (path / "backup.json").write_text("{}")
    before = sorted(path.iterdir())
    again = commands()
    with pytest.raises(Unavailable, match="is not what was taken"):
        subject.database.backup(tmp_path / "v1.0.0", KEY, again, nothing)
    assert again.ran == []
    assert sorted(path.iterdir()) == before


def test_a_dump_that_fails_leaves_nothing_at_the_destination(subject: Subject, tmp_path: Path) -> None:
    failing = commands(pg_dump=Ended(1, timed_out=False, seconds=0.1, output="pg_dump: error: out of luck\n"))
    heard: list[str] = []
    with pytest.raises(Unavailable, match="out of luck") as refused:
        subject.database.backup(tmp_path / "v1.0.0", KEY, failing, lambda _offset, text: heard.append(text))
    assert "test was not touched" in refused.value.state
    assert not (tmp_path / "v1.0.0").exists()
    assert "out of luck" in "".join(heard)
    assert failing.keys == [f"{KEY}/pg_dump#1"]


def test_a_failed_dump_is_followed_by_another_attempt(subject: Subject, tmp_path: Path) -> None:
    failing = commands(pg_dump=Ended(1, timed_out=False, seconds=0.1, output="out of luck"))
    with pytest.raises(Unavailable):
        subject.database.backup(tmp_path / "v1.0.0", KEY, failing, nothing)
    taken = subject.database.backup(tmp_path / "v1.0.0", "v1.0.0/production/backup#2", commands(), nothing)
    assert [path.name for path in tmp_path.iterdir()] == [taken.path.name]
