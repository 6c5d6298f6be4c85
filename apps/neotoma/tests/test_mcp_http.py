"""MCP over HTTP: who is let in, what they find, in which revision, and what a restart means to them."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psycopg
import pytest
from apps.neotoma.tests.conftest import HERE
from apps.neotoma.tests.support import TOKEN, Database, Service, migrate, running_server, serving, within
from apps.neotoma.tests.support_mcp import MODERN, Agent, answered
from mcp.shared.exceptions import MCPError

BOTH = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}


def send(service: Service, message: Any = LIST, token: str = TOKEN, **headers: str) -> httpx.Response:
    """One message, by hand."""
    credential = {"Authorization": f"Bearer {token}"} if token else {}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.post(f"{service.url}/mcp", json=message, headers={**BOTH, **credential, **named}, timeout=20)


def initialize(revision: str) -> dict[str, Any]:
    """The first message of a client of a revision."""
    params = {"protocolVersion": revision, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    return {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}


@pytest.mark.parametrize("revision", ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"])
def test_a_client_of_any_older_revision_shakes_hands_and_works(current: Service, revision: str) -> None:
    answer = send(current, initialize(revision)).json()["result"]
    assert answer["protocolVersion"] == revision
    assert answer["serverInfo"]["name"] == "neotoma"
    assert set(answer["capabilities"]) == {"tools"}
    assert "memory" in answer["instructions"]
    assert len(send(current, mcp_protocol_version=revision).json()["result"]["tools"]) == 18


@pytest.mark.parametrize(("mode", "revision"), [("legacy", "2025-11-25"), ("auto", MODERN), (MODERN, MODERN)])
def test_the_sdks_client_speaks_every_way_it_knows(current: Service, mode: str, revision: str) -> None:
    agent = Agent(f"{current.url}/mcp", TOKEN)

    async def does(client: Any) -> tuple[str, Any]:
        return client.protocol_version, await client.call_tool("list_entity_types", {})

    spoken, result = agent.use(does, mode)
    assert spoken == revision
    assert "types" in answered(result)


def test_an_unknown_revision_is_told_those_that_there_are(current: Service) -> None:
    name = "io.modelcontextprotocol"
    envelope = {f"{name}/protocolVersion": "2031-01-01", f"{name}/clientCapabilities": {}}
    answer = send(
        current, LIST | {"params": {"_meta": envelope}}, mcp_protocol_version="2031-01-01", mcp_method="tools/list"
    )
    assert answer.status_code == 400
    assert MODERN in json.dumps(answer.json()["error"])


def test_no_token_no_entry_and_the_answer_says_where_to_get_one(current: Service) -> None:
    for token in ("", "wrong", "neo_" + "A" * 43):
        answer = send(current, token=token)
        assert answer.status_code == 401
        assert sorted(answer.json()) == ["code", "details", "message", "trace_id"]
        challenge = answer.headers["www-authenticate"]
        assert f'resource_metadata="{current.url}/.well-known/oauth-protected-resource/mcp"' in challenge
        assert ('error="invalid_token"' in challenge) is bool(token)
        assert 'scope="read write"' in challenge


def test_the_metadata_leads_from_the_resource_to_the_registration(current: Service) -> None:
    resource = httpx.get(f"{current.url}/.well-known/oauth-protected-resource/mcp", timeout=60).json()
    assert resource["resource"] == f"{current.url}/mcp"
    assert resource["scopes_supported"] == ["read", "write"]
    (issuer,) = resource["authorization_servers"]
    server = httpx.get(f"{issuer}/.well-known/oauth-authorization-server", timeout=60).json()
    assert server["issuer"] == issuer == current.url  # to the letter, or clients turn away (RFC 8414, 3.3)
    assert server["code_challenge_methods_supported"] == ["S256"]
    for name in ("authorization_endpoint", "token_endpoint", "registration_endpoint", "revocation_endpoint"):
        assert server[name].startswith(current.url)
    asked = {"client_name": "An agent", "redirect_uris": ["http://127.0.0.1:9/back"], "scope": "read"}
    registered = httpx.post(
        server["registration_endpoint"], json=asked | {"token_endpoint_auth_method": "none"}, timeout=60
    )
    assert registered.status_code == 201, registered.text
    assert registered.json()["client_id"]


def test_where_tls_is_missing_there_is_no_oauth_but_tokens_work(current_database: Database, tmp_path: Any) -> None:
    url = "http://memory.example.org"
    with serving(HERE, current_database, tmp_path, NEOTOMA_URL=url) as service:
        assert service.client.get("/.well-known/oauth-protected-resource/mcp").status_code == 404
        assert "resource_metadata" not in send(service, token="").headers["www-authenticate"]
        assert send(service).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example.com"}, 421),
        ({"Host": "evil.example.com:80"}, 421),
        ({"Host": "127.0.0.1.evil.example.com"}, 421),
        ({"Origin": "http://evil.example.com"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost.evil.example.com"}, 403),
        ({"Host": "localhost:1234"}, 200),
        ({"Host": "127.0.0.1"}, 200),
        ({"Origin": "http://localhost:6274"}, 200),
    ],
)
def test_a_page_whose_name_was_bound_to_this_machine_gets_nothing(
    current: Service, headers: dict[str, str], status: int
) -> None:
    answer = send(current, **headers)
    assert answer.status_code == status
    if status != 200:
        assert answer.json()["code"] == ("wrong_host" if status == 421 else "wrong_origin")


def test_the_service_answers_to_its_own_name(current_database: Database, tmp_path: Any) -> None:
    with serving(HERE, current_database, tmp_path, NEOTOMA_URL="https://memory.example.org") as service:
        assert send(service, Host="memory.example.org").status_code == 200
        assert send(service, Host="memory.example.org", Origin="https://memory.example.org").status_code == 200
        assert send(service, Host="memory.example.org", Origin="http://memory.example.org").status_code == 403
        assert send(service, Host="other.example.org").status_code == 421


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
def test_without_sessions_there_is_nothing_to_listen_to_or_to_end(current: Service, method: str) -> None:
    answer = current.client.request(method, "/mcp", headers={"Accept": "text/event-stream"})
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    with current.asking_with("") as nobody:
        assert nobody.request(method, "/mcp").status_code == 401


def test_a_client_goes_on_at_another_slot_and_after_a_restart(
    current: Service, current_database: Database, tmp_path: Any
) -> None:
    shaken = send(current, initialize("2025-11-25"))
    assert "mcp-session-id" not in shaken.headers
    with serving(HERE, current_database, tmp_path) as other:
        assert send(other, mcp_protocol_version="2025-11-25", mcp_session_id="from-before").status_code == 200
    assert send(current, mcp_protocol_version="2025-11-25").status_code == 200


def test_a_call_under_way_is_answered_while_the_process_drains(current_database: Database, tmp_path: Any) -> None:
    waiting = "SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database WHERE NOT granted AND datname = "
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "list_entity_types"}}
    with (
        serving(HERE, current_database, tmp_path) as service,
        psycopg.connect(current_database.url("owner")) as lock,
        ThreadPoolExecutor() as pool,
    ):
        lock.execute("LOCK TABLE entities")
        asked = pool.submit(send, service, message)
        within(20, lambda: current_database.query(f"{waiting}'{current_database.name}'") != [(0,)])
        service.process.terminate()
        within(20, lambda: not takes_connections(service))
        lock.rollback()
        answer = asked.result(20)
        assert (answer.status_code, answer.json()["result"]["isError"]) == (200, False)
        assert service.process.wait(20) == 0


def takes_connections(service: Service) -> bool:
    """Whether somebody listens."""
    try:
        service.client.get("/health/live")
    except httpx.TransportError:
        return False
    return True


def test_a_token_that_is_revoked_ends_at_once(current: Service) -> None:
    made = current.client.post("/api/tokens", json={"name": "short"}).json()
    assert send(current, token=made["token"]).status_code == 200
    assert current.client.delete(f"/api/tokens/{made['id']}").status_code == 204
    assert send(current, token=made["token"]).status_code == 401


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b'{"jsonrpc": "2.0"}', b"\xff", b'{"jsonrpc":"2.0","id":1,"method":7}']
)
def test_what_is_no_message_is_refused_and_breaks_nothing(current: Service, content: bytes) -> None:
    for revision in ({}, {"MCP-Protocol-Version": MODERN}):
        headers = {**BOTH, "Authorization": f"Bearer {TOKEN}", **revision}
        answer = httpx.post(f"{current.url}/mcp", content=content, headers=headers, timeout=60)
        assert 400 <= answer.status_code < 500
        assert "Traceback" not in answer.text
    assert send(current).status_code == 200


def test_a_message_that_is_too_long_is_refused(current: Service) -> None:
    answer = send(current, LIST | {"params": {"x": "x" * 5_000_000}})
    assert answer.status_code == 413


def test_while_the_database_is_away_agents_are_told_to_try_again(tmp_path: Any) -> None:
    with running_server() as alone:
        database = alone.database()
        assert migrate(HERE, database, "up").returncode == 0
        with serving(HERE, database, tmp_path) as service:
            agent = Agent(f"{service.url}/mcp", TOKEN)
            assert agent.call("list_entity_types") == {"types": []}
            alone.stop()
            answer = send(service)
            assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
            alone.start()
            assert agent.call("list_entity_types") == {"types": []}


def test_nobody_who_does_not_ask_for_mcp_pays_for_it() -> None:
    program = (
        "import sys, neotoma.app; sys.exit(any(name.split('.')[0] in ('mcp', 'pydantic') for name in sys.modules))"
    )
    command = [sys.executable, "-c", program]
    assert subprocess.run(command, env={"PYTHONPATH": str(HERE / "src")}, timeout=60).returncode == 0


def test_each_message_is_counted_and_logged_under_its_path(current: Service) -> None:
    send(current)
    assert 'route="/mcp"' in current.client.get("/metrics").text
    assert any(line.get("route") == "/mcp" for line in current.log())


def test_a_bad_token_is_an_error_that_the_client_sees(current: Service) -> None:
    with pytest.raises(MCPError):
        Agent(f"{current.url}/mcp", "wrong").tools()
