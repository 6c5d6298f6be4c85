"""Tokens for programs, and the legacy owner's, which was there before there were users."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from apps.neotoma.tests.conftest import HERE
from apps.neotoma.tests.support import Database
from apps.neotoma.tests.support_accounts import LEGACY, PASSWORD, bearer, client, nest, sign_up
from starlette.testclient import TestClient

from neotoma.accounts import tokens
from neotoma.settings import OWNER


@pytest.fixture(scope="module")
def talking(current_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with client(nest(current_database, tmp_path_factory.mktemp("storage"))) as opened:
        yield opened


@pytest.fixture
def token(talking: TestClient, current_database: Database) -> str:
    """The token of somebody new."""
    current_database.query("DELETE FROM attempts")
    ((number,),) = current_database.query("SELECT count(*) FROM users")
    return sign_up(talking, f"person{number}@example.org")[1]


def make(talking: TestClient, token: str, **body: object) -> dict[str, str]:
    response = talking.post("/api/tokens", headers=bearer(token), json={"name": "script"} | body)
    assert response.status_code == 201, response.text
    made: dict[str, str] = response.json()
    return made


def status(talking: TestClient, token: str) -> int:
    return talking.get("/api/account", headers=bearer(token)).status_code


def test_a_token_is_shown_once_and_works(talking: TestClient, token: str, current_database: Database) -> None:
    made = make(talking, token)
    assert made["token"].startswith("neo_")
    assert status(talking, made["token"]) == 200
    assert made["token"] not in talking.get("/api/tokens", headers=bearer(token)).text
    assert made["token"] not in str(current_database.query("SELECT t::text FROM tokens t"))


def test_a_token_that_may_only_read_changes_nothing(talking: TestClient, token: str) -> None:
    reading = make(talking, token, scopes=["read"])["token"]
    assert status(talking, reading) == 200
    for method, address in (("POST", "/api/tokens"), ("DELETE", "/api/tokens/tok_1"), ("DELETE", "/api/account")):
        response = talking.request(method, address, headers=bearer(reading), json={"name": "x"})
        assert (response.status_code, response.json()["code"]) == (403, "insufficient_scope")


def test_a_token_that_may_only_write_reads_nothing(talking: TestClient, token: str) -> None:
    assert status(talking, make(talking, token, scopes=["write"])["token"]) == 403


def test_no_token_makes_one_that_may_more_than_itself(talking: TestClient, token: str) -> None:
    writing = make(talking, token, scopes=["write"])["token"]
    response = talking.post("/api/tokens", headers=bearer(writing), json={"name": "x", "scopes": ["read"]})
    assert response.status_code == 403


def test_a_revoked_token_is_over_at_once(talking: TestClient, token: str) -> None:
    made = make(talking, token)
    assert talking.delete(f"/api/tokens/{made['id']}", headers=bearer(token)).status_code == 204
    assert status(talking, made["token"]) == 401
    assert talking.delete(f"/api/tokens/{made['id']}", headers=bearer(token)).status_code == 404


def test_an_expired_token_is_over(talking: TestClient, token: str, current_database: Database) -> None:
    made = make(talking, token, expires_in_days=1)
    assert status(talking, made["token"]) == 200
    current_database.query(f"UPDATE tokens SET expires_at = now() - interval '1 second' WHERE id = '{made['id']}'")
    assert status(talking, made["token"]) == 401
    assert made["id"] not in talking.get("/api/tokens", headers=bearer(token)).text


def test_the_list_says_when_a_token_was_last_used(talking: TestClient, token: str) -> None:
    made = make(talking, token, name="  two   words ")
    (before,) = [one for one in listed(talking, token) if one["id"] == made["id"]]
    assert (before["name"], before["last_used_at"]) == ("two words", None)
    status(talking, made["token"])
    (after,) = [one for one in listed(talking, token) if one["id"] == made["id"]]
    assert after["last_used_at"]


def listed(talking: TestClient, token: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = talking.get("/api/tokens", headers=bearer(token)).json()["tokens"]
    return found


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"name": ""}, "bad_name"),
        ({"name": "x" * 101}, "bad_name"),
        ({"name": "nul\0"}, "bad_name"),
        ({"name": 7}, "bad_name"),
        ({"scopes": []}, "bad_scopes"),
        ({"scopes": ["admin"]}, "bad_scopes"),
        ({"scopes": "read"}, "bad_scopes"),
        ({"scopes": [["read"]]}, "bad_scopes"),
        ({"expires_in_days": 0}, "bad_expiry"),
        ({"expires_in_days": -1}, "bad_expiry"),
        ({"expires_in_days": True}, "bad_expiry"),
        ({"expires_in_days": "²"}, "bad_expiry"),
        ({"expires_in_days": 10**30}, "bad_expiry"),
        ({"expires_in_days": [1]}, "bad_expiry"),
    ],
    ids=str,
)
def test_what_cannot_be_a_token_is_refused(talking: TestClient, token: str, body: dict[str, object], code: str) -> None:
    response = talking.post("/api/tokens", headers=bearer(token), json={"name": "x"} | body)
    assert (response.status_code, response.json()["code"]) == (422, code)


def test_nobody_has_tokens_without_end(talking: TestClient, token: str, current_database: Database) -> None:
    user = talking.get("/api/account", headers=bearer(token)).json()["user_id"]
    current_database.query(
        "INSERT INTO tokens (user_id, id, digest, kind, name, scopes) "
        f"SELECT '{user}', 'tok_' || n, '', 'made', 'x', '{{read}}' FROM generate_series(1, {tokens.MOST}) n"
    )
    response = talking.post("/api/tokens", headers=bearer(token), json={"name": "x"})
    assert (response.status_code, response.json()["code"]) == (409, "too_many_tokens")


def test_the_legacy_owners_token_goes_on_working(talking: TestClient) -> None:
    account = talking.get("/api/account", headers=bearer(LEGACY)).json()
    assert account["user_id"] == OWNER
    assert status(talking, LEGACY + "x") == 401
    assert status(talking, "") == 401


def test_no_token_is_legacy_where_none_is_set(current_database: Database, tmp_path: Path) -> None:
    with client(nest(current_database, tmp_path, token="")) as without:
        assert status(without, "") == 401
        assert without.get("/api/account", headers={"Authorization": "Bearer"}).status_code == 401


def account(database: Database, *words: str, says: str = "", role: str = "owner") -> subprocess.CompletedProcess[str]:
    """Run ``neotoma account``."""
    environment = {"PYTHONPATH": str(HERE / "src"), "MIGRATION_DATABASE_URL": database.url(role)}
    command = [sys.executable, "-m", "neotoma", "account", *words]
    return subprocess.run(command, env=environment, input=says, capture_output=True, text=True, timeout=60)


def test_the_legacy_owner_becomes_a_person_who_signs_in(talking: TestClient, current_database: Database) -> None:
    done = account(current_database, "claim", "--email", "Owner@Example.org", says=f"{PASSWORD}\n")
    assert done.returncode == 0, done.stderr
    response = talking.post("/api/sessions", json={"email": "owner@example.org", "password": PASSWORD})
    assert response.json()["user_id"] == OWNER
    assert talking.get("/api/account", headers=bearer(LEGACY)).json()["email"] == "owner@example.org"


@pytest.mark.parametrize(
    ("email", "password", "words"),
    [("owner@example.org", "short", "10 to 200"), ("nonsense", PASSWORD, "e-mail"), ("", "", "e-mail")],
)
def test_a_claim_that_makes_no_sense_changes_nothing(
    current_database: Database, email: str, password: str, words: str
) -> None:
    before = current_database.query(f"SELECT email, password_hash FROM users WHERE user_id = '{OWNER}'")
    done = account(current_database, "claim", "--email", email, says=f"{password}\n")
    assert done.returncode == 1
    assert words in done.stderr
    assert current_database.query(f"SELECT email, password_hash FROM users WHERE user_id = '{OWNER}'") == before


def test_nobody_claims_the_email_of_somebody_else(talking: TestClient, token: str, current_database: Database) -> None:
    email = talking.get("/api/account", headers=bearer(token)).json()["email"]
    done = account(current_database, "claim", "--email", email, says=f"{PASSWORD}\n")
    assert (done.returncode, "Somebody else" in done.stderr) == (1, True)


def test_a_token_is_printed_for_a_person(talking: TestClient, token: str, current_database: Database) -> None:
    email = talking.get("/api/account", headers=bearer(token)).json()["email"]
    done = account(current_database, "token", "--email", email, "--scope", "read", "--days", "3")
    assert done.returncode == 0, done.stderr
    assert talking.get("/api/account", headers=bearer(done.stdout.strip())).json()["scopes"] == ["read"]
    assert account(current_database, "token", "--email", "nobody@example.org").returncode == 1


def test_who_forgot_the_password_gets_a_new_one_and_whoever_was_signed_in_is_out(
    talking: TestClient, token: str, current_database: Database
) -> None:
    email = talking.get("/api/account", headers=bearer(token)).json()["email"]
    asked = {"email": email, "password": "another good pass phrase"}
    done = account(current_database, "password", "--email", email, says=f"{asked['password']}\n")
    assert done.returncode == 0, done.stderr
    assert status(talking, token) == 401
    assert talking.post("/api/sessions", json=asked).status_code == 201
    for whose, words in (("nobody@example.org", "Nobody signs in"), (email, "10 to 200")):
        refused = account(current_database, "password", "--email", whose, says="short\n")
        assert (refused.returncode, words in refused.stderr) == (1, True)


def test_a_role_that_does_not_see_all_rows_may_not(current_database: Database) -> None:
    done = account(current_database, "claim", "--email", "x@example.org", says=f"{PASSWORD}\n", role="app")
    assert (done.returncode, "BYPASSRLS" in done.stderr) == (1, True)
