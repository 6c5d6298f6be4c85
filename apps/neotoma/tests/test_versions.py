"""The versions differ as they say, and each misbehaving one misbehaves just so."""

import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from apps.neotoma.history import build
from apps.neotoma.tests.support import Database, Service, migrate, serving, started, within

Trees = Callable[[str], Path]
PRODUCTION = {"NEOTOMA_ENVIRONMENT": "production", "FAULT_AFTER": "0"}


def validate(tree: Path, suite: str, service: Service, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-S", str(tree / "tests" / f"{suite}.py"), "--base-url", service.url, *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def up(tree: Path, database: Database) -> None:
    assert migrate(tree, database, "up").returncode == 0


@pytest.mark.parametrize("name", build.GOOD)
def test_a_good_version_passes_its_own_validation(tree: Trees, database: Database, tmp_path: Path, name: str) -> None:
    up(tree(name), database)
    with serving(tree(name), database, tmp_path) as service:
        assert service.client.get("/health").json()["version"] == name
        for suite in ("smoke", "integration"):
            run = validate(tree(name), suite, service, "--junit", str(tmp_path / "report.xml"))
            assert run.returncode == 0, run.stdout + run.stderr
            assert 'failures="0"' in (tmp_path / "report.xml").read_text()
        assert service.client.get("/documents").json() == {"documents": []}


def test_the_version_before_serves_on_the_expanded_schema(tree: Trees, database: Database, tmp_path: Path) -> None:
    up(tree("v0.9.0"), database)
    with serving(tree("v0.9.0"), database, tmp_path) as old:
        kept = old.upload("kept.txt", b"Pangolins: 3").json()["id"]
        assert "title" not in old.client.get(f"/documents/{kept}").json()
        up(tree("v1.0.0"), database)
        assert validate(tree("v0.9.0"), "integration", old).returncode == 0
        with serving(tree("v1.0.0"), database, tmp_path) as new:
            titled = new.upload("titled.txt", b"A title\nPangolin").json()["id"]
            hits = new.client.get("/search?q=pangolins").json()["results"]
            assert [(hit["id"], hit["title"]) for hit in hits] == [(titled, "A title"), (kept, "kept.txt")]
        assert [hit["id"] for hit in old.client.get("/search?q=angoli").json()["results"]] == [titled, kept]
        assert migrate(tree("v1.0.0"), database, "down", "--to", "0001").returncode == 0
        assert validate(tree("v0.9.0"), "smoke", old).returncode == 0


@pytest.mark.parametrize(
    ("name", "schema_of", "reason"),
    [
        ("v1.0.0", "v0.9.0", "column d.title does not exist"),
        ("v1.0.0", "v1.1.0", "column d.body does not exist"),
        ("v1.1.0", "v1.0.0", "column d.content does not exist"),
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
        assert (health.status_code, health.json()["schema"]) == (200, "0003-partial")
        assert validate(tree("v1.0.0"), "smoke", service).returncode == 0


def test_the_unhealthy_one_serves_but_says_503(tree: Trees, database: Database, tmp_path: Path) -> None:
    up(tree("v1.1.0-unhealthy"), database)
    with serving(tree("v1.1.0-unhealthy"), database, tmp_path) as service:
        assert service.client.get("/health").status_code == 503
        assert service.client.get("/documents").status_code == 200


def test_the_crashing_one_ends_while_starting(tree: Trees, database: Database, tmp_path: Path) -> None:
    with started(tree("v1.1.0-crash"), database.url("app"), tmp_path) as service:
        _, errors = service.process.communicate(timeout=20)
        assert service.process.returncode == 1
        assert "this version is made to fail" in errors


def test_the_hanging_one_never_answers_health(tree: Trees, database: Database, tmp_path: Path) -> None:
    up(tree("v1.1.0-hang"), database)
    with serving(tree("v1.1.0-hang"), database, tmp_path) as service:
        with pytest.raises(httpx.ReadTimeout):
            service.client.get("/health", timeout=1.5)
        assert service.client.get("/documents").status_code == 200


def test_the_failing_one_fails_3_of_20_and_only_then_and_there(tree: Trees, database: Database, tmp_path: Path) -> None:
    faulty = tree("v1.1.0-errors")
    up(faulty, database)
    with serving(faulty, database, tmp_path, **PRODUCTION) as service:
        found = [service.client.get("/documents").status_code for _ in range(40)]
        assert [number for number, status in enumerate(found) if status == 500] == [0, 7, 13, 20, 27, 33]
        assert {service.client.get("/health").status_code for _ in range(20)} == {200}
        assert 'method="GET",route="/documents",status="500"} 6' in service.client.get("/metrics").text
    for environment in ({"NEOTOMA_ENVIRONMENT": "staging", "FAULT_AFTER": "0"}, {"NEOTOMA_ENVIRONMENT": "production"}):
        with serving(faulty, database, tmp_path, **environment) as service:
            assert {service.client.get("/search?q=a").status_code for _ in range(40)} == {200}


def test_the_slow_one_grows_slower_by_the_second(tree: Trees, database: Database, tmp_path: Path) -> None:
    faulty = tree("v1.1.0-slow")
    up(faulty, database)

    def seconds(service: Service) -> float:
        begun = time.perf_counter()
        assert service.client.get("/documents").status_code == 200
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


def test_a_smoke_test_of_nothing_fails(tree: Trees) -> None:
    nowhere = Service.__new__(Service)
    nowhere.url = "http://127.0.0.1:1"
    run = validate(tree(build.CURRENT), "smoke", nowhere)
    assert run.returncode == 1
    assert run.stdout.count("FAILED") == 2


def test_a_smoke_test_cleans_up_when_it_fails(tree: Trees, database: Database, tmp_path: Path) -> None:
    up(tree("v0.9.0"), database)
    with serving(tree("v0.9.0"), database, tmp_path) as service:
        broken = tmp_path / "tests"
        broken.mkdir()
        for name in ("smoke.py", "checks.py"):
            text = (tree("v0.9.0") / "tests" / name).read_text()
            (broken / name).write_text(text.replace('"line 1"', '"line 9"'))
        assert validate(tmp_path, "smoke", service).returncode == 1
        within(1, lambda: service.client.get("/documents").json() == {"documents": []})
