"""Two people in one service: one with a memory full of a word, and one who should never read it."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from apps.neotoma.tests.support import Database
from apps.neotoma.tests.support_accounts import PASSWORD, bearer, sign_up
from starlette.testclient import TestClient

WORD = "zebrafish"
"""In the name, text, entities, fields, relationships, tokens and agents of the one, who alone ever says it."""
ASKED = "quokka"
"""Beside it in many places: what the other searches for."""
MCP = {"Accept": "application/json, text/event-stream"}
RECORD = {
    "name": f"{WORD} record",
    "entities": [
        {
            "type": f"{WORD}_kind",
            "name": f"{WORD} {ASKED} one",
            "fields": {"born": "2001-02-03", "note": f"{WORD} {ASKED}"},
        },
        {"type": f"{WORD}_kind", "name": f"{WORD} two", "fields": {"note": f"{WORD} note"}},
        {"type": f"{WORD}_kind", "name": f"{WORD} three", "fields": {"note": f"{WORD} note"}},
        {"type": f"{WORD}_kind", "name": f"{WORD} four", "fields": {"note": f"{WORD} note"}},
    ],
    "relationships": [{"type": f"{WORD}_of", "from": 0, "to": 1}],
}
OWN = {"name": "own", "entities": [{"type": "own_kind", "name": "own", "fields": {"note": "own"}}]}


@dataclass
class Person:
    """Somebody with credentials of every kind."""

    client: TestClient
    email: str
    id: str
    token: str
    cookie: str = ""
    csrf: str = ""
    ids: dict[str, str] = field(default_factory=dict)

    def api(self, method: str, address: str, **more: Any) -> Any:
        """A request with the token."""
        headers = bearer(self.token) | more.pop("headers", {})
        return alone(self.client).request(method, address, headers=headers, **more)

    def page(self, method: str, address: str, **more: Any) -> Any:
        """A request of a browser that is signed in, with the CSRF token in its form."""
        headers = {"Cookie": f"neotoma={self.cookie}", "Accept": "text/html"}
        if method == "POST":
            more["data"] = {"csrf": self.csrf} | more.get("data", {})
        return alone(self.client).request(method, address, headers=headers, **more)

    def tool(self, name: str, arguments: dict[str, Any]) -> Any:
        """A call of a tool."""
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}
        return alone(self.client).post("/mcp", json=call, headers=bearer(self.token) | MCP)

    def export(self) -> bytes:
        """All of the person's memory."""
        response = self.api("GET", "/api/export")
        assert response.status_code == 200
        return bytes(response.content)


def alone(client: TestClient) -> TestClient:
    """The client without the cookies of whoever used it before."""
    client.cookies.clear()
    return client


def person(client: TestClient, email: str) -> Person:
    """Somebody new, signed in."""
    user, token = sign_up(alone(client), email)
    alone(client).post("/login", data={"email": email, "password": PASSWORD})
    one = Person(client, email, str(user), token, client.cookies["neotoma"])
    found = re.search(r'name="csrf" value="(\w+)"', one.page("GET", "/account").text)
    assert found
    one.csrf = found[1]
    return one


def fill(one: Person, database: Database) -> None:
    """A memory with the word in everything, and the ids of it all."""
    content = f"{WORD} {ASKED} invoice no {WORD}\nTotal: 12.30 EUR\nDate: 2026-01-05\n".encode()
    source = one.api("POST", "/api/sources", files={"file": (f"{WORD}.txt", content)}).json()["id"]
    one.api("POST", "/api/sources", files={"file": (f"{WORD}2.txt", content + b"more")})
    record = one.api("POST", "/api/entities", json=RECORD).json()
    first, second, third, fourth = record["entity_ids"]
    assert one.api("POST", f"/api/entities/{third}/merge", json={"into": first}).status_code == 200
    assert one.api("DELETE", f"/api/entities/{fourth}").status_code == 200
    (link,) = one.api("GET", f"/api/entities/{first}/relationships").json()["related"]
    token = one.api("POST", "/api/tokens", json={"name": f"{WORD} token"}).json()["id"]
    database.query(
        "INSERT INTO oauth_grants (user_id, id, client_id, client_name, scopes, resource, challenge, redirect_uri, "
        f"explicit) VALUES ('{one.id}', '{one.id}', 'c', '{WORD} agent', '{{read}}', 'r', 'x', 'u', true)"
    )
    observation = one.api("GET", f"/api/entities/{first}/observations").json()["observations"][0]["id"]
    one.ids = {
        "source": source,
        "record": record["source_id"],
        "entity": first,
        "second": second,
        "merged": third,
        "deleted": fourth,
        "relationship": link["relationship"]["id"],
        "observation": observation,
        "token": token,
        "grant": one.id,
    }
    for name in ("sources", "entities", "timeline"):
        one.ids[f"{name}_cursor"] = one.api("GET", f"/api/{name}?limit=1").json()["next"] or ""


def state(database: Database, user: str) -> str:
    """Every row of a user, as text, without what a read may change."""
    query = (
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'user_id' "
        "WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND c.relname <> 'departed' ORDER BY 1"
    )
    tables = [name for (name,) in database.query(query)]
    each = " UNION ALL ".join(
        f"SELECT '{name}', (to_jsonb(t) - 'used_at' - 'seen_at')::text FROM {name} t WHERE user_id = '{user}'"
        for name in tables
    )
    return json.dumps(sorted(database.query(each)))
