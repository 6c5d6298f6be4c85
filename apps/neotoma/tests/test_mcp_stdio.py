"""MCP on standard input and output, as a program on a person's machine starts it."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from apps.neotoma.tests.conftest import HERE
from apps.neotoma.tests.support import TOKEN, Database, Service
from apps.neotoma.tests.support_mcp import Json, alone, answered, refusal
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.shared.exceptions import MCPError

COMMAND = [sys.executable, "-m", "neotoma", "mcp"]


@pytest.fixture
def environment(current: Service, current_database: Database) -> dict[str, str]:
    """What a person's configuration says: where the memory is, and whose."""
    return {
        "PYTHONPATH": str(HERE / "src"),
        "PYTHONWARNINGS": "error",
        "DATABASE_URL": current_database.url("app"),
        "NEOTOMA_STORAGE": str(current.storage),
        "NEOTOMA_URL": current.url,
        "NEOTOMA_TOKEN": TOKEN,
    }


def token(service: Service, **asked: Any) -> Json:
    """A new token of somebody new."""
    made: Json = service.new_user().post("/api/tokens", json={"name": "mine", **asked}).json()
    return made


def ended(environment: dict[str, str], given: str = "") -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    return subprocess.run(COMMAND, env=environment, input=given, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_an_agent_on_this_machine_uses_the_memory(
    current: Service, environment: dict[str, str], tmp_path: Path, mode: str
) -> None:
    environment["NEOTOMA_TOKEN"] = token(current)["token"]

    async def story(client: Client) -> None:
        assert len((await client.list_tools()).tools) == 18
        told = answered(await client.call_tool("get_authenticated_user", {}))
        assert (told["via"], told["scopes"]) == ("stdio", ["read", "write"])
        entity = {"type": "contact", "name": "Ada", "fields": {"city": "London"}}
        (ada,) = answered(await client.call_tool("store", {"name": "a call", "entities": [entity]}))["entity_ids"]
        before = answered(await client.call_tool("list_observations", {"entity_id": ada}))["observations"]
        await client.call_tool("correct", {"entity_id": ada, "fields": {"city": "Rome"}})
        at = {"entity_id": ada, "at": before[0]["observed_at"]}
        assert answered(await client.call_tool("retrieve_entity_snapshot", at))["fields"]["city"]["value"] == "London"
        assert refusal(await client.call_tool("fetch", {"id": "ent_0"}))["code"] == "no_entity"
        uploaded = {"name": "note.txt", "content_base64": "QSBzaGlueSB0aGltYmxlLgo="}
        assert answered(await client.call_tool("upload_file", uploaded))["outcome"] == "new"
        (found,) = answered(await client.call_tool("search", {"query": "thimble"}))["results"]
        assert found["url"].startswith(f"{current.url}/sources/src_")

    use(environment, story, mode, tmp_path)


def test_a_token_that_is_revoked_ends_a_conversation_that_goes_on(
    current: Service, environment: dict[str, str], tmp_path: Path
) -> None:
    person = current.new_user()
    made = person.post("/api/tokens", json={"name": "mine"}).json()
    environment["NEOTOMA_TOKEN"] = made["token"]

    async def story(client: Client) -> None:
        answered(await client.call_tool("list_entity_types", {}))
        assert person.delete(f"/api/tokens/{made['id']}").status_code == 204
        assert refusal(await client.call_tool("list_entity_types", {}))["code"] == "no_credential"
        with pytest.raises(MCPError, match="revoked"):
            await client.list_tools(cache_mode="bypass")

    use(environment, story, "auto", tmp_path)


def use(environment: dict[str, str], story: Any, mode: str, folder: Path) -> None:
    """Let a client of the SDK start the program and talk to it; it may say nothing on standard error."""

    async def run() -> None:
        parameters = StdioServerParameters(command=COMMAND[0], args=COMMAND[1:], env=environment)
        with (folder / "err").open("w") as err:
            async with Client(stdio_client(parameters, errlog=err), mode=mode) as client:
                await story(client)

    try:
        asyncio.run(run())
    except BaseExceptionGroup as group:
        raise alone(group) from group
    events = [json.loads(line)["event"] for line in (folder / "err").read_text().splitlines()]
    assert set(events) <= {"tool"}


def test_nothing_but_the_protocol_is_on_standard_output(environment: dict[str, str]) -> None:
    params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    messages = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "list_entity_types", "arguments": {}}},
        {"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": {"name": "fetch", "arguments": {"id": "ent_0"}}},
    ]
    answers: list[Json] = []
    with subprocess.Popen(
        COMMAND, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for message in messages:
            process.stdin.write(json.dumps(message) + "\n")
            process.stdin.flush()
            if "id" in message:
                answers.append(json.loads(process.stdout.readline()))
        process.stdin.close()
        assert process.stdout.read() == ""
        assert process.wait(20) == 0
    assert [answer["id"] for answer in answers] == [1, 2, 3]
    assert all("result" in answer for answer in answers)


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"NEOTOMA_TOKEN": ""}, 2, "set NEOTOMA_TOKEN"),
        ({"NEOTOMA_TOKEN": "neo_" + "A" * 43}, 2, "expired or was revoked"),
        ({"DATABASE_URL": ""}, 2, "set DATABASE_URL"),
        ({"NEOTOMA_STORAGE": ""}, 2, "set NEOTOMA_STORAGE"),
        ({"DATABASE_URL": "postgresql://app@/n1?host=/nowhere"}, 1, "database does not answer"),
    ],
)
def test_what_is_missing_is_said_on_standard_error(
    environment: dict[str, str], changes: dict[str, str], code: int, words: str
) -> None:
    done = ended(environment | changes)
    assert (done.returncode, done.stdout) == (code, "")
    assert words in done.stderr
    said = [line for line in done.stderr.splitlines() if not line.startswith("{")]
    assert len(said) == 1
