"""OAuth for agents: what a client, honest or not, gets out of it."""

import asyncio
import base64
import hashlib
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from apps.neotoma.tests.support import Database
from apps.neotoma.tests.support_accounts import PASSWORD, URL, bearer, client, nest, sign_up
from starlette.testclient import TestClient

from neotoma.accounts import grants
from neotoma.database import Database as Pool

VERIFIER = "v" * 50
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
BACK = "https://agent.example/back"
RESOURCE = f"{URL}/mcp"
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


@pytest.fixture(scope="module")
def talking(current_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with client(nest(current_database, tmp_path_factory.mktemp("storage"))) as opened:
        yield opened


@pytest.fixture
def browser(talking: TestClient, current_database: Database) -> Iterator[TestClient]:
    """A browser in which somebody new is signed in."""
    current_database.query("DELETE FROM attempts")
    ((number,),) = current_database.query("SELECT count(*) FROM users")
    talking.cookies.clear()
    sign_up(talking, f"person{number}@example.org")
    talking.post("/login", data={"email": f"person{number}@example.org", "password": PASSWORD})
    yield talking
    talking.cookies.clear()


def register(browser: TestClient, **metadata: Any) -> dict[str, Any]:
    body = {"redirect_uris": [BACK], "client_name": "Claudine", "token_endpoint_auth_method": "none"} | metadata
    response = browser.post("/register", json=body)
    assert response.status_code == 201, response.text
    answer: dict[str, Any] = response.json()
    return answer


def asked(agent: dict[str, Any], **changes: str) -> dict[str, str]:
    return {
        "response_type": "code",
        "client_id": agent["client_id"],
        "redirect_uri": agent["redirect_uris"][0],
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        "state": "st&ate",
        "scope": "read write",
        "resource": RESOURCE,
    } | changes


def consent_page(browser: TestClient, agent: dict[str, Any], **changes: str) -> Any:
    sent = browser.get("/authorize", params=asked(agent, **changes))
    assert sent.status_code == 302, sent.text
    assert sent.headers["location"].startswith(f"{URL}/oauth/consent?"), sent.headers["location"]
    return browser.get(sent.headers["location"])


def answer(browser: TestClient, agent: dict[str, Any], said: str = "allow", **changes: str) -> dict[str, str]:
    """What the agent gets back in the address."""
    page = consent_page(browser, agent, **changes)
    assert page.status_code == 200, page.text
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.text))
    fields = {name: value.replace("&amp;", "&") for name, value in fields.items()}
    response = browser.post("/oauth/consent", data=fields | {"answer": said})
    assert response.status_code == 303, response.text
    where = urlsplit(response.headers["location"])
    assert f"{where.scheme}://{where.netloc}{where.path}" == agent["redirect_uris"][0]
    return {name: values[0] for name, values in parse_qs(where.query).items()}


def exchange(browser: TestClient, agent: dict[str, Any], code: str, **changes: str) -> Any:
    form = {
        "grant_type": "authorization_code",
        "client_id": agent["client_id"],
        "code": code,
        "code_verifier": VERIFIER,
        "redirect_uri": agent["redirect_uris"][0],
        "resource": RESOURCE,
    }
    return browser.post("/token", data=form | changes)


def refresh(browser: TestClient, agent: dict[str, Any], token: str, **changes: str) -> Any:
    form = {"grant_type": "refresh_token", "client_id": agent["client_id"], "refresh_token": token}
    return browser.post("/token", data=form | changes)


def tokens(browser: TestClient, agent: dict[str, Any], **changes: str) -> dict[str, Any]:
    response = exchange(browser, agent, answer(browser, agent, **changes)["code"])
    assert response.status_code == 200, response.text
    got: dict[str, Any] = response.json()
    return got


def works(browser: TestClient, access: str) -> bool:
    """Whether MCP takes the token."""
    headers = bearer(access) | {"Accept": "application/json, text/event-stream"}
    status = browser.post("/mcp", json=PING, headers=headers).status_code
    assert status in (200, 202, 400, 401), status
    return status != 401


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


@pytest.mark.parametrize(
    "change",
    [
        {"code_verifier": "w" * 50},
        {"code_verifier": CHALLENGE},
        {"redirect_uri": "https://agent.example/other"},
        {"resource": "https://other.example/mcp"},
        {"code": "noc_wrong"},
    ],
    ids=str,
)
def test_a_code_is_worth_nothing_without_what_belongs_to_it(browser: TestClient, change: dict[str, str]) -> None:
    agent = register(browser)
    code = answer(browser, agent)["code"]
    assert exchange(browser, agent, **({"code": code} | change)).status_code == 400
    assert exchange(browser, agent, code).status_code == 200, "and the attempt has not spoilt it"


def test_a_code_belongs_to_one_agent(browser: TestClient) -> None:
    one, other = register(browser), register(browser)
    code = answer(browser, one)["code"]
    assert exchange(browser, other, code).status_code == 400


