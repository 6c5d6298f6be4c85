"""A database that somebody else runs says in one sentence what is wrong with it, and never its password."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import psycopg
import pytest
from tests.postgres_server import PostgresServer

from goaround.adapters.postgres import connection
from goaround.adapters.postgres.binaries import client_tools, server_programs
from goaround.adapters.postgres.external import ExternalPostgres
from goaround.domain.errors import Unavailable
from goaround.ports import DatabaseUrls


@pytest.fixture
def nobody() -> Iterator[int]:
    """A port where nobody listens, and nobody else begins to."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def refusal(url: str) -> Unavailable:
    with pytest.raises(Unavailable) as refused:
        ExternalPostgres("production", url, url).ensure()
    return refused.value


def test_nobody_listens(nobody: int) -> None:
    what = refusal(f"postgresql://me:hunter2@127.0.0.1:{nobody}/shop").what
    assert f"the database shop at 127.0.0.1:{nobody} has nobody listening" in what
    assert "hunter2" not in what


def test_a_wrong_password(fresh_database: DatabaseUrls) -> None:
    password = fresh_database.service.split(":")[2].split("@")[0]
    refused = refusal(fresh_database.service.replace(password, "hunter2"))
    assert "refuses the password of role test_app" in refused.what
    assert "hunter2" not in str(refused)


def test_no_such_database(fresh_database: DatabaseUrls) -> None:
    assert "the database nowhere at " in refusal(fresh_database.service.rpartition("/")[0] + "/nowhere").what
    assert "does not exist" in refusal(fresh_database.service.rpartition("/")[0] + "/nowhere").what


def test_a_server_without_tls(fresh_database: DatabaseUrls) -> None:
    assert "cannot be reached through TLS" in refusal(fresh_database.service + "?sslmode=require").what


def test_a_host_without_an_address() -> None:
    assert "has no address" in refusal("postgresql://me:hunter2@nowhere.invalid/shop").what


@pytest.mark.parametrize("url", ["http://hunter2", "hunter2", "host=x hunter2"])
def test_what_is_no_url_is_not_repeated(url: str) -> None:
    refused = refusal(url)
    assert "not one that PostgreSQL understands" in refused.what
    assert "hunter2" not in str(refused)


def test_a_server_that_is_too_old(fresh_database: DatabaseUrls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "OLDEST_MAJOR", 99)  # stands in for the PostgreSQL 14 that is not here
    assert "is PostgreSQL 18" in refusal(fresh_database.service).what


def test_two_urls_that_lead_to_different_databases(
    postgres_server: PostgresServer, fresh_database: DatabaseUrls
) -> None:
    with pytest.raises(Unavailable, match="lead to different databases"):
        ExternalPostgres("production", fresh_database.service, postgres_server.urls.migration).ensure()


def test_a_server_without_a_connection_left(postgres_server: PostgresServer, fresh_database: DatabaseUrls) -> None:
    role = fresh_database.service_role
    with psycopg.connect(postgres_server.superuser_url(), autocommit=True) as superuser:
        superuser.execute(f"ALTER ROLE {role} CONNECTION LIMIT 0")
        try:
            assert "has no connection left" in refusal(fresh_database.service).what
        finally:
            superuser.execute(f"ALTER ROLE {role} CONNECTION LIMIT -1")


def test_client_tools_are_of_the_servers_version() -> None:
    tools = client_tools(18)
    assert tools.major == 18
    assert tools["pg_restore"].exists()


def test_missing_client_tools_are_named() -> None:
    with pytest.raises(Unavailable, match=r"PostgreSQL 42, and there is no pg_dump .* here \(found .*18") as refused:
        client_tools(42)
    assert "postgresql-client-42" in refused.value.remedy
    with pytest.raises(Unavailable, match=r"PostgreSQL 15 or newer here \(found none\)"):
        server_programs(among=[])
