"""Health, metrics, logs, headers and how the service starts: what operators and a release controller stand on."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from apps.neotoma.tests import support_exposition as exposition
from apps.neotoma.tests.support import Database, Server, Service, migrate, running_server, serving, started, within
from apps.neotoma.tests.support_arrival import HERE, migrated

from neotoma import metrics
from neotoma.version import VERSION

TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture(scope="module")
def memory(server: Server) -> Database:
    return migrated(server)


@pytest.fixture(scope="module")
def service(memory: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(HERE, memory, tmp_path_factory.mktemp("logs")) as running:
        yield running


def scraped(service: Service) -> dict[str, exposition.Family]:
    answer = httpx.get(f"{service.url}/metrics", timeout=60)
    assert answer.headers["content-type"] == metrics.CONTENT_TYPE
    return exposition.read(answer.text)


def test_health_tells_of_every_part(service: Service) -> None:
    answer = httpx.get(f"{service.url}/health", timeout=60)
    ocr = shutil.which("tesseract") is not None
    told = {"status": "ok", "version": VERSION, "schema": "0008", "storage": "ok", "ocr": ocr}
    assert (answer.status_code, answer.json()) == (200, told)
    assert httpx.get(f"{service.url}/health/live", timeout=60).json() == {"status": "ok", "version": VERSION}


def test_a_schema_that_does_not_suit_is_not_healthy_and_says_why(server: Server, tmp_path: Path) -> None:
    database = migrated(server)
    database.query("ALTER TABLE sources RENAME COLUMN name TO file_name")
    with serving(HERE, database, tmp_path) as service:
        health = httpx.get(f"{service.url}/health", timeout=60)
        assert health.status_code == 503
        assert health.json()["reason"] == f'{VERSION} cannot work on this schema: column "name" does not exist'
        assert httpx.get(f"{service.url}/health/live", timeout=60).status_code == 200
        assert service.upload("a.txt", b"text").status_code == 503
        database.query("ALTER TABLE sources RENAME COLUMN file_name TO name")
        assert httpx.get(f"{service.url}/health", timeout=60).status_code == 200


def test_no_schema_but_its_own_is_healthy(server: Server, tmp_path: Path) -> None:
    database = migrated(server)
    with serving(HERE, database, tmp_path) as service:
        for version, said in (
            ("0007", 'relation "merges" does not exist'),
            ("0006", 'relation "merges" does not exist'),
            ("0005", 'relation "sessions" does not exist'),
            ("0001", 'relation "users" does not exist'),
        ):
            assert migrate(HERE, database, "down", "--to", version).returncode == 0
            health = httpx.get(f"{service.url}/health", timeout=60)
            assert (health.status_code, health.json()["schema"]) == (503, version)
            assert health.json()["reason"] == f"{VERSION} cannot work on this schema: {said}"
        assert migrate(HERE, database, "up").returncode == 0
        assert httpx.get(f"{service.url}/health", timeout=60).status_code == 200


def test_health_fails_while_the_role_may_not_serve(tmp_path: Path) -> None:
    with running_server() as server:
        database = server.database()
        assert migrate(HERE, database, "up", APP_ROLE="").returncode == 0
        with serving(HERE, database, tmp_path) as service:
            health = httpx.get(f"{service.url}/health", timeout=60)
            assert health.status_code == 503
            assert "APP_ROLE" in health.json()["reason"]


def test_it_starts_without_a_database_says_so_and_recovers(tmp_path: Path) -> None:
    with running_server() as server:
        database = migrated(server)
        server.stop()
        with serving(HERE, database, tmp_path) as service:
            health = httpx.get(f"{service.url}/health", timeout=60)
            assert (health.status_code, health.json()["reason"]) == (503, "the database does not answer")
            assert health.elapsed.total_seconds() < 5
            refused = service.upload("a.txt", b"text")
            assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable")
            server.start()
            within(10, lambda: httpx.get(f"{service.url}/health", timeout=60).status_code == 200)
            assert service.upload("a.txt", b"text").status_code == 201
            server.stop()
            server.start()
            assert service.upload("b.txt", b"more").status_code == 201


def test_connections_that_have_gone_silent_keep_nobody_waiting(server: Server, tmp_path: Path) -> None:
    database = migrated(server)
    with serving(HERE, database, tmp_path) as service:
        theirs = "SELECT pid FROM pg_stat_activity WHERE usename = 'app' AND datname = current_database()"
        silent = [pid for (pid,) in database.query(theirs)]
        for pid in silent:
            os.kill(pid, signal.SIGSTOP)
        try:
            answers = [service.client.get("/api/sources") for _ in silent]
            assert {answer.status_code for answer in answers} <= {200, 503}
            assert max(answer.elapsed.total_seconds() for answer in answers) < 4
            assert service.client.get("/api/sources").status_code == 200
        finally:
            for pid in silent:
                os.kill(pid, signal.SIGCONT)


def test_a_storage_that_cannot_be_written_is_not_healthy_and_takes_nothing(memory: Database, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with serving(HERE, memory, tmp_path, NEOTOMA_STORAGE=str(tmp_path / "file")) as service:
        health = httpx.get(f"{service.url}/health", timeout=60)
        assert (health.status_code, health.json()["reason"]) == (503, "the storage cannot be written to")
        assert str(tmp_path) not in health.text
        refused = service.upload("a.txt", uuid.uuid4().bytes)
        assert (refused.status_code, refused.json()["code"]) == (503, "storage_unavailable")
    assert service.errors() == ""


def test_uploads_are_counted_by_outcome_and_measured(service: Service) -> None:
    before, content = scraped(service), uuid.uuid4().hex.encode()
    for name, body in (("a.txt", content), ("b.txt", content), ("c.exe", content)):
        service.upload(name, body)
    after = scraped(service)
    for outcome, more in (("new", 1), ("known", 1), ("refused", 1), ("processing", 0), ("failed", 0)):
        labels = {"version": VERSION, "outcome": outcome}
        grown = [families["neotoma_uploads_total"].value(**labels) for families in (before, after)]
        assert grown[1] - grown[0] == more, outcome
    for name in ("upload", "extraction", "search"):
        family = after[f"neotoma_{name}_seconds"]
        for bound in (0.5, 5, 10, 20, 30, 60):
            assert any(float(dict(labels).get("le", 0)) == bound for _, labels in family.samples), (name, bound)
    assert after["neotoma_upload_seconds"].value("_count") - before["neotoma_upload_seconds"].value("_count") == 3


def test_searches_are_measured_by_themselves(service: Service) -> None:
    before = scraped(service)["neotoma_search_seconds"].value("_count")
    assert service.client.get("/api/search?q=ada").status_code == 200
    assert scraped(service)["neotoma_search_seconds"].value("_count") == before + 1


def test_requests_are_counted_by_route_and_status_never_by_address(service: Service) -> None:
    id = service.upload("m.txt", uuid.uuid4().hex.encode()).json()["id"]
    service.client.get(f"/api/sources/{id}")
    service.client.get("/nowhere/private-address")
    service.client.request("PRIVATE", "/health")
    text = httpx.get(f"{service.url}/metrics", timeout=60).text
    requests = exposition.read(text)["neotoma_requests_total"]
    assert requests.value(method="GET", route="/api/sources/{id}", status="200") >= 1
    assert requests.value(method="POST", route="/api/sources", status="201") >= 1
    assert requests.value(method="GET", route="unmatched", status="404") >= 1
    assert requests.value(method="other", route="/health", status="405") >= 1
    assert id not in text
    assert "private" not in text.lower()


def test_what_is_wrong_with_the_graph_is_a_gauge(service: Service) -> None:
    within(10, lambda: "neotoma_graph_orphans" in httpx.get(f"{service.url}/metrics", timeout=60).text)
    families = scraped(service)
    assert families["neotoma_graph_orphans"].value() == 0
    assert families["neotoma_graph_cycles"].value() == 0
    assert families["neotoma_graph_checked_timestamp_seconds"].value() > 1.7e9


def test_what_nobody_can_tell_of_the_graph_is_absent_and_never_0(server: Server, tmp_path: Path) -> None:
    with serving(HERE, server.database(), tmp_path) as service:
        within(10, lambda: any(line["event"] == "graph_unknown" for line in service.log()))
        assert not [name for name in scraped(service) if "graph" in name]


def test_every_answer_has_its_headers(service: Service) -> None:
    for method, address, status in (
        ("GET", "/health", 200),
        ("GET", "/nowhere", 404),
        ("PATCH", "/api/sources", 405),
        ("GET", "/api/sources?limit=x", 422),
    ):
        answer = service.client.request(method, address)
        assert answer.status_code == status
        assert answer.headers["x-neotoma-version"] == VERSION
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"] == (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
            "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
        if status >= 400:
            assert set(answer.json()) == {"code", "message", "details", "trace_id"}


@pytest.mark.parametrize(
    ("sent", "taken"),
    [
        (f"00-{TRACE}-b7ad6b7169203331-01", True),
        (f"cc-{TRACE}-b7ad6b7169203331-01-future", True),
        (f"00-{'0' * 32}-b7ad6b7169203331-01", False),
        (f"00-{TRACE}-{'0' * 16}-01", False),
        (f"ff-{TRACE}-b7ad6b7169203331-01", False),
        (f"00-{TRACE.upper()}-b7ad6b7169203331-01", False),
        (TRACE, False),
        ("", False),
    ],
)
def test_the_trace_id_of_a_caller_is_taken_over_if_it_is_one(service: Service, sent: str, taken: bool) -> None:
    answer = httpx.get(f"{service.url}/nowhere", headers={"traceparent": sent}, timeout=60)
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-trace-id"])
    assert (answer.headers["x-trace-id"] in sent) == taken
    assert answer.json()["trace_id"] == answer.headers["x-trace-id"]


def test_the_log_is_json_without_names_queries_addresses_or_tokens(service: Service) -> None:
    id = service.upload("private-name.txt", b"private-content").json()["id"]
    service.upload("private-name.pdf", b"private-content, no PDF")
    service.client.get("/api/search?q=private-query")
    service.client.get("/private-address")
    lines = [line for line in service.log() if line["event"] == "request"]
    assert all(
        line.keys() == {"at", "version", "event", "trace_id", "method", "route", "status", "ms"} for line in lines
    )
    text = json.dumps(service.log()) + service.errors()
    assert "private" not in text
    assert id not in text
    assert service.client.headers["authorization"].split()[1] not in text


def served(**environment: str) -> subprocess.CompletedProcess[str]:
    port = environment.pop("port", "1")
    command = [sys.executable, "-m", "neotoma", "serve", "--port", port]
    variables = {"PATH": os.environ["PATH"], "PYTHONPATH": str(HERE / "src")} | environment
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=20)


def test_what_is_not_set_is_named(tmp_path: Path) -> None:
    known = {"DATABASE_URL": "postgresql:///none", "NEOTOMA_STORAGE": str(tmp_path)}
    for missing, said in (
        ({"DATABASE_URL": ""}, "No database: set DATABASE_URL.\n"),
        ({"NEOTOMA_STORAGE": ""}, "No storage: set NEOTOMA_STORAGE to a folder that outlives this process.\n"),
        ({"NEOTOMA_WORKERS": "none"}, "NEOTOMA_WORKERS is 'none': set a number above 0, such as 2.\n"),
    ):
        run = served(**(known | missing))
        assert (run.returncode, run.stderr) == (2, said)


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http"])
def test_what_is_no_port_is_told(port: str) -> None:
    run = served(port=port)
    assert (run.returncode, run.stderr.splitlines()[-1].partition("error: ")[2]) == (
        2,
        f"argument --port: invalid port value: '{port}'",
    )


def test_a_port_in_use_ends_the_process(service: Service, tmp_path: Path) -> None:
    port = str(httpx.URL(service.url).port)
    run = served(port=port, DATABASE_URL="postgresql:///none", NEOTOMA_STORAGE=str(tmp_path))
    assert run.returncode == 3
    assert "address already in use" in run.stderr


def test_an_unreachable_database_does_not_show_its_url(tmp_path: Path) -> None:
    with started(HERE, "postgresql://u:hush@127.0.0.1:1/x", tmp_path) as service:
        within(20, lambda: httpx.get(f"{service.url}/health", timeout=60).status_code == 503, httpx.TransportError)
        assert "hush" not in httpx.get(f"{service.url}/health", timeout=60).text
        service.process.terminate()
        assert service.process.wait(20) == 0
        assert "hush" not in service.errors() + service.logs.read_text()


def test_the_service_is_nobody_who_could_own_or_see_all(service: Service, memory: Database) -> None:
    assert service.client.get("/health").status_code == 200
    with psycopg.connect(memory.url("app"), autocommit=True) as connection:
        row = connection.execute("SELECT rolsuper, rolbypassrls, rolcreaterole FROM pg_roles WHERE rolname = 'app'")
        assert row.fetchall() == [(False, False, False)]
        owned = connection.execute("SELECT count(*) FROM pg_class WHERE relowner = 'app'::regrole")
        assert owned.fetchall() == [(0,)]
