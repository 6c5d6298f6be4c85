"""Whoever sends JSON that cannot be taken is told what is wrong with it, and where."""

import httpx
import pytest
from apps.neotoma.tests.support import Service


@pytest.fixture(scope="module")
def client(current: Service) -> httpx.Client:
    return current.new_user()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "Nothing was sent. Send a JSON object with"),
        (b'{"a": 1,}', "not JSON: expecting property name enclosed in double quotes at line 1, column 9."),
        (b'{"a":\n "b" "c"}', "not JSON: expecting ',' delimiter at line 2, column 6."),
        (b'{"a": "\xff"}', "not JSON: byte 8 is no UTF-8."),
        (b"[" * 20_000, "nested too deeply"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "A number in the JSON has more than 4,300 digits."),
        (b"[]", "That is JSON, but no object."),
    ],
    ids=["empty", "comma", "second line", "not UTF-8", "deep", "digits", "list"],
)
@pytest.mark.parametrize("path", ["/api/entities", "/api/relationships", "/api/tokens"])
def test_what_is_wrong_with_json_is_said_with_its_place(
    client: httpx.Client, path: str, body: bytes, words: str
) -> None:
    if path == "/api/tokens":
        if not body:
            return  # there, everything may be left out but the name
        words = words.replace(" with", "")
    answer = client.post(path, content=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_json")
    assert words in answer.json()["message"]


def test_what_is_missing_is_named(client: httpx.Client) -> None:
    answer = client.post("/api/entities", json={"name": "r"})
    assert answer.json()["message"].startswith("entities is missing.")


@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_name_is_missing_and_not_too_long(client: httpx.Client, empty: str) -> None:
    one = {"type": "contact", "name": "A"}
    for record in (
        {"name": empty, "entities": [one]},
        {"name": "r", "entities": [one | {"name": empty}]},
        {"name": "r", "entities": [one | {"fields": {empty: "x"}}]},
    ):
        answer = client.post("/api/entities", json=record)
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_name")
        assert "is missing" in answer.json()["message"]
    answer = client.post("/api/entities", json={"name": "r", "entities": [one | {"fields": {"city": empty}}]})
    assert "is empty" in answer.json()["message"]
    answer = client.post("/api/entities", json={"name": "r" * 301, "entities": [one]})
    assert "Shorten it" in answer.json()["message"]
