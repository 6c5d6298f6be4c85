"""Claims about the REST addresses of the memory, asked of a running service."""

import io
import json
import tarfile
from typing import Any

import httpx
import pytest
from apps.neotoma.tests.support import Service

ADA = {"type": "contact", "name": "Ada", "fields": {"born": "1815-12-10", "city": "London"}}
BOB = {"type": "contact", "name": "Bob", "fields": {"fee": "12 EUR", "since": "2026-01-31"}}
TAR = {"Content-Type": "application/x-tar"}


@pytest.fixture
def client(current: Service) -> httpx.Client:
    """Somebody who has just signed up."""
    return current.new_user()


@pytest.fixture
def ids(client: httpx.Client) -> list[str]:
    """Their two contacts, of whom one knows the other."""
    record = {"name": "r", "entities": [ADA, BOB], "relationships": [{"type": "knows", "from": 0, "to": "Bob"}]}
    answer = client.post("/api/entities", json=record)
    assert answer.status_code == 201, answer.text
    ids: list[str] = answer.json()["entity_ids"]
    return ids


def refused(answer: httpx.Response, status: int) -> str:
    """The code of a refusal that has everything a refusal has."""
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"code", "message", "details", "trace_id"}
    return str(answer.json()["code"])


def test_a_stored_record_is_found_again(client: httpx.Client, ids: list[str]) -> None:
    listed = client.get("/api/entities", params={"q": "ad"}).json()
    assert [one["id"] for one in listed["entities"]] == [ids[0]]
    assert client.get(f"/api/entities/{ids[1]}").json()["fields"]["fee"]["value"] == "12.00 EUR"
    assert client.get("/api/types").json() == {"types": [{"type": "contact", "entities": 2}]}
    (pair,) = client.get(f"/api/entities/{ids[1]}/relationships", params={"direction": "in"}).json()["related"]
    assert (pair["entity"]["id"], pair["relationship"]["type"]) == (ids[0], "knows")


def test_pages_go_on_where_they_ended(client: httpx.Client, ids: list[str]) -> None:
    first = client.get("/api/entities", params={"limit": 1}).json()
    second = client.get("/api/entities", params={"limit": 1, "cursor": first["next"]}).json()
    assert sorted([first["entities"][0]["id"], second["entities"][0]["id"]]) == sorted(ids)
    assert second["next"] is None


def test_a_correction_a_deletion_a_restoration_and_the_past(client: httpx.Client, ids: list[str]) -> None:
    before = client.get(f"/api/entities/{ids[0]}/observations").json()["observations"][0]["observed_at"]
    corrected = client.post(f"/api/entities/{ids[0]}/corrections", json={"fields": {"city": "Paris"}})
    assert corrected.json()["fields"]["city"]["value"] == "Paris"
    told = client.get(f"/api/entities/{ids[0]}/provenance/city").json()["provenance"]
    assert [one["source"] and one["source"]["name"] for one in told] == [None, "r"]
    assert client.delete(f"/api/entities/{ids[0]}").json()["deleted"] is True
    assert client.get("/api/entities", params={"deleted": "true"}).json()["entities"][0]["id"] == ids[0]
    assert client.post(f"/api/entities/{ids[0]}/restore").json()["deleted"] is False
    assert client.get(f"/api/entities/{ids[0]}", params={"at": before}).json()["fields"]["city"]["value"] == "London"
    assert (
        refused(client.get(f"/api/entities/{ids[0]}", params={"at": "2001-01-01T00:00:00+00:00"}), 404) == "no_entity"
    )


def test_relationships_are_made_refused_and_taken_back(client: httpx.Client, ids: list[str]) -> None:
    made = client.post("/api/relationships", json={"type": "part_of", "from": ids[0], "to": ids[1]})
    assert made.status_code == 201
    back = client.post("/api/relationships", json={"type": "part_of", "from": ids[1], "to": ids[0]})
    assert refused(back, 409) == "cycle"
    assert client.delete(f"/api/relationships/{made.json()['id']}").status_code == 204
    assert refused(client.delete("/api/relationships/rel_none"), 404) == "no_relationship"


def test_a_merged_id_goes_on_to_work(client: httpx.Client, ids: list[str]) -> None:
    assert client.post(f"/api/entities/{ids[0]}/merge", json={"into": ids[1]}).json()["id"] == ids[1]
    assert client.get(f"/api/entities/{ids[0]}").json()["id"] == ids[1]
    assert refused(client.post(f"/api/entities/{ids[1]}/merge", json={"into": ids[0]}), 422) == "same_entity"


