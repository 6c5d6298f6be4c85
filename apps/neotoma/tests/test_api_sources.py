"""Sources over HTTP, in a running service with its real extractor."""

import hashlib
import socket
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from apps.neotoma.tests.support import Server, Service, serving, within
from apps.neotoma.tests.support_arrival import HERE, files_in, migrated

SHAPE = {"code", "message", "details", "trace_id"}


@pytest.fixture(scope="module")
def service(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(HERE, migrated(server), tmp_path_factory.mktemp("logs")) as running:
        yield running


def fresh() -> bytes:
    return f"Letter {uuid.uuid4()}\nDear Ada\n".encode()


def test_an_upload_is_answered_with_its_source_and_where_it_is(service: Service) -> None:
    content = fresh()
    answer = service.upload("letter.txt", content)
    assert answer.status_code == 201, answer.text
    source = answer.json()
    assert (source["name"], source["status"], source["bytes"]) == ("letter.txt", "ready", len(content))
    assert source["sha256"] == hashlib.sha256(content).hexdigest()
    assert answer.headers["location"] == f"/api/sources/{source['id']}"
    detail = service.client.get(answer.headers["location"]).json()
    assert {key: detail[key] for key in source} == source
    assert "Dear Ada" in detail["chunks"][0]["text"]
    assert detail["entities"] == sorted({said["entity_id"] for said in detail["observations"]})
    assert len(detail["entities"]) >= 1
    assert detail["next_from"] is None


def test_the_same_bytes_again_are_the_same_source(service: Service) -> None:
    content = fresh()
    first, second = service.upload("a.txt", content), service.upload("b.txt", content)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()


def test_the_same_bytes_sent_at_once_are_stored_once(service: Service) -> None:
    content = fresh()
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda number: service.upload(f"{number}.txt", content), range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1


@pytest.mark.parametrize(
    ("name", "content", "status", "code"),
    [
        ("tool.exe", b"MZ", 415, "unknown_type"),
        ("README", b"text", 415, "unknown_type"),
        ("empty.txt", b"", 422, "empty"),
        ("really.pdf", b"plain text", 422, "mislabelled"),
        ("nul.txt", b"a\0b", 422, None),
        ("short.pdf", b"%PDF-1.7\nnonsense", 422, None),
        ("n" * 252 + ".txt", b"text", 422, "bad_name"),
    ],
    ids=["exe", "no ending", "empty", "mislabelled", "nul", "truncated", "long name"],
)
def test_bad_input_is_refused_in_one_shape_and_not_stored(
    service: Service, name: str, content: bytes, status: int, code: str | None
) -> None:
    before = files_in(service.storage)
    answer = service.upload(name, content)
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == SHAPE
    assert code in (None, answer.json()["code"])
    assert answer.json()["trace_id"] == answer.headers["x-trace-id"]
    assert name not in service.client.get("/api/sources?limit=200").text
    assert files_in(service.storage) == before


@pytest.mark.parametrize("declared", [True, False], ids=["with length", "chunked"])
def test_an_oversized_file_is_refused_whether_or_not_it_says_so(service: Service, declared: bool) -> None:
    before = files_in(service.storage)
    request = service.client.build_request("POST", "/api/sources", files={"file": ("big.txt", b"x" * (51 * 2**20))})
    content = request.read()
    chunks = (content[at : at + 2**20] for at in range(0, len(content), 2**20))
    headers = {"Content-Type": request.headers["content-type"]}
    answer = service.client.post("/api/sources", content=content if declared else chunks, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert files_in(service.storage) == before


def test_a_client_that_leaves_half_way_leaves_nothing(service: Service) -> None:
    before, lines = files_in(service.storage), len(service.log())
    url = httpx.URL(service.url)
    request = service.client.build_request("POST", "/api/sources", files={"file": ("half.txt", b"x" * 4_000_000)})
    body = request.read()
    with socket.create_connection((url.host, url.port or 0)) as connection:
        head = "POST /api/sources HTTP/1.1\r\nHost: x\r\n" + "".join(
            f"{name}: {value}\r\n" for name, value in request.headers.items() if name != "host"
        )
        connection.sendall(head.encode() + b"\r\n" + body[:2_000_000])
    within(10, lambda: any(line.get("status") == 0 for line in service.log()[lines:]))
    assert not any(line["event"] == "exception" for line in service.log()[lines:])
    assert files_in(service.storage) == before


def test_a_file_comes_back_as_it_was_and_as_a_download(service: Service) -> None:
    content = b"<script>alert(1)</script>" + fresh()
    where = service.upload("e\u0301vil \u53d1\u7968.txt", content).headers["location"] + "/file"
    answer = service.client.get(where)
    assert answer.content == content
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["content-disposition"].startswith("attachment; filename*=utf-8''%C3%A9vil")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["etag"] == f'"{hashlib.sha256(content).hexdigest()}"'
    again = service.client.get(where, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_deleting_takes_the_source_and_its_bytes(service: Service) -> None:
    content = fresh()
    where = service.upload("gone.txt", content).headers["location"]
    digest = hashlib.sha256(content).hexdigest()
    assert any(name.endswith(digest) for name in files_in(service.storage))
    assert service.client.delete(where).status_code == 204
    assert not any(name.endswith(digest) for name in files_in(service.storage))
    for address in (where, f"{where}/file"):
        assert (service.client.get(address).status_code, set(service.client.get(address).json())) == (404, SHAPE)
    assert service.client.delete(where).status_code == 404
    assert service.upload("gone.txt", content).status_code == 201


def test_a_list_in_pages_has_everything_once_though_more_comes_in(service: Service) -> None:
    mine = [service.upload("listed.txt", fresh()).json()["id"] for _ in range(5)]
    seen: list[str] = []
    page = service.client.get("/api/sources?limit=2").json()
    while page["next"]:
        seen += [source["id"] for source in page["sources"]]
        service.upload("meanwhile.txt", fresh())
        page = service.client.get("/api/sources", params={"limit": 2, "cursor": page["next"]}).json()
    seen += [source["id"] for source in page["sources"]]
    assert seen[:5] == mine[::-1]
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=x", "limit=%C2%B2", "cursor=nonsense", "cursor=WyJhIl0"]
)
def test_a_bad_parameter_is_refused(service: Service, query: str) -> None:
    answer = service.client.get(f"/api/sources?{query}")
    assert (answer.status_code, set(answer.json())) == (422, SHAPE)


def test_a_long_text_is_told_in_parts(service: Service) -> None:
    content = b"".join(b"line %d of a long text, %s\n" % (number, b"word " * 30) for number in range(9_000))
    answer = service.upload("long.txt", content)
    assert answer.status_code in (201, 202), answer.text
    where = answer.headers["location"]
    within(60, lambda: service.client.get(where).json()["status"] == "ready")
    first = service.client.get(where).json()
    assert first["next_from"] == len(first["chunks"])
    second = service.client.get(f"{where}?from={first['next_from']}").json()
    assert second["chunks"][0] not in first["chunks"]


def test_nobody_stores_or_reads_without_a_credential(service: Service) -> None:
    where = service.upload("mine.txt", fresh()).headers["location"]
    with service.asking_with("") as nobody:
        answers = (
            service.upload("a.txt", b"text", nobody),
            nobody.get("/api/sources"),
            nobody.get(where),
            nobody.get(f"{where}/file"),
            nobody.delete(where),
        )
    assert {answer.status_code for answer in answers} == {401}
    assert all(set(answer.json()) == SHAPE for answer in answers)


def test_the_storage_is_nobodys_but_the_services(service: Service) -> None:
    service.upload("private.txt", fresh())
    assert all(path.stat().st_mode & 0o077 == 0 for path in (Path(service.storage) / "files").rglob("*"))
