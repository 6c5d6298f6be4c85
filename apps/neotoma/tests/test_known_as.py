"""The same bytes under another ending are one source; whoever sends them is told that they stay read as they were."""

import base64
import re
import uuid
from typing import Any

import httpx
import jsonschema
import pytest
from apps.neotoma.tests.support import Service
from apps.neotoma.tests.support_mcp import agent_of

from neotoma.api.schemas import SCHEMAS

Json = dict[str, Any]


@pytest.fixture
def client(current: Service) -> httpx.Client:
    return current.new_user()


def content() -> bytes:
    """Bytes that nobody has sent."""
    return f"name,email\nAda,{uuid.uuid4().hex}@example.org\n".encode()


def test_the_same_bytes_as_another_type_are_said_to_be_known_as_the_first(
    current: Service, client: httpx.Client
) -> None:
    sent = content()
    first = current.upload("one.txt", sent, client)
    again = current.upload("one.csv", sent, client)
    assert (first.status_code, again.status_code) == (201, 200)
    known: Json = again.json()
    told = known.pop("known_as")
    assert known == first.json()
    assert (told["name"], told["media_type"]) == ("one.txt", "text/plain")
    assert "text/csv" in told["message"]
    jsonschema.validate(again.json(), SCHEMAS["KnownSource"])
    client.delete(f"/api/sources/{known['id']}").raise_for_status()
    anew = current.upload("one.csv", sent, client)  # as the message says
    assert (anew.status_code, anew.json()["media_type"]) == (201, "text/csv")


@pytest.mark.parametrize(("first", "second"), [("one.txt", "two.txt"), ("one.TXT", "two.txt")])
def test_another_name_of_the_same_type_is_nothing_to_tell(
    current: Service, client: httpx.Client, first: str, second: str
) -> None:
    sent = content()
    one = current.upload(first, sent, client).raise_for_status()
    again = current.upload(second, sent, client)
    assert (again.status_code, again.json()) == (200, one.json())


def test_a_person_is_told_on_the_page(current: Service, client: httpx.Client) -> None:
    sent, more = content(), content()
    current.upload("one.txt", sent, client).raise_for_status()
    page = client.post("/upload", files={"file": ("one.csv", sent)}, follow_redirects=True)
    assert "under another ending" in page.text
    both = [("file", ("one.csv", sent)), ("file", ("more.csv", more))]
    page = client.post("/upload", files=both, follow_redirects=True)
    assert "under another ending" in page.text


def test_an_agent_is_told_in_the_answer(current: Service) -> None:
    agent, sent = agent_of(current), content()
    encoded = base64.b64encode(sent).decode()
    first = agent.call("upload_file", name="one.txt", content_base64=encoded)
    again = agent.call("upload_file", name="one.csv", content_base64=encoded)
    assert (first["outcome"], first["known_as"]) == ("new", None)
    assert (again["outcome"], again["source"]) == ("known", first["source"])
    assert (again["known_as"]["name"], again["known_as"]["media_type"]) == ("one.txt", "text/plain")
    assert re.search(r"text/csv.*[Dd]elete", again["known_as"]["message"])