def test_the_timeline_is_filtered(client: httpx.Client, ids: list[str]) -> None:
    events = client.get("/api/timeline").json()["events"]
    assert [(event["at"], event["name"]) for event in events] == [("1815-12-10", "Ada"), ("2026-01-31", "Bob")]
    asked = {"start": "2026-01-01", "end": "2026-12-31", "entity": ids[1], "type": "contact"}
    assert len(client.get("/api/timeline", params=asked).json()["events"]) == 1
    assert refused(client.get("/api/timeline", params={"start": "yesterday"}), 422) == "bad_date"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/entities/ent_none", 404),
        ("GET", "/api/entities/a%00b", 404),
        ("DELETE", "/api/entities/a%00b", 404),
        ("GET", "/api/entities/a%00b?at=2026-01-01", 404),
        ("GET", "/api/entities/a%00b/provenance/x", 404),
        ("DELETE", "/api/relationships/a%00b", 404),
        ("GET", "/api/entities?q=a%00b", 422),
        ("GET", "/api/entities?type=%00", 422),
        ("GET", "/api/entities?limit=0", 422),
        ("GET", "/api/entities?limit=201", 422),
        ("GET", "/api/entities?cursor=nonsense", 422),
        ("GET", "/api/entities?cursor=WyJcdTAwMDAiLCJhIiwiYiJd", 422),
        ("GET", "/api/entities?deleted=perhaps", 422),
        ("GET", "/api/timeline?type=%00", 422),
        ("GET", "/api/timeline?entity=ent_none", 404),
        ("GET", "/api/timeline?cursor=WyJ4IiwiYSIsImIiXQ", 422),
        ("POST", "/api/entities", 422),
        ("POST", "/api/relationships", 422),
        ("POST", "/api/import", 422),
    ],
)
def test_what_makes_no_sense_is_refused_and_never_an_error(
    client: httpx.Client, method: str, path: str, status: int
) -> None:
    refused(client.request(method, path), status)


@pytest.mark.parametrize(
    "body", [b"[]", b"{", b'{"type": 1, "from": "a", "to": "b"}', b'{"type": "a"}', b"[" * 100_000]
)
def test_a_body_that_is_none_is_refused(client: httpx.Client, body: bytes) -> None:
    refused(client.post("/api/relationships", content=body), 422)


@pytest.mark.parametrize("number", ["NaN", "1e999", "-Infinity"])
def test_a_number_that_is_none_is_told_as_such(client: httpx.Client, number: str) -> None:
    record = {"name": "r", "entities": [{"type": "contact", "name": "A", "fields": {"age": float(number)}}]}
    answer = client.post("/api/entities", content=json.dumps(record).replace("Infinity", "1e999"))
    assert refused(answer, 422) == "bad_value"
    assert "finite number" in answer.json()["message"]


@pytest.mark.parametrize("at", ["now", "2026", "0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59-23:00"])
def test_a_time_that_is_none_is_refused_or_nothing_was_there(client: httpx.Client, ids: list[str], at: str) -> None:
    assert client.get(f"/api/entities/{ids[0]}", params={"at": at}).status_code in (404, 422)


def test_nobody_without_a_credential(current: Service) -> None:
    with current.asking_with("") as nobody:
        for path in ("entities", "types", "timeline", "export"):
            assert refused(nobody.get(f"/api/{path}"), 401) == "no_credential"


def test_an_export_comes_in_at_somebody_elses_with_its_files(
    current: Service, client: httpx.Client, ids: list[str]
) -> None:
    content = b"Invoice number: 7\nDate: 2026-01-05\n"
    uploaded = current.upload("a.txt", content, client)
    assert uploaded.status_code in (201, 202)
    client.post(f"/api/entities/{ids[0]}/merge", json={"into": ids[1]})
    exported = client.get("/api/export")
    with tarfile.open(fileobj=io.BytesIO(exported.content)) as tar:
        assert tar.getnames() == ["memory.jsonl", f"files/{uploaded.json()['sha256']}"]
    other = current.new_user()
    answer = other.post("/api/import", content=exported.content, headers=TAR)
    assert (answer.status_code, answer.json()["source"]) == (200, 2)
    assert other.get("/api/export").content == exported.content
    assert other.get(f"/api/sources/{uploaded.json()['id']}/file").content == content
    assert client.get("/api/export").content == exported.content


def _packed(members: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return packed.getvalue()


def test_an_import_that_is_not_whole_leaves_nothing(current: Service, client: httpx.Client) -> None:
    sha256 = current.upload("a.txt", b"Some words of the day.\n", client).json()["sha256"]
    exported = client.get("/api/export").content
    with tarfile.open(fileobj=io.BytesIO(exported)) as tar:
        parts: dict[str, Any] = {one.name: tar.extractfile(one).read() for one in tar}  # type: ignore[union-attr]
    other = current.new_user()
    file = f"files/{sha256}"
    for spoilt in (
        exported[:700],
        exported[:-1_500],
        b"no tar at all",
        _packed({"memory.jsonl": parts["memory.jsonl"]}),
        _packed({file: parts[file]}),
        _packed({"memory.jsonl": parts["memory.jsonl"], file: b"other bytes"}),
        _packed({"memory.jsonl": parts["memory.jsonl"][:-20], file: parts[file]}),
        _packed({"memory.jsonl": parts["memory.jsonl"], f"../{file}": parts[file]}),
    ):
        assert refused(other.post("/api/import", content=spoilt, headers=TAR), 422) == "bad_export"
        assert other.get("/api/sources").json()["sources"] == []
    kept = [path for path in current.storage.rglob("*") if path.is_file() and path.name == sha256]
    assert len(kept) == 1
