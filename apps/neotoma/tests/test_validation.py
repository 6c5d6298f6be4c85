"""The kit tells a service that keeps its promises from one that does not, leaves nothing, and reports for machines."""

import importlib.util
import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import httpx
import pytest
from apps.neotoma.tests.conftest import HERE
from apps.neotoma.tests.support import Database, Service, migrate, serving
from apps.neotoma.tests.support_kit import validate, validate_url

KIT = HERE / "validation"
SUITES = ("smoke", "integration", "isolation", "mcp_probe")


@contextmanager
def in_between(service: Service, spoil: Callable[[str, bytes], bytes]) -> Iterator[str]:
    """A proxy before the service that changes answers; gives its address."""

    class Between(BaseHTTPRequestHandler):
        def _pass(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            kept = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
            answer = httpx.request(self.command, service.url + self.path, content=body, headers=kept, timeout=30)
            content = spoil(self.path, answer.content)
            self.send_response(answer.status_code)
            for name, value in answer.headers.items():
                if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = _pass  # noqa: N815 # the base class's names

        def log_message(self, format: str, *args: object) -> None:  # the base class's name
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Between)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def users(database: Database) -> int:
    ((count,),) = database.query("SELECT count(*) FROM users")
    return int(count)


@pytest.mark.parametrize("suite", SUITES)
def test_every_suite_passes_and_leaves_nobody(
    current: Service, current_database: Database, tmp_path: Path, suite: str
) -> None:
    report, told = tmp_path / "report.xml", tmp_path / "report.json"
    run = validate(HERE, suite, current, "--junit", str(report), "--json", str(told))
    assert run.returncode == 0, run.stderr
    root = ElementTree.parse(report).getroot()
    checks = json.loads(told.read_text())["checks"]
    assert (root.get("failures"), root.get("tests")) == ("0", str(len(checks)))
    assert [case.get("name") for case in root] == [check["name"] for check in checks]
    assert users(current_database) == 1  # the legacy owner
    assert current_database.query("SELECT count(*) FROM sources") == [(0,)]
    assert not [path for path in current.storage.rglob("*") if path.is_file()]


def test_json_on_standard_output_is_all_there_is_on_it(current: Service) -> None:
    run = validate(HERE, "smoke", current, "--json", "-")
    assert json.loads(run.stdout)["failed"] == 0


def test_the_smoke_test_is_well_within_30_seconds(current: Service) -> None:
    told = json.loads(validate(HERE, "smoke", current, "--json", "-").stdout)
    assert sum(check["seconds"] for check in told["checks"]) < 15


@pytest.mark.parametrize("suite", [*SUITES, "load"])
def test_where_nothing_answers_every_suite_fails(suite: str) -> None:
    run = validate_url(HERE, suite, "http://127.0.0.1:1")
    assert run.returncode == 1
    assert "refused" in run.stderr


def test_a_smoke_test_that_fails_cleans_up(current: Service, current_database: Database) -> None:
    def losing(path: str, content: bytes) -> bytes:
        return b'{"query": "", "hits": []}' if path.startswith("/api/search") else content

    with in_between(current, losing) as url:
        run = validate_url(HERE, "smoke", url)
    assert run.returncode == 1
    assert "FAILED  upload find read and delete  AssertionError: search" in run.stderr
    assert users(current_database) == 1
    assert current_database.query("SELECT count(*) FROM sources") == [(0,)]


def test_the_isolation_probe_sees_a_leak(current: Service) -> None:
    seen: list[bytes] = []

    def mixed(path: str, content: bytes) -> bytes:
        """Shows everybody, on the page of sources, what anybody was ever told of one."""
        if path.startswith("/api/sources/src_") and content.startswith(b'{"id"'):
            seen.append(content)
        return content + b" " + b"".join(seen) if path == "/sources" else content

    with in_between(current, mixed) as url:
        run = validate_url(HERE, "isolation", url)
    assert run.returncode == 1
    assert "FAILED  nothing is shown on pages" in run.stderr


def test_where_nobody_can_sign_up_the_known_person_is_used_and_keeps_what_was_there(
    database: Database, tmp_path: Path
) -> None:
    assert migrate(HERE, database, "up").returncode == 0
    with serving(HERE, database, tmp_path, NEOTOMA_SIGN_UP="closed") as service:
        kept = service.upload("kept.txt", b"Keep this.\n").json()["id"]
        run = validate(HERE, "smoke", service)
        assert run.returncode == 0, run.stderr
        assert [source["id"] for source in service.client.get("/api/sources").json()["sources"]] == [kept]


def test_the_benchmark_sends_at_the_times_it_intends_and_counts_from_them(current: Service) -> None:
    run = validate(HERE, "load", current, "--seconds", "3", "--json", "-")
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    assert {kind: figures["requests"] for kind, figures in told["kinds"].items()} == {
        "read": 12,
        "search": 30,
        "upload": 6,
    }
    for figures in told["kinds"].values():
        assert figures["errors"] == {}
        assert 0 < figures["p50_ms"] <= figures["p95_ms"] <= figures["p99_ms"] <= figures["max_ms"]


def test_a_slow_answer_makes_those_behind_it_late_and_the_figures_say_so(load: ModuleType) -> None:
    outcomes = [load.Outcome("search", 0.0, seconds / 100, "") for seconds in range(1, 101)]
    outcomes.append(load.Outcome("upload", 0.5, 9.0, "503"))
    told = load.report(outcomes, 10.0)
    assert told["kinds"]["search"] == {
        "requests": 100, "p50_ms": 500.0, "p95_ms": 950.0, "p99_ms": 990.0, "max_ms": 1000.0, "errors": {},
    }  # fmt: skip
    assert told["kinds"]["upload"]["errors"] == {"503": 1}
    assert told["lag_p99_ms"] == 0.0
    assert load.report([], 1.0) == {"seconds": 1.0, "requests": 0, "kinds": {}, "lag_p99_ms": None}


def test_each_kind_has_its_own_steady_rate(load: ModuleType) -> None:
    requests = load.schedule({"seconds": 1, "upload": {"rate": 2.0}, "search": {"rate": 4.0}}, 1.0)
    assert [(request.at, request.kind) for request in requests] == [
        (0.125, "search"), (0.25, "upload"), (0.375, "search"), (0.625, "search"), (0.75, "upload"), (0.875, "search"),
    ]  # fmt: skip


def test_every_sample_is_accepted_again_and_again(current: Service, arriving: ModuleType) -> None:
    person = current.new_user()
    for sample in sorted((KIT / "samples").iterdir()):
        for word in ("kitone", "kittwo"):
            answer = current.upload(sample.name, arriving.unique(sample.name, word) + b"\n", person)
            expected = 200 if sample.suffix == ".csv" and word == "kittwo" else 201
            assert answer.status_code in (expected, 202), (sample.name, answer.text)


@pytest.fixture
def arriving(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module of the kit."""
    return _module("arriving", monkeypatch)


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module of the kit."""
    return _module("load", monkeypatch)


def _module(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """As the script itself has it: what is beside it comes first."""
    monkeypatch.syspath_prepend(str(KIT))
    for beside in ("kit", "person", "arriving", "load"):
        monkeypatch.delitem(sys.modules, beside, raising=False)
    spec = importlib.util.spec_from_file_location(name, KIT / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    return module