def test_a_code_used_twice_ends_all_that_came_of_it(browser: TestClient) -> None:
    agent = register(browser)
    code = answer(browser, agent)["code"]
    got = exchange(browser, agent, code).json()
    assert works(browser, got["access_token"])
    assert exchange(browser, agent, code).status_code == 400
    assert not works(browser, got["access_token"])
    assert refresh(browser, agent, got["refresh_token"]).status_code == 400


def test_a_code_is_good_for_two_minutes(browser: TestClient, current_database: Database) -> None:
    agent = register(browser)
    code = answer(browser, agent)["code"]
    age(current_database, "code", "3 minutes")
    assert exchange(browser, agent, code).status_code == 400


def test_a_refresh_gives_new_tokens_and_ends_the_old(browser: TestClient) -> None:
    agent = register(browser)
    first = tokens(browser, agent)
    second = refresh(browser, agent, first["refresh_token"]).json()
    assert works(browser, second["access_token"])
    assert not works(browser, first["access_token"])
    third = refresh(browser, agent, second["refresh_token"]).json()
    assert works(browser, third["access_token"])


def test_a_refresh_token_used_twice_ends_the_whole_family(browser: TestClient) -> None:
    agent = register(browser)
    first = tokens(browser, agent)
    second = refresh(browser, agent, first["refresh_token"]).json()
    assert refresh(browser, agent, first["refresh_token"]).json()["error"] == "invalid_grant"
    assert not works(browser, second["access_token"])
    assert refresh(browser, agent, second["refresh_token"]).status_code == 400


def test_of_two_refreshes_at_the_same_time_none_is_left(browser: TestClient, current_database: Database) -> None:
    got = tokens(browser, register(browser))

    async def race() -> list[grants.Issued | None]:
        database = Pool(current_database.url("app"), 4)
        await database.open()
        held = await grants.held(database, "refresh", got["refresh_token"])
        assert held is not None
        issued = await asyncio.gather(*(grants.exchange(database, held, ["read"]) for _ in range(2)))
        await database.close()
        return issued

    first, second = asyncio.run(race())
    assert (first is None) != (second is None)
    assert not works(browser, (first or second).access)  # type: ignore[union-attr] - one of them is there


def test_a_refresh_token_belongs_to_one_agent(browser: TestClient) -> None:
    one, other = register(browser), register(browser)
    got = tokens(browser, one)
    assert refresh(browser, other, got["refresh_token"]).status_code == 400
    assert refresh(browser, one, got["refresh_token"]).status_code == 200, "and nothing is spoilt"


def test_a_refresh_may_ask_for_less_and_later_for_all_but_never_for_more(browser: TestClient) -> None:
    agent = register(browser)
    less = refresh(browser, agent, tokens(browser, agent)["refresh_token"], scope="read").json()
    assert less["scope"] == "read"
    every = refresh(browser, agent, less["refresh_token"]).json()
    assert every["scope"] == "read write"
    reading = tokens(browser, agent, scope="read")
    assert refresh(browser, agent, reading["refresh_token"], scope="read write").status_code == 400


def test_tokens_are_for_mcp_here_and_for_nothing_else(browser: TestClient, current_database: Database) -> None:
    agent = register(browser)
    got = tokens(browser, agent)
    browser.cookies.clear()
    assert browser.get("/api/account", headers=bearer(got["access_token"])).status_code == 401
    current_database.query("UPDATE oauth_grants SET resource = 'https://other.example/mcp'")
    assert not works(browser, got["access_token"])


def test_without_a_resource_a_token_is_for_the_only_one_there_is(browser: TestClient) -> None:
    agent = register(browser)
    got = tokens(browser, agent, resource=RESOURCE + "/")
    assert works(browser, got["access_token"])


def test_an_access_token_lasts_an_hour(browser: TestClient, current_database: Database) -> None:
    agent = register(browser)
    got = tokens(browser, agent)
    age(current_database, "access", "61 minutes")
    assert not works(browser, got["access_token"])
    assert refresh(browser, agent, got["refresh_token"]).status_code == 200


def test_a_refresh_token_that_nobody_uses_expires(browser: TestClient, current_database: Database) -> None:
    agent = register(browser)
    got = tokens(browser, agent)
    age(current_database, "refresh", "61 days")
    assert refresh(browser, agent, got["refresh_token"]).status_code == 400


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_revoking_either_token_ends_both(browser: TestClient, kind: str) -> None:
    agent = register(browser)
    got = tokens(browser, agent)
    form = {"token": got[kind], "client_id": agent["client_id"]}
    assert browser.post("/revoke", data=form).status_code == 200
    assert not works(browser, got["access_token"])
    assert refresh(browser, agent, got["refresh_token"]).status_code == 400
    assert browser.post("/revoke", data=form | {"token": "noa_unknown"}).status_code == 200


