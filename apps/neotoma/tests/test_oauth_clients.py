"""Who may register as an agent, and what its secret is for."""

import hashlib
from collections.abc import Iterator

import pytest
from apps.neotoma.tests.support import Database
from apps.neotoma.tests.support_accounts import client, nest
from apps.neotoma.tests.support_oauth import BACK, answer, consent_page, exchange, register, signed_in, with_secret
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
