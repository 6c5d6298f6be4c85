"""An agent's way through MCP: hello, the tools, store a record, find it again, relate, search and fetch."""

from contextlib import suppress

import kit
import offered
import person
from agent import Agent, Refused
from kit import Client, expect, fresh_word


def the_server_says_hello(client: Client) -> None:
    """With its name and the revision that was asked for."""
    said = Agent(client).initialize()
    expect(said["serverInfo"]["name"], "neotoma", "name")
    expect(said["protocolVersion"], "2025-06-18", "revision")


def it_offers_the_tools_of_its_version(client: Client) -> None:
    """No more, no fewer, each with a schema and words on what it does."""
    tools = Agent(client).tools()
    expect(sorted(tools), sorted(offered.TOOLS), "tools")
    for name, tool in tools.items():
        expect((tool["inputSchema"]["type"], bool(tool["description"])), ("object", True), name)


def what_is_stored_is_found_again(client: Client) -> None:
    """A record's entities, their snapshot and the observation it comes from."""
    agent, word = Agent(client), fresh_word()
    entity = _stored(agent, word)
    found = agent.call("retrieve_entities", type="person", query=word)["entities"]
    expect([(one["id"], one["name"]) for one in found], [(entity, f"Ada {word}")], "retrieve_entities")
    snapshot = agent.call("retrieve_entity_snapshot", entity_id=entity)
    expect(snapshot["fields"]["email"]["value"], f"{word}@example.org", "field")
    (said,) = agent.call("list_observations", entity_id=entity)["observations"]
    expect(said["id"], snapshot["fields"]["email"]["observation_id"], "observation")


def entities_are_related_and_never_in_a_circle(client: Client) -> None:
    """part_of one way; the other way is refused."""
    agent, word = Agent(client), fresh_word()
    one, other = _stored(agent, word), _stored(agent, fresh_word())
    made = agent.call("create_relationship", **{"type": "part_of", "from": one, "to": other})
    expect((made["from"], made["to"]), (one, other), "relationship")
    try:
        agent.call("create_relationship", **{"type": "part_of", "from": other, "to": one})
    except Refused as refused:
        expect(refused.code, "cycle", "refusal of a circle")
    else:
        raise AssertionError("a circle was not refused")


def documents_are_searched_and_fetched(client: Client) -> None:
    """In the shape that connectors expect."""
    agent, word = Agent(client), fresh_word()
    source = client.ready(f"{word}.txt", f"A note on {word}\n".encode())
    (result,) = agent.call("search", query=word)["results"]
    expect((result["id"], set(result)), (source["id"], {"id", "title", "url"}), "result")
    if "fetch" in offered.TOOLS:
        document = agent.call("fetch", id=result["id"])
        expect((document["id"], word in document["text"]), (source["id"], True), "document")


def what_makes_no_sense_is_refused(client: Client) -> None:
    """An unknown tool, wrong arguments, an id that is not there."""
    agent = Agent(client)
    for tool, arguments in (
        ("no_such_tool", {}),
        ("store", {"name": 7}),
        ("retrieve_entity_snapshot", {"entity_id": "ent_000000000000000000000000"}),
    ):
        with suppress(Refused):
            raise AssertionError(f"{tool} {arguments} was answered with {agent.call(tool, **arguments)}")


def nobody_gets_in_without_a_token(client: Client) -> None:
    """401 for none and for a wrong one."""
    for stranger in (Client(client.base_url), Client(client.base_url, "wrong")):
        try:
            Agent(stranger).initialize()
        except Refused as refused:
            expect(refused.code, 401, "status")
        else:
            raise AssertionError("a stranger was let in")


def _stored(agent: Agent, word: str) -> str:
    entity = {"type": "person", "name": f"Ada {word}", "fields": {"email": f"{word}@example.org"}}
    stored = agent.call("store", name=f"record {word}", entities=[entity])
    return str(stored["entity_ids"][0])


CHECKS = [
    the_server_says_hello,
    it_offers_the_tools_of_its_version,
    what_is_stored_is_found_again,
    entities_are_related_and_never_in_a_circle,
    documents_are_searched_and_fetched,
    what_makes_no_sense_is_refused,
    nobody_gets_in_without_a_token,
]

if __name__ == "__main__":
    kit.main("mcp", CHECKS, person.fresh)
