"""The document that describes the REST API is true: of the routes, and of what a running service answers."""

import json
import re
from typing import Any

import httpx
import jsonschema
import pytest
from apps.neotoma.tests.support import Service
from starlette.routing import Route

from neotoma.api.description import OPERATIONS
from neotoma.api.openapi import document
from neotoma.api.schemas import PARAMETERS, SCHEMAS
from neotoma.app import ROUTES

Json = dict[str, Any]
URL = "https://neotoma.example"
INVOICE = b"Invoice No. 12\nDate: 2026-01-05\nTotal: 12.30 EUR\nHeron Ltd"


def described() -> set[tuple[str, str]]:
    paths = document(URL)["paths"]
    return {(method.upper(), path) for path, methods in paths.items() for method in methods}


def served() -> set[tuple[str, str]]:
    routes = (route for route in ROUTES if isinstance(route, Route) and route.path.startswith("/api/"))
    pairs = {(method, route.path) for route in routes for method in route.methods or ()}
    return {(method, re.sub(r":\w+}", "}", path)) for method, path in pairs if method != "HEAD"}


def test_what_is_described_is_served_and_what_is_served_is_described() -> None:
    assert described() == served()


def test_every_schema_is_json_schema_and_every_reference_leads_somewhere() -> None:
    whole = document(URL)
    for name, schema in SCHEMAS.items():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert name in json.dumps(whole).replace(f'"{name}":', ""), f"{name} is used nowhere"
    for reference in re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(whole)):
        found: Any = whole
        for part in reference.split("/"):
            found = found[part]


def test_every_operation_has_what_openapi_asks_for() -> None:
    whole = document(URL)
    assert set(whole) == {"openapi", "info", "servers", "paths", "components"}
    assert whole["openapi"] == "3.1.0"
    names = [operation.name for operation in OPERATIONS]
    assert len(names) == len(set(names))
    for path, methods in whole["paths"].items():
        for method, operation in methods.items():
            _checked(path, method, operation)
    assert {name for operation in OPERATIONS for name in operation.query} == set(PARAMETERS)


def _checked(path: str, method: str, operation: Json) -> None:
    assert operation["summary"].endswith(".")
    inside = [p["name"] for p in operation.get("parameters", ()) if p["in"] == "path"]
    assert inside == re.findall(r"{(\w+)}", path)
    assert "default" in operation["responses"]
    assert len(operation["responses"]) >= 2
    assert all("description" in response or "$ref" in response for response in operation["responses"].values())
    assert ("requestBody" in operation) <= (method in ("post", "delete"))


