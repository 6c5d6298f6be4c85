"""From the schema of v0.9 to that of v1.0 while v0.9 serves, and both side by side: no request fails, nothing leaks."""

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from apps.neotoma.tests.support import OWNER, TOKEN, Database, Service, migrate, serving
from apps.neotoma.tests.support_kit import validate

Trees = Callable[[str], Path]
TABLES = ("sources", "chunks", "entities", "observations", "relationships")
NOTE = "Event ticket\nEvent: Night of {0}\nEvent date: 2026-07-{1:02d}\nVenue: Garden of {0}\n"


def note(word: str, day: int = 5) -> bytes:
    return NOTE.format(word, day).encode()


def found(service: Service, word: str, **headers: str) -> list[str]:
    answer = service.client.get("/api/search", params={"q": word, "limit": 100}, headers=headers)
    assert answer.status_code == 200, answer.text
    return sorted(hit["source"]["name"] for hit in answer.json()["hits"])


def tool(service: Service, name: str, /, **arguments: object) -> dict[str, object]:
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}
    headers = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18"}
    answer = service.client.post("/mcp", json=call, headers=headers)
    assert answer.status_code == 200, answer.text
    result: dict[str, object] = answer.json()["result"]
    return result


@contextmanager
def visitors(service: Service) -> Iterator[list[str]]:
    """People who upload, search and read, and an agent who stores, until the block ends; gives what went wrong."""
    wrong: list[str] = []
    over = threading.Event()

    def visit(act: Callable[[int], None]) -> None:
        for number in itertools.count():
            if over.wait(0.02):
                break
            try:
                act(number)
            except Exception as error:  # noqa: BLE001 - whatever it is, it went wrong
                wrong.append(f"{act.__name__} {number}: {error!r}")

    def upload(number: int) -> None:
        answer = service.upload(f"during-{number}.txt", note(f"numbat{number}"))
        assert answer.status_code == 201, answer.text
        if number % 3 == 0:
            assert service.client.delete(f"/api/sources/{answer.json()['id']}").status_code == 204

    def search(number: int) -> None:
        assert found(service, "wombat") == ["before.txt"], number

    def listing(number: int) -> None:
        assert service.client.get("/api/sources").status_code == 200, number

    def agent(number: int) -> None:
        person = {"type": "person", "name": f"Ada {number}", "fields": {"email": f"{number}@example.org"}}
        stored = tool(service, "store", name=f"record {number}", entities=[person])
        assert not stored.get("isError"), stored
        listed = tool(service, "retrieve_entities", type="person", query=f"Ada {number}")
        assert not listed.get("isError"), listed

    threads = [threading.Thread(target=visit, args=(act,)) for act in (upload, search, listing, agent)]
    for thread in threads:
        thread.start()
    try:
        yield wrong
    finally:
        over.set()
        for thread in threads:
            thread.join()


