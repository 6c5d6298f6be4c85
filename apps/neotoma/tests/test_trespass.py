"""Somebody tries every address and every tool with the ids and cursors of another, and with credentials that are none.

A route or tool that is not listed here fails the tests: say what an attempt at it is, then what must come of it.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from apps.neotoma.tests.support import Database
from apps.neotoma.tests.support_accounts import bearer, client, nest
from apps.neotoma.tests.support_attempts import (
    ANSWER_FROM_OWN,
    ATTEMPTS,
    CREDENTIALS,
    FOR_EVERYBODY,
    NOT_THERE,
    TOOL_ATTEMPTS,
    WRITES,
)
from apps.neotoma.tests.support_trespass import MCP, OWN, WORD, Person, alone, fill, person, state
from starlette.routing import BaseRoute, Mount, Route

from neotoma.app import create
from neotoma.mcp.tools import TOOLS


@pytest.fixture(scope="module")
def two(current_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Person, Person]]:
    """Who owns everything, and who tries to get at it."""
    with client(nest(current_database, tmp_path_factory.mktemp("storage"))) as talking:
        owner, other = person(talking, f"{WORD}@example.org"), person(talking, "other@example.org")
        fill(owner, current_database)
        other.ids = owner.ids | {"own": other.api("POST", "/api/entities", json=OWN).json()["entity_ids"][0]}
        other.ids["email"] = owner.email
        yield owner, other


@pytest.fixture(autouse=True)
def untouched(two: tuple[Person, Person], current_database: Database) -> Iterator[None]:
    """Whatever a test does, the owner's rows are as they were."""
    current_database.query("DELETE FROM attempts")
    before = state(current_database, two[0].id)
    assert WORD in before
    yield
    assert state(current_database, two[0].id) == before


def names(routes: list[BaseRoute]) -> set[str]:
    """Every address of the application, with its method."""
    found = set()
    for route in routes:
        assert isinstance(route, Route | Mount), f"an address of a kind that nobody looks into: {route}"
        methods = getattr(route, "methods", None) or {"ANY"}
        found |= {f"{method} {route.path}" for method in methods - {"HEAD"}}
    return found


def test_every_address_is_tried(current_database: Database, tmp_path: Path) -> None:
    assert names(create(nest(current_database, tmp_path)).routes) == {*FOR_EVERYBODY, *ATTEMPTS}


def test_every_tool_is_tried(two: tuple[Person, Person]) -> None:
    listing = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    answer = alone(two[1].client).post("/mcp", json=listing, headers=bearer(two[1].token) | MCP).json()
    assert {tool["name"] for tool in answer["result"]["tools"]} == {*TOOL_ATTEMPTS}
    assert {tool.name for tool in TOOLS} == {*TOOL_ATTEMPTS}


def filled(value: Any, ids: Mapping[str, str]) -> Any:
    """The attempt with ids in the places of their names."""
    match value:
        case str():
            return re.sub(r"\{(\w+)\}", lambda match: ids[match[1]], value)
        case dict():
            return {key: filled(item, ids) for key, item in value.items()}
        case list():
            return [filled(item, ids) for item in value]
        case _:
            return value


def attempt(name: str, ids: Mapping[str, str]) -> tuple[str, str, dict[str, Any]]:
    """The method, the address and the body."""
    what = ATTEMPTS[name]
    method, _, path = name.partition(" ")
    address = filled(path + what.get("query", ""), {**ids, "id": ids.get(what.get("id", ""), ""), "field": "note"})
    body = {key: filled(what[key], ids) for key in ("json", "data", "files", "content") if key in what}
    return method, address, body


def tell_nothing(response: Any) -> None:
    """Neither the body nor the headers hold a byte of the owner's."""
    assert WORD.encode() not in response.content, response.text
    assert WORD not in str(response.headers)


@pytest.mark.parametrize("name", [name for name in ATTEMPTS if " /api/" in name])
def test_no_address_of_the_api_leads_to_another(two: tuple[Person, Person], name: str) -> None:
    method, address, body = attempt(name, two[1].ids)
    response = two[1].api(method, address, **body)
    tell_nothing(response)
    expected = (200, 201, 202, 204) if ATTEMPTS[name].get("own") else NOT_THERE
    assert response.status_code in (*expected, *ATTEMPTS[name].get("or", ())), response.text


@pytest.mark.parametrize("name", [name for name in ATTEMPTS if " /api/" not in name and name != "POST /logout"])
def test_no_page_leads_to_another(two: tuple[Person, Person], name: str) -> None:
    method, address, body = attempt(name, two[1].ids)
    response = two[1].page(method, address, **body)
    tell_nothing(response)
    expected = (200, 303) if ATTEMPTS[name].get("own") else NOT_THERE
    assert response.status_code in (*expected, *ATTEMPTS[name].get("or", ())), response.text


@pytest.mark.parametrize("name", TOOL_ATTEMPTS)
def test_no_tool_leads_to_another(two: tuple[Person, Person], name: str) -> None:
    response = two[1].tool(name, filled(TOOL_ATTEMPTS[name], two[1].ids))
    tell_nothing(response)
    answer = response.json()["result"]
    if name not in ANSWER_FROM_OWN and not (name == "list_timeline_events" and not answer["isError"]):
        assert answer["isError"], answer
        assert '"not_found"' in response.text.replace("\\", "") or "no_" in response.text, answer
    if name == "list_timeline_events" and not answer["isError"]:
        assert answer["structuredContent"]["events"] == []