def strictly(schema: Any) -> Any:
    """The same, but nothing that is not described may be in an object."""
    if isinstance(schema, list):
        return [strictly(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    strict = {name: strictly(part) for name, part in schema.items()}
    return strict | {"additionalProperties": False} if isinstance(schema.get("properties"), dict) else strict


@pytest.fixture(scope="module")
def member(current: Service) -> "Member":
    client = current.new_user()
    source = current.upload("invoice.txt", INVOICE, client).raise_for_status().json()
    record = {"name": "Note", "entities": [{"type": "contact", "name": name} for name in ("Ann Heron", "Bo Egret")]}
    stored = client.post("/api/entities", json=record).raise_for_status().json()
    return Member(client, source, stored)


class Member:
    """Somebody with a file and a record."""

    def __init__(self, client: httpx.Client, source: Json, stored: Json) -> None:
        self.client, self.source, self.stored = client, source, stored

    def whole(self) -> Json:
        """The document."""
        described: Json = self.client.get("/openapi.json").json()
        return described

    def ask(self, method: str, path: str, status: int, body: Json | None = None, at: str = "") -> Any:
        """Ask what is described as ``path``, at a real address; the answer is as described."""
        answer = self.client.request(method, at or path, json=body)
        assert answer.status_code == status, answer.text
        whole = strictly(self.whole())
        responses = whole["paths"][path.split("?")[0]][method.lower()]["responses"]
        content = responses[str(status)].get("content", {}) if str(status) in responses else None
        schema = content["application/json"]["schema"] if content else {"$ref": "#/components/schemas/Problem"}
        if content == {}:
            assert answer.content == b""
            return None
        jsonschema.validate(answer.json(), schema | {"components": whole["components"]})
        return answer.json()


def test_the_document_is_served_and_names_the_service(current: Service) -> None:
    answer = httpx.get(f"{current.url}/openapi.json", timeout=60)

    assert answer.status_code == 200
    assert answer.json() == document(current.url)


def test_sources_are_as_described(member: Member) -> None:
    id = member.source["id"]
    member.ask("GET", "/api/sources", 200)
    found = member.ask("GET", "/api/sources/{id}", 200, at=f"/api/sources/{id}")
    assert found["observations"]
    hits = member.ask("GET", "/api/search", 200, at="/api/search?q=heron&limit=5")
    assert hits["hits"]


def test_the_memory_is_as_described(member: Member) -> None:
    one, two = member.stored["entity_ids"]
    at = f"/api/entities/{one}"
    member.ask("GET", "/api/entities", 200, at="/api/entities?type=contact&limit=1")
    member.ask(
        "POST", "/api/entities/{id}/corrections", 200, {"fields": {"email": "ann@example.org"}}, f"{at}/corrections"
    )
    assert member.ask("GET", "/api/entities/{id}", 200, at=at)["fields"]
    member.ask("GET", "/api/entities/{id}/observations", 200, at=f"{at}/observations")
    assert member.ask("GET", "/api/entities/{id}/provenance/{field}", 200, at=f"{at}/provenance/email")["provenance"]
    made = member.ask("POST", "/api/relationships", 201, {"type": "part_of", "from": one, "to": two})
    member.ask("POST", "/api/relationships", 409, {"type": "part_of", "from": two, "to": one})
    assert member.ask("GET", "/api/entities/{id}/relationships", 200, at=f"{at}/relationships")["related"]
    member.ask("DELETE", "/api/relationships/{id}", 204, at=f"/api/relationships/{made['id']}")
    member.ask("DELETE", "/api/entities/{id}", 200, at=at)
    member.ask("POST", "/api/entities/{id}/restore", 200, at=f"{at}/restore")
    member.ask("POST", "/api/entities/{id}/merge", 200, {"into": two}, f"{at}/merge")
    assert member.ask("GET", "/api/timeline", 200)["events"]
    assert member.ask("GET", "/api/types", 200)["types"]


def test_export_and_import_are_as_described(current: Service, member: Member) -> None:
    archive = member.client.get("/api/export")
    assert (
        archive.headers["content-type"] in member.whole()["paths"]["/api/export"]["get"]["responses"]["200"]["content"]
    )

    answer = current.new_user().post("/api/import", content=archive.content)

    assert answer.status_code == 200, answer.text
    jsonschema.validate(answer.json(), SCHEMAS["Counts"])


def test_a_record_is_found_by_its_words(member: Member) -> None:
    (hit,) = member.ask("GET", "/api/search", 200, at="/api/search?q=egret")["hits"]

    assert hit["source"]["id"] == member.stored["source_id"]


@pytest.mark.parametrize(
    "query", ["", "q=", "q=%00", f"q={'x' * 10_000}", "q=a&limit=0", "q=a&limit=x", "q=a&limit=101"]
)
def test_a_search_that_makes_no_sense_is_refused_as_described(member: Member, query: str) -> None:
    member.ask("GET", "/api/search", 422, at=f"/api/search?{query}")


def test_nothing_is_found_for_stop_words_and_for_another_type(member: Member) -> None:
    for query in ("q=the", "q=heron&type=payslip", "q=%ff%fe"):
        assert member.ask("GET", "/api/search", 200, at=f"/api/search?{query}")["hits"] == []


def test_refusals_are_as_described(member: Member) -> None:
    member.ask("GET", "/api/sources/{id}", 404, at="/api/sources/src_none")
    member.ask("GET", "/api/sources", 422, at="/api/sources?limit=none")
    member.ask("POST", "/api/tokens", 422, {})
    member.ask("POST", "/api/sessions", 401, {"email": "nobody@example.org", "password": "a wrong pass phrase"})


def test_accounts_and_tokens_are_as_described(current: Service) -> None:
    client = current.new_user()
    member = Member(client, {}, {})
    member.ask("GET", "/api/account", 200)
    made = member.ask("POST", "/api/tokens", 201, {"name": "agent", "scopes": ["read"], "expires_in_days": 30})
    member.ask("GET", "/api/tokens", 200)
    member.ask("DELETE", "/api/tokens/{id}", 204, at=f"/api/tokens/{made['id']}")
    someone = {"email": "ann.heron@example.org", "password": "a long enough pass phrase"}
    member.ask("POST", "/api/accounts", 201, someone)
    member.ask("POST", "/api/sessions", 201, someone)
    member.ask("DELETE", "/api/account", 204, {"password": "a long enough pass phrase"})


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one.scope], ids=lambda one: one.name)
def test_nobody_is_let_in_without_a_credential(current: Service, operation: Any) -> None:
    path = re.sub(r"{\w+}", "x", operation.path)

    answer = httpx.request(operation.method, f"{current.url}{path}")

    assert answer.status_code == 401
    jsonschema.validate(answer.json(), strictly(SCHEMAS["Problem"]))


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one.method == "GET"], ids=lambda one: one.name)
def test_a_parameter_that_is_not_described_is_refused_and_those_that_are_named(member: Member, operation: Any) -> None:
    told = member.ask("GET", operation.path, 422, at=f"{re.sub(r'{.*?}', 'x', operation.path)}?q=a&limits=1")
    known = [PARAMETERS[name]["name"] for name in operation.query]
    assert told["code"] == "unknown_parameter"
    assert told["details"] == {"parameter": "limits" if "q" in known else "q", "known": known}
    assert all(name in told["message"] for name in known)