def test_the_version_before_serves_every_request_while_the_schema_changes_under_it(
    tree: Trees, database: Database, tmp_path: Path
) -> None:
    assert migrate(tree("v0.9.0"), database, "up").returncode == 0
    with serving(tree("v0.9.0"), database, tmp_path) as old:
        assert old.upload("before.txt", note("wombat")).status_code == 201
        with visitors(old) as wrong:
            for words in (("up",), ("down", "--to", "0001"), ("up",)):
                changed = migrate(tree("v1.0.0"), database, *words)
                assert changed.returncode == 0, changed.stderr
                assert old.client.get("/health").status_code == 200
                assert validate(tree("v0.9.0"), "smoke", old).returncode == 0
        assert wrong == []
        assert not [line for line in old.log() if line["event"] in ("exception", "job_exception")]
        stored = found(old, "numbat")
        with serving(tree("v1.0.0"), database, tmp_path) as new:
            assert new.client.get("/health").status_code == 200
            numbers = [name.removeprefix("during-").removesuffix(".txt") for name in stored]
            assert numbers
            for number in numbers[:: max(len(numbers) // 10, 1)]:
                assert found(new, f"numbat{number}") == [f"during-{number}.txt"]
    owners = "SELECT DISTINCT user_id::text FROM {}"
    for table in TABLES:
        assert database.query(owners.format(table)) in ([(OWNER,)], []), table


def test_the_version_before_sees_only_what_is_its_own_beside_the_new_one(
    tree: Trees, database: Database, tmp_path: Path
) -> None:
    assert migrate(tree("v0.9.0"), database, "up").returncode == 0
    with serving(tree("v0.9.0"), database, tmp_path) as old:
        before = old.upload("before.txt", note("wombat")).json()["id"]
        assert migrate(tree("v1.0.0"), database, "up").returncode == 0
        with serving(tree("v1.0.0"), database, tmp_path) as new:
            other = new.new_user()
            theirs = new.upload("theirs.txt", note("secret wombat"), other).json()
            same = new.upload("same.txt", note("wombat"), other)
            assert (same.status_code, same.json()["id"]) == (201, before)  # the same bytes, of two people
            listed = other.get("/api/entities").json()["entities"]

            # v0.9 lists, finds and reads its own only, in whatever way it is asked.
            assert [source["name"] for source in old.client.get("/api/sources").json()["sources"]] == ["before.txt"]
            assert found(old, "secret") == []
            assert found(old, "wombat") == ["before.txt"]
            assert old.client.get(f"/api/sources/{theirs['id']}").status_code == 404
            assert old.client.get(f"/api/sources/{theirs['id']}/file").status_code == 404
            assert old.client.delete(f"/api/sources/{theirs['id']}").status_code == 404
            for entity in listed:
                if "secret" in entity["name"]:
                    assert tool(old, "retrieve_entity_snapshot", entity_id=entity["id"])["isError"]
                    assert tool(old, "list_observations", entity_id=entity["id"])["isError"]
            assert "secret" not in str(tool(old, "retrieve_entities")["structuredContent"])
            assert old.client.get("/", auth=("", TOKEN)).text.count("<li>") == 1

            # It deletes the same file, and the other person keeps it.
            assert old.client.delete(f"/api/sources/{before}").status_code == 204
            assert other.get(f"/api/sources/{before}/file").content == note("wombat")
            assert validate(tree("v0.9.0"), "integration", old).returncode == 0

            # What it writes is found, and in the timeline, by v1.0 for the same token, and by nobody else.
            after = old.upload("after.txt", note("wombat", 9)).json()["id"]
            assert found(new, "wombats") == ["after.txt"]
            assert "2026-07-09" in [event["at"] for event in new.client.get("/api/timeline").json()["events"]]
            assert other.get(f"/api/sources/{after}").status_code == 404
            hits = other.get("/api/search?q=wombat").json()["hits"]
            assert sorted(hit["source"]["name"] for hit in hits) == ["same.txt", "theirs.txt"]
            assert validate(tree("v1.0.0"), "isolation", new).returncode == 0
        refused = migrate(tree("v1.0.0"), database, "down", "--to", "0001")
        assert refused.returncode == 1
        assert "1 other users, with 2 sources" in refused.stderr
        assert found(old, "wombat") == ["after.txt"]


def test_the_role_of_the_version_before_reaches_nobody_elses_rows_whatever_it_asks(
    tree: Trees, database: Database, tmp_path: Path
) -> None:
    assert migrate(tree("v1.0.0"), database, "up").returncode == 0
    with serving(tree("v1.0.0"), database, tmp_path) as new:
        assert new.upload("theirs.txt", note("secret"), new.new_user()).status_code == 201
    for table in TABLES:
        assert database.query(f"SELECT count(*) FROM {table}", role="app") == [(0,)]
        assert database.query(
            f"WITH gone AS (DELETE FROM {table} RETURNING 1) SELECT count(*) FROM gone", role="app"
        ) == [(0,)]
    changed = "WITH changed AS (UPDATE sources SET name = 'mine' RETURNING 1) SELECT count(*) FROM changed"
    assert database.query(changed, role="app") == [(0,)]
    stolen = "INSERT INTO entities (user_id, id, type, name) SELECT user_id, 'ent_x', 'a', 'b' FROM users"
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        database.query(stolen, role="app")
    theirs = "INSERT INTO entities (user_id, id, type, name) VALUES (gen_random_uuid(), 'ent_x', 'a', 'b')"
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
        database.query(theirs, role="app")


def test_the_legacy_token_is_the_same_person_on_both(tree: Trees, database: Database, tmp_path: Path) -> None:
    assert migrate(tree("v1.0.0"), database, "up").returncode == 0
    with serving(tree("v0.9.0"), database, tmp_path) as old, serving(tree("v1.0.0"), database, tmp_path) as new:
        mine = new.upload("mine.txt", note("mine")).json()["id"]
        assert old.client.get(f"/api/sources/{mine}/file").content == note("mine")
        assert old.upload("again.txt", note("mine")).status_code == 200
        for service in (old, new):
            with service.asking_with("wrong") as stranger, service.asking_with("") as nobody:
                assert stranger.get("/api/sources").status_code == 401
                assert nobody.get("/api/sources").status_code == 401
    with serving(tree("v0.9.0"), database, tmp_path, NEOTOMA_TOKEN="") as closed, closed.asking_with("") as nobody:
        assert nobody.get("/api/sources", auth=("", "")).status_code == 401
