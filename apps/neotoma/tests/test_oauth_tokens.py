"""What codes and tokens are worth, to whom, and how long."""

import asyncio
from collections.abc import Iterator

import pytest
from apps.neotoma.tests.support import Database
from apps.neotoma.tests.support_accounts import bearer, client, nest, sign_up
from apps.neotoma.tests.support_oauth import (
    CHALLENGE,
    RESOURCE,
    age,
    answer,
    exchange,
    refresh,
    register,
    signed_in,
    tokens,
    works,
)
from starlette.testclient import TestClient

from neotoma.accounts import grants
from neotoma.database import Database as Pool


@pytest.fixture(scope="module")
def talking(current_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with client(nest(current_database, tmp_path_factory.mktemp("storage"))) as opened:
        yield opened


@pytest.fixture
def browser(talking: TestClient, current_database: Database) -> Iterator[TestClient]:
    """A browser in which somebody new is signed in."""
    with signed_in(talking, current_database) as browser:
        yield browser


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
