"""The versions differ as they say, and each misbehaving one misbehaves just so."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from apps.neotoma.history import build
from apps.neotoma.tests.support import Database, Service, migrate, serving, started
from apps.neotoma.tests.support_kit import validate

Trees = Callable[[str], Path]
PRODUCTION = {"NEOTOMA_ENVIRONMENT": "production", "FAULT_AFTER": "0"}


def up(tree: Path, database: Database) -> None:
    migrated = migrate(tree, database, "up")
    assert migrated.returncode == 0, migrated.stderr


@pytest.mark.parametrize("name", build.GOOD)
def test_a_good_version_passes_its_own_validation(tree: Trees, database: Database, tmp_path: Path, name: str) -> None:
    up(tree(name), database)
    with serving(tree(name), database, tmp_path) as service:
        assert service.client.get("/health").json()["version"] == name
        for suite in ("smoke", "integration", "mcp_probe"):
            run = validate(tree(name), suite, service, "--junit", str(tmp_path / "report.xml"))
            assert run.returncode == 0, run.stdout + run.stderr
            assert 'failures="0"' in (tmp_path / "report.xml").read_text()
        assert service.client.get("/api/sources").json() == {"sources": [], "next": None}
        assert database.query("SELECT count(*) FROM sources") == [(0,)]


@pytest.mark.parametrize(
    ("name", "schema_of", "reason"),
    [
        ("v1.0.0", "v0.9.0", 'relation "users" does not exist'),
        ("v1.0.0", "v1.1.0", 'column "name" does not exist'),
        ("v1.1.0", "v1.0.0", 'column "file_name" does not exist'),
    ],
)
def test_a_version_on_a_schema_that_does_not_suit_it_is_not_healthy(
    tree: Trees, database: Database, tmp_path: Path, name: str, schema_of: str, reason: str
) -> None:
    up(tree(schema_of), database)
    with serving(tree(name), database, tmp_path) as service:
        health = service.client.get("/health")
        assert health.status_code == 503
        assert health.json()["reason"] == f"{name} cannot work on this schema: {reason}"
        assert service.upload("a.txt", b"text").status_code == 503
        assert validate(tree(name), "smoke", service).returncode == 1


def test_the_version_before_serves_on_while_a_migration_stands_half_way(
    tree: Trees, database: Database, tmp_path: Path
) -> None:
    up(tree("v1.0.0"), database)
    with serving(tree("v1.0.0"), database, tmp_path) as service:
        assert migrate(tree("v1.1.0-migration-concurrent"), database, "up").returncode == 1
        health = service.client.get("/health")
        assert (health.status_code, health.json()["schema"]) == (200, "0009-partial")
        assert validate(tree("v1.0.0"), "smoke", service).returncode == 0


def test_the_unhealthy_one_serves_but_says_503(tree: Trees, database: Database, tmp_path: Path) -> None:
    up(tree("v1.1.0-unhealthy"), database)
    with serving(tree("v1.1.0-unhealthy"), database, tmp_path) as service:
        assert service.client.get("/health").status_code == 503
        assert service.client.get("/api/sources").status_code == 200


def test_the_crashing_one_ends_while_starting(tree: Trees, database: Database, tmp_path: Path) -> None:
    with started(tree("v1.1.0-crash"), database.url("app"), tmp_path) as service:
        assert service.process.wait(timeout=30) == 1
        assert "this version is made to fail" in service.errors()


def test_the_hanging_one_never_answers_health(tree: Trees, database: Database, tmp_path: Path) -> None:
    up(tree("v1.1.0-hang"), database)
    with serving(tree("v1.1.0-hang"), database, tmp_path) as service:
        with pytest.raises(httpx.ReadTimeout):
            service.client.get("/health", timeout=1.5)
        assert service.client.get("/api/sources").status_code == 200


def test_the_failing_one_fails_3_of_20_and_only_then_and_there(tree: Trees, database: Database, tmp_path: Path) -> None:
    faulty = tree("v1.1.0-errors")
    up(faulty, database)
    with serving(faulty, database, tmp_path, **PRODUCTION) as service:
        found = [service.client.get("/api/sources").status_code for _ in range(40)]
        assert [number for number, status in enumerate(found) if status == 500] == [0, 7, 13, 20, 27, 33]
        assert {service.client.get("/health").status_code for _ in range(20)} == {200}
        assert 'method="GET",route="/api/sources",status="500"} 6' in service.client.get("/metrics").text
    for environment in ({"NEOTOMA_ENVIRONMENT": "staging", "FAULT_AFTER": "0"}, {"NEOTOMA_ENVIRONMENT": "production"}):
        with serving(faulty, database, tmp_path, **environment) as service:
            assert {service.client.get("/api/search?q=a").status_code for _ in range(40)} == {200}


def test_the_slow_one_grows_slower_by_the_second(tree: Trees, database: Database, tmp_path: Path) -> None:
    faulty = tree("v1.1.0-slow")
    up(faulty, database)

    def seconds(service: Service) -> float:
        begun = time.perf_counter()
        assert service.client.get("/api/sources").status_code == 200
        return time.perf_counter() - begun

    with serving(faulty, database, tmp_path, **PRODUCTION) as service, ThreadPoolExecutor(1) as thread:
        first = thread.submit(seconds, service)
        time.sleep(1)
        assert seconds(service) - first.result() > 0.7
        assert service.client.get("/health").elapsed.total_seconds() < 1
    with serving(faulty, database, tmp_path, NEOTOMA_ENVIRONMENT="staging", FAULT_AFTER="0") as service:
        time.sleep(1)
        assert seconds(service) < 0.9


@pytest.mark.parametrize("name", build.versions())
def test_a_version_reaches_the_schema_its_history_tells(tree: Trees, database: Database, name: str) -> None:
    told = build.version(name)
    migrate(tree(name), database, "up")
    assert migrate(tree(name), database, "current").stdout.strip() == told.schema
    assert f'"{name}"' in told.tree["src/neotoma/version.py"].decode()
    assert f'version = "{name}"' in told.tree[f"releases/{name}/manifest.toml"].decode()