@pytest.fixture(scope="module")
def bad(two: tuple[Person, Person], current_database: Database) -> dict[tuple[str, str], str]:
    """A token for each credential that is none, by what it is for. The owner's own: theirs would be worth the most."""
    gone = person(two[0].client, "gone@example.org")
    gone.api("DELETE", "/api/account", json={"confirm": "gone@example.org"})
    tokens = {"none": "", "nonsense": "neo_nonsense", "of somebody who is gone": gone.token}
    for name in ("revoked", "expired"):
        made = two[1].api("POST", "/api/tokens", json={"name": name, "expires_in_days": 1}).json()
        tokens[name] = made["token"]
        if name == "revoked":
            two[1].api("DELETE", f"/api/tokens/{made['id']}")
        current_database.query(f"UPDATE tokens SET expires_at = now() WHERE id = '{made['id']}'")
    found = {(name, scope): token for name, token in tokens.items() for scope in ("read", "write")}
    for needed, given in (("read", "write"), ("write", "read")):
        made = two[1].api("POST", "/api/tokens", json={"name": "narrow", "scopes": [given]}).json()
        found["wrong scope", needed] = made["token"]
    return found


@pytest.mark.parametrize("credential", CREDENTIALS)
def test_no_address_takes_a_credential_that_is_none(
    two: tuple[Person, Person], bad: dict[tuple[str, str], str], credential: str
) -> None:
    for name in ATTEMPTS:
        method, address, body = attempt(name, two[1].ids)
        token = bad[credential, "write" if name in WRITES else "read"]
        headers = bearer(token) if token else {}
        response = alone(two[1].client).request(method, address, headers=headers, **body)
        tell_nothing(response)
        assert response.status_code == (403 if credential == "wrong scope" else 401), (name, response.text)
        assert response.json()["code"] in ("no_credential", "insufficient_scope"), name


@pytest.mark.parametrize("credential", CREDENTIALS)
def test_no_tool_takes_a_credential_that_is_none(
    two: tuple[Person, Person], bad: dict[tuple[str, str], str], credential: str
) -> None:
    for tool in TOOLS:
        narrow = Person(two[1].client, "", "", bad[credential, tool.scope])
        response = narrow.tool(tool.name, filled(TOOL_ATTEMPTS[tool.name], two[1].ids))
        tell_nothing(response)
        if credential == "wrong scope":
            assert response.status_code == 403 or "insufficient_scope" in response.text, (tool.name, response.text)
        else:
            assert response.status_code == 401, (tool.name, response.text)


@pytest.mark.parametrize("own_first", [True, False])
def test_nobody_merges_with_the_entity_of_another(two: tuple[Person, Person], own_first: bool) -> None:
    ends, stays = (two[1].ids["own"], two[0].ids["entity"])[:: 1 if own_first else -1]
    response = two[1].api("POST", f"/api/entities/{ends}/merge", json={"into": stays})
    tell_nothing(response)
    assert response.status_code == 404


def test_an_import_of_anothers_export_stays_with_who_imports(two: tuple[Person, Person]) -> None:
    third = person(two[0].client, "importer@example.org")
    response = third.api("POST", "/api/import", content=two[0].export())
    assert response.status_code in (200, 201), response.text
    assert third.api("DELETE", f"/api/entities/{two[0].ids['entity']}").status_code == 200
    assert two[0].api("GET", f"/api/entities/{two[0].ids['entity']}").json()["deleted"] is False
    other = two[1].api("GET", f"/api/entities/{two[0].ids['entity']}")
    assert other.status_code == 404


def test_the_same_file_of_two_people_is_two_files(two: tuple[Person, Person]) -> None:
    content = two[0].api("GET", f"/api/sources/{two[0].ids['source']}/file").content
    third = person(two[0].client, "same@example.org")
    stored = third.api("POST", "/api/sources", files={"file": ("mine.txt", content)})
    assert stored.status_code == 201, "not 200, which would tell that somebody has it"
    assert stored.json()["id"] == two[0].ids["source"], "ids are the same, and still apart"
    assert stored.json()["name"] == "mine.txt"
    assert third.api("DELETE", f"/api/sources/{two[0].ids['source']}").status_code == 204
    assert third.api("GET", f"/api/sources/{two[0].ids['source']}").status_code == 404
    assert two[0].api("GET", f"/api/sources/{two[0].ids['source']}/file").content == content


def test_who_goes_takes_nothing_of_another_along(two: tuple[Person, Person]) -> None:
    content = two[0].api("GET", f"/api/sources/{two[0].ids['source']}/file").content
    third = person(two[0].client, "leaving@example.org")
    third.api("POST", "/api/sources", files={"file": ("mine.txt", content)})
    assert third.api("DELETE", "/api/account", json={"confirm": third.email}).status_code == 204
    assert two[0].api("GET", f"/api/sources/{two[0].ids['source']}/file").content == content


def test_nothing_that_somebody_sends_becomes_the_user_of_a_transaction() -> None:
    """The one place that names the user to PostgreSQL takes a UUID, which the service has looked up."""
    source = Path(create.__code__.co_filename).parent
    using = [path for path in source.rglob("*.py") if re.search(r"set_config|neotoma\.user_id", path.read_text())]
    assert [path.name for path in using] == ["database.py"]
    text = using[0].read_text()
    assert re.findall(r"set_config\('neotoma\.user_id', (.*?)\)", text) == ["%s, true"]
    assert "(str(user),)" in text
    assert "user: UUID" in text
    calls = [
        call for path in source.rglob("*.py") for call in re.findall(r"database\.of\((.*?)\) as", path.read_text())
    ]
    assert len(calls) > 10
    for call in calls:
        assert re.fullmatch(r"UUID\(OWNER\)|(\w+\.)*user", call), call
