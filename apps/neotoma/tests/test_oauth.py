"""OAuth for agents: what a client, honest or not, gets out of it."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from apps.neotoma.tests.support import Database
from apps.neotoma.tests.support_accounts import URL, bearer, client, nest, sign_up
from apps.neotoma.tests.support_oauth import (
    BACK,
    RESOURCE,
    answer,
    asked,
    consent_page,
    register,
    signed_in,
    tokens,
    works,
)
from starlette.testclient import TestClient


@pytest.fixture(scope="module")
def talking(current_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with client(nest(current_database, tmp_path_factory.mktemp("storage"))) as opened:
        yield opened


@pytest.fixture
def browser(talking: TestClient, current_database: Database) -> Iterator[TestClient]:
    """A browser in which somebody new is signed in."""
    with signed_in(talking, current_database) as browser:
        yield browser


def test_an_agent_is_let_in_and_nothing_less_than_that_lets_it_in(browser: TestClient) -> None:
    agent = register(browser)
    got = tokens(browser, agent)
    assert (got["token_type"], got["scope"], got["expires_in"]) == ("Bearer", "read write", 3600)
    assert works(browser, got["access_token"])
    assert not works(browser, got["refresh_token"])
    assert not works(browser, got["access_token"][:-1])


def test_the_page_names_the_agent_where_its_answer_goes_and_what_it_may(browser: TestClient) -> None:
    page = consent_page(browser, register(browser, client_name="<b>Nice\u202e agent</b>"), scope="read")
    assert "&lt;b&gt;Nice agent&lt;/b&gt;" in page.text
    assert "agent.example" in page.text
    assert "Read your" in page.text
    assert "delete in your memory" not in page.text
    policy = page.headers["content-security-policy"]
    assert "form-action 'self' https://agent.example;" in policy
    assert "frame-ancestors 'none'" in policy


def test_who_is_not_signed_in_signs_in_first_and_comes_back(browser: TestClient) -> None:
    agent = register(browser)
    browser.cookies.clear()
    page = consent_page(browser, agent)
    assert page.status_code == 303
    where = urlsplit(page.headers["location"])
    assert where.path == "/login"
    after = parse_qs(where.query)["next"][0]
    assert after.startswith("/oauth/consent?")
    assert agent["client_id"] in after


def test_the_agent_gets_its_state_and_the_name_of_the_server_back(browser: TestClient) -> None:
    agent = register(browser)
    got = answer(browser, agent)
    assert (got["state"], got["iss"]) == ("st&ate", URL)
    no = answer(browser, agent, said="deny")
    assert (no["error"], no["state"], no["iss"]) == ("access_denied", "st&ate", URL)
    assert "code" not in no


def test_nobody_says_yes_for_a_person_from_another_page_or_with_a_token(browser: TestClient) -> None:
    agent = register(browser)
    page = consent_page(browser, agent)
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.text)) | {"answer": "allow"}
    without = {name: value for name, value in fields.items() if name != "csrf"}
    assert browser.post("/oauth/consent", data=without).status_code == 403
    evil = {"Origin": "https://evil.example"}
    assert browser.post("/oauth/consent", data=fields, headers=evil).status_code == 403
    _, token = sign_up(browser, f"token{fields['client_id'][:8]}@example.org")
    browser.cookies.clear()
    assert browser.post("/oauth/consent", data=fields, headers=bearer(token)).status_code == 403


@pytest.mark.parametrize(
    "change",
    [
        {"redirect_uri": "https://evil.example/back"},
        {"redirect_uri": f"{BACK}/more"},
        {"client_id": "nobody"},
        {"client_id": "\0"},
        {"scope": "admin"},
        {"scope": ""},
        {"code_challenge": "short"},
        {"code_challenge": ""},
    ],
    ids=str,
)
def test_the_consent_page_trusts_nothing_in_its_address(browser: TestClient, change: dict[str, str]) -> None:
    agent = register(browser)
    location = browser.get("/authorize", params=asked(agent)).headers["location"]
    query = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()} | change
    assert browser.get("/oauth/consent", params=query).status_code == 400
    token = re.search(r'name="csrf" value="(\w+)"', browser.get("/account").text)
    assert token
    response = browser.post("/oauth/consent", data=query | {"csrf": token[1], "answer": "allow"})
    assert response.status_code == 400
    assert "location" not in response.headers


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": ""}, "invalid_target"),
        ({"resource": "https://other.example/mcp"}, "invalid_target"),
        ({"resource": URL}, "invalid_target"),
        ({"scope": "admin"}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
    ],
    ids=str,
)
def test_what_is_not_allowed_is_told_to_the_agent(browser: TestClient, change: dict[str, str], error: str) -> None:
    agent = register(browser)
    sent = browser.get("/authorize", params=asked(agent, **change))
    where = urlsplit(sent.headers["location"])
    if change == {"code_challenge": ""}:
        assert browser.get(sent.headers["location"]).status_code == 400
        return
    assert where.netloc == "agent.example"
    assert parse_qs(where.query)["error"] == [error]


@pytest.mark.parametrize("change", [{"redirect_uri": "https://evil.example"}, {"client_id": "x"}], ids=str)
def test_nobody_is_redirected_to_an_address_that_was_not_registered(browser: TestClient, change: Any) -> None:
    response = browser.get("/authorize", params=asked(register(browser), **change))
    assert response.status_code == 400
    assert "location" not in response.headers


def test_a_person_sees_who_was_let_in_and_sends_them_away(browser: TestClient) -> None:
    agent = register(browser, client_name="Visitor")
    got = tokens(browser, agent)
    page = browser.get("/account").text
    assert "Visitor" in page
    where = re.search(r'action="(/account/agents/[^"]+/revoke)"', page)
    token = re.search(r'name="csrf" value="(\w+)"', page)
    assert where
    assert token
    assert browser.post(where[1], data={"csrf": token[1]}).status_code == 303
    assert not works(browser, got["access_token"])
    assert "Visitor" not in browser.get("/account").text


def test_the_server_says_what_it_can(browser: TestClient) -> None:
    said = browser.get("/.well-known/oauth-authorization-server").json()
    assert said["issuer"] == URL
    assert said["code_challenge_methods_supported"] == ["S256"]
    assert "none" in said["token_endpoint_auth_methods_supported"]
    assert said["registration_endpoint"] == f"{URL}/register"
    resource = browser.get("/.well-known/oauth-protected-resource/mcp").json()
    assert resource["resource"] == RESOURCE
    assert resource["authorization_servers"] == [URL]
