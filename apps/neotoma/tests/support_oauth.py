"""An agent that asks to be let in, and a person's browser in which it does."""

import base64
import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from apps.neotoma.tests.support import Database
from apps.neotoma.tests.support_accounts import PASSWORD, URL, bearer, sign_up
from starlette.testclient import TestClient

VERIFIER = "v" * 50
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
BACK = "https://agent.example/back"
RESOURCE = f"{URL}/mcp"
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


@contextmanager
def signed_in(talking: TestClient, database: Database) -> Iterator[TestClient]:
    """A browser in which somebody new is signed in."""
    database.query("DELETE FROM attempts")
    ((number,),) = database.query("SELECT count(*) FROM users")
    talking.cookies.clear()
    sign_up(talking, f"person{number}@example.org")
    talking.post("/login", data={"email": f"person{number}@example.org", "password": PASSWORD})
    yield talking
    talking.cookies.clear()


def register(browser: TestClient, **metadata: Any) -> dict[str, Any]:
    """A new agent."""
    body = {"redirect_uris": [BACK], "client_name": "Claudine", "token_endpoint_auth_method": "none"} | metadata
    response = browser.post("/register", json=body)
    assert response.status_code == 201, response.text
    answer: dict[str, Any] = response.json()
    return answer


def asked(agent: dict[str, Any], **changes: str) -> dict[str, str]:
    """What an agent asks of ``/authorize``."""
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
    """The page on which a person decides."""
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
    """What ``/token`` answers to a code."""
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
    """What ``/token`` answers to a refresh token."""
    form = {"grant_type": "refresh_token", "client_id": agent["client_id"], "refresh_token": token}
    return browser.post("/token", data=form | changes)


def tokens(browser: TestClient, agent: dict[str, Any], **changes: str) -> dict[str, Any]:
    """The tokens of an agent that is let in."""
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


def with_secret(browser: TestClient, agent: dict[str, Any], code: str, secret: str, method: str) -> Any:
    """What ``/token`` answers to a code of an agent that has a secret."""
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


def age(database: Database, kind: str, interval: str) -> None:
    """Make every code or token of a kind older."""
    database.query(f"UPDATE oauth_tokens SET expires_at = expires_at - interval '{interval}' WHERE kind = '{kind}'")
