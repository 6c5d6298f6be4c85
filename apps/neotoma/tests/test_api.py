"""The API of a running v1.0.0, on a real database."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from apps.neotoma.history import build
from apps.neotoma.tests.support import Database, Server, Service, migrate, running_server, serving, started, within
from fpdf import FPDF
from fpdf.enums import AccessPermission

Trees = Callable[[str], Path]
SHAPE = {"code", "message", "details", "trace_id"}


def pdf(*pages: str, password: str = "") -> bytes:
    document = FPDF()
    document.set_font("helvetica", size=12)
    for text in pages:
        document.add_page()
        document.multi_cell(0, text=text)
    if password:
        document.set_encryption(owner_password=password, user_password=password, permissions=AccessPermission.none())
    return bytes(document.output())


def test_an_upload_is_answered_when_it_can_be_read(current: Service) -> None:
    answer = current.upload("letter.txt", b"Dear Ada\n\nBorn: 1815\n")
    assert answer.status_code == 201
    assert answer.json()["facts"] == 2
    assert (answer.json()["name"], answer.json()["kind"], answer.json()["title"]) == ("letter.txt", "text", "Dear Ada")
    document = current.client.get(f"/documents/{answer.json()['id']}").json()
    assert document["facts"] == [{"place": "line 1", "text": "Dear Ada"}, {"place": "line 3", "text": "Born: 1815"}]
    assert document["text"] == "Dear Ada\nBorn: 1815"


def test_a_pdf_gives_its_pages(current: Service) -> None:
    answer = current.upload("report.PDF", pdf("Wombats: 12", "Numbats: 42"))
    assert answer.status_code == 201
    facts = current.client.get(f"/documents/{answer.json()['id']}").json()["facts"]
    assert facts == [{"place": "page 1", "text": "Wombats: 12"}, {"place": "page 2", "text": "Numbats: 42"}]


def test_the_same_bytes_sent_at_once_are_stored_once(current: Service) -> None:
    content = uuid.uuid4().hex.encode()
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda number: current.upload(f"{number}.txt", content), range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("tool.exe", b"MZ", "unknown_type"),
        ("README", b"text", "unknown_type"),
        ("empty.txt", b" \n", "empty"),
        ("header.csv", b"name,born\n", "no_text"),
        ("really.txt", pdf("a PDF"), "mislabelled"),
        ("really.pdf", b"plain text", "mislabelled"),
        ("picture.csv", b"\x89PNG\r\n\x1a\n", "not_utf8"),
        ("nul.txt", b"a\0b", "nul_bytes"),
        ("quotes.csv", b'a,b\n"1"x,2\n', "bad_csv"),
        ("short.pdf", pdf("whole")[:300], "truncated"),
        ("broken.pdf", b"%PDF-1.7\nnonsense\n%%EOF\n", "broken_pdf"),
        ("secret.pdf", pdf("hidden", password="open"), "encrypted"),
        ("scan.pdf", pdf(""), "no_text"),
        ("many.txt", b"a\n" * 100_001, "too_many_facts"),
        ("n" * 252 + ".txt", b"text", "bad_name"),
    ],
    # Not by their content, which differs from one process to another.
    ids=lambda value: value[:20] if isinstance(value, str) else "",
)
def test_bad_input_is_refused_in_one_shape_and_not_stored(
    current: Service, name: str, content: bytes, code: str
) -> None:
    answer = current.upload(name, content)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert set(answer.json()) == SHAPE
    assert answer.json()["trace_id"] == answer.headers["x-trace-id"]
    assert name not in current.client.get("/documents?limit=100").text


@pytest.mark.parametrize("declared", [True, False], ids=["with length", "chunked"])
def test_an_oversized_file_is_refused_whether_or_not_it_says_so(current: Service, declared: bool) -> None:
    request = current.client.build_request("POST", "/documents", files={"file": ("big.txt", b"x" * (11 * 2**20))})
    content = request.read()
    chunks = (content[at : at + 65_536] for at in range(0, len(content), 65_536))
    headers = {"Content-Type": request.headers["content-type"]}
    answer = current.client.post("/documents", content=content if declared else chunks, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert "big.txt" not in current.client.get("/documents?limit=100").text


def test_the_largest_file_of_one_line_is_stored_and_found(current: Service) -> None:
    content = b"echidna " + b"x" * (10 * 2**20 - 8)
    answer = current.upload("largest.txt", content)
    assert answer.status_code == 201
    assert [hit["id"] for hit in current.client.get("/search?q=echidna").json()["results"]] == [answer.json()["id"]]
    assert current.client.delete(f"/documents/{answer.json()['id']}").status_code == 204


def test_a_form_without_a_file_is_refused(current: Service) -> None:
    for answer in (
        current.client.post("/documents", data={"file": "text"}),
        current.client.post("/documents", content=b"raw"),
        current.client.post("/documents", content=b"--b", headers={"Content-Type": "multipart/form-data"}),
    ):
        assert answer.status_code in (400, 422)
        assert set(answer.json()) == SHAPE


def test_deleting_takes_the_document_its_facts_and_its_hits(current: Service) -> None:
    address = f"/documents/{current.upload('gone.txt', b'thylacine').json()['id']}"
    assert current.client.delete(address).status_code == 204
    assert current.client.get(address).status_code == 404
    assert current.client.delete(address).status_code == 404
    assert current.client.get("/search?q=thylacine").json()["results"] == []


def test_search_ranks_and_marks_and_limits(current: Service) -> None:
    once = current.upload("once.txt", b"A bilby among many other words that dilute it a good deal").json()["id"]
    often = current.upload("often.txt", b"bilby bilby bilby").json()["id"]
    results = current.client.get("/search?q=bilbies").json()["results"]
    assert [hit["id"] for hit in results] == [often, once]
    assert results[1]["snippet"].startswith("A bilby among")
    assert len(current.client.get("/search?q=bilby&limit=1").json()["results"]) == 1


@pytest.mark.parametrize("query", ["'", '"', "!!&|", "\\", "the", "%00", "((", "a:*", "-"])
def test_a_strange_query_is_no_failure(current: Service, query: str) -> None:
    assert current.client.get("/search", params={"q": query}).status_code == 200


@pytest.mark.parametrize(
    "address",
    [
        "/search",
        "/search?q=",
        "/search?q=%00",
        "/search?q=a&limit=0",
        "/search?q=a&limit=x",
        "/search?q=" + "a" * 1001,
        "/documents?limit=101",
        "/events?seconds=61",
    ],
)
def test_a_bad_parameter_is_refused(current: Service, address: str) -> None:
    answer = current.client.get(address)
    assert answer.status_code == 422
    assert set(answer.json()) == SHAPE


def test_what_is_not_there_has_the_same_shape_and_headers(current: Service) -> None:
    for method, address, status in (
        ("GET", "/documents/99999999999999999999", 404),
        ("GET", "/slow?seconds=1", 404),
        ("PATCH", "/documents", 405),
    ):
        answer = current.client.request(method, address)
        assert (answer.status_code, set(answer.json())) == (status, SHAPE)
        assert answer.headers["x-neotoma-version"] == build.CURRENT


def test_health_names_the_version_and_the_schema(current: Service) -> None:
    answer = current.client.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "version": "v1.0.0", "schema": "0002"})


def test_metrics_count_requests_and_measure_uploads_by_version(current: Service) -> None:
    document = current.upload("metric.txt", uuid.uuid4().hex.encode()).json()
    current.client.get(f"/documents/{document['id']}")
    text = current.client.get("/metrics").text
    labels = 'version="v1.0.0",method="POST",route="/documents"'
    assert f'neotoma_requests_total{{{labels},status="201"}}' in text
    for bound in ("0.5", "5.0", "10.0", "30.0", "+Inf"):
        assert f'neotoma_request_seconds_bucket{{{labels},le="{bound}"}}' in text
    assert 'route="/documents/{id}",status="200"}' in text
    assert f"/documents/{document['id']}" not in text


def test_the_log_is_json_without_names_or_queries(current: Service) -> None:
    current.upload("private-name.txt", b"private-content")
    current.client.get("/search?q=private-query")
    assert {"at", "version", "event", "trace_id", "method", "route", "status", "ms"} == set(current.log()[-1])
    assert "private" not in json.dumps(current.log())


def test_events_count_once_a_second_and_end(current: Service) -> None:
    lines = current.client.get("/events?seconds=2").text.splitlines()
    assert lines.count("event: documents") == 2
    assert "event: end" in lines


def test_it_starts_without_a_database_says_so_and_recovers(tree: Trees, tmp_path: Path) -> None:
    with running_server() as server:
        database = server.database()
        assert migrate(tree(build.CURRENT), database, "up").returncode == 0
        server.stop()
        with serving(tree(build.CURRENT), database, tmp_path) as service:
            health = service.client.get("/health")
            assert (health.status_code, health.json()["reason"]) == (503, "the database does not answer")
            refused = service.upload("a.txt", b"text")
            assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable")
            assert service.client.get("/", headers={"Accept": "text/html"}).status_code == 503
            server.start()
            within(5, lambda: service.client.get("/health").status_code == 200)
            assert service.upload("a.txt", b"text").status_code == 201
            server.stop()
            server.start()
            assert service.upload("b.txt", b"more").status_code == 201


def test_health_fails_while_the_role_may_not_read(server: Server, tree: Trees, tmp_path: Path) -> None:
    database: Database = server.database()
    assert migrate(tree(build.CURRENT), database, "up", APP_ROLE="").returncode == 0
    with serving(tree(build.CURRENT), database, tmp_path) as service:
        health = service.client.get("/health")
        assert health.status_code == 503
        assert "APP_ROLE" in health.json()["reason"]


def test_a_port_in_use_ends_the_process(current: Service, tree: Trees) -> None:
    port = str(httpx.URL(current.url).port)
    command = [sys.executable, "-m", "neotoma", "serve", "--port", port]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tree(build.CURRENT) / "src")}
    without = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=20)
    assert (without.returncode, without.stderr) == (2, "No database: set DATABASE_URL.\n")
    environment["DATABASE_URL"] = "postgresql:///none"
    assert subprocess.run(command, env=environment, capture_output=True, timeout=20).returncode == 3


def test_an_unreachable_database_does_not_show_its_url(tree: Trees, tmp_path: Path) -> None:
    with started(tree(build.CURRENT), "postgresql://u:hush@127.0.0.1:1/x", tmp_path) as service:
        within(20, lambda: service.client.get("/health").status_code == 503, httpx.TransportError)
        service.process.terminate()
        _, errors = service.process.communicate(timeout=20)
        assert service.process.returncode == 0
        assert "hush" not in errors + service.logs.read_text()