def test_nobody_revokes_the_token_of_another_agent(browser: TestClient) -> None:
    one, other = register(browser), register(browser)
    got = tokens(browser, one)
    browser.post("/revoke", data={"token": got["access_token"], "client_id": other["client_id"]})
    assert works(browser, got["access_token"])


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


@pytest.mark.parametrize("method", ["client_secret_post", "client_secret_basic"])
def test_an_agent_with_a_secret_has_to_send_it_and_it_is_kept_as_a_digest(
    browser: TestClient, current_database: Database, method: str
) -> None:
    agent = register(browser, token_endpoint_auth_method=method)
    secret = agent["client_secret"]
    assert secret not in str(current_database.query("SELECT metadata::text FROM oauth_clients"))
    code = answer(browser, agent)["code"]
    kept = hashlib.sha256(secret.encode()).hexdigest()
    for wrong in ("", "wrong", kept, secret + "x"):
        assert with_secret(browser, agent, code, wrong, method).status_code == 401
    assert exchange(browser, agent, code).status_code == 401
    assert with_secret(browser, agent, code, secret, method).status_code == 200


def with_secret(browser: TestClient, agent: dict[str, Any], code: str, secret: str, method: str) -> Any:
    if method == "client_secret_post":
        return exchange(browser, agent, code, client_secret=secret)
    basic = base64.b64encode(f"{agent['client_id']}:{secret}".encode()).decode()
    form = {
        "grant_type": "authorization_code",
        "client_id": agent["client_id"],
        "code": code,
        "code_verifier": VERIFIER,
        "redirect_uri": BACK,
    }
    return browser.post("/token", data=form, headers={"Authorization": f"Basic {basic}"})


@pytest.mark.parametrize(
    "uri",
    [
        "http://agent.example/back",
        "javascript:alert(1)",
        "data:text/html,x",
        "https://agent.example/back#part",
        "https://user@agent.example/back",
        "https://agent.example/" + "x" * 2000,
    ],
    ids=range(6),
)
def test_a_redirect_that_could_lead_a_code_astray_is_not_registered(browser: TestClient, uri: str) -> None:
    response = browser.post("/register", json={"redirect_uris": [uri], "token_endpoint_auth_method": "none"})
    assert response.status_code == 400
    assert response.json()["error"] in ("invalid_redirect_uri", "invalid_client_metadata")


@pytest.mark.parametrize("uri", ["http://127.0.0.1:7777/x", "http://localhost/x", "http://[::1]:1/x", "editor://go/x"])
def test_programs_on_this_machine_may_be_redirected_to(browser: TestClient, uri: str) -> None:
    agent = register(browser, redirect_uris=[uri])
    page = consent_page(browser, agent)
    assert page.status_code == 200
    assert (
        f"form-action 'self' {uri.partition('/x')[0].partition('go')[0].rstrip('/') or uri}"
        in (page.headers["content-security-policy"])
        or "editor:" in page.headers["content-security-policy"]
    )


def test_registrations_are_limited(browser: TestClient, current_database: Database) -> None:
    register(browser)
    current_database.query("UPDATE attempts SET count = 100000")
    response = browser.post("/register", json={"redirect_uris": [BACK]})
    assert response.status_code == 429
    assert int(response.headers["retry-after"]) > 0


def test_nothing_secret_is_kept_as_it_is(browser: TestClient, current_database: Database) -> None:
    agent = register(browser)
    code = answer(browser, agent)["code"]
    got = exchange(browser, agent, code).json()
    rows = str([current_database.query(f"SELECT t::text FROM {name} t") for name in ("oauth_tokens", "oauth_grants")])
    for secret in (code, got["access_token"], got["refresh_token"]):
        assert secret not in rows


def test_what_expired_is_swept_at_the_next_sign_in(browser: TestClient, current_database: Database) -> None:
    tokens(browser, register(browser))
    for kind in ("code", "access", "refresh"):
        age(current_database, kind, "1 year")
    sign_up(browser, "sweeper@example.org")
    assert current_database.query("SELECT count(*) FROM oauth_tokens") == [(0,)]
    assert current_database.query("SELECT count(*) FROM oauth_grants") == [(0,)]


def test_the_server_says_what_it_can(browser: TestClient) -> None:
    said = browser.get("/.well-known/oauth-authorization-server").json()
    assert said["issuer"] == URL
    assert said["code_challenge_methods_supported"] == ["S256"]
    assert "none" in said["token_endpoint_auth_methods_supported"]
    assert said["registration_endpoint"] == f"{URL}/register"
    resource = browser.get("/.well-known/oauth-protected-resource/mcp").json()
    assert resource["resource"] == RESOURCE
    assert resource["authorization_servers"] == [URL]


def age(database: Database, kind: str, interval: str) -> None:
    """Make every code or token of a kind older."""
    database.query(f"UPDATE oauth_tokens SET expires_at = expires_at - interval '{interval}' WHERE kind = '{kind}'")
