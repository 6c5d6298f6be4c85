"""Sessions of browsers: their cookie, their end, and pages of others that would speak for them."""

import re
from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path

import pytest
from apps.neotoma.tests.support import Database
from apps.neotoma.tests.support_accounts import LEGACY, PASSWORD, URL, bearer, client, nest, sign_up
from starlette.testclient import TestClient

from neotoma.web.accounts import local


@pytest.fixture(scope="module")
def talking(current_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with client(nest(current_database, tmp_path_factory.mktemp("storage"))) as opened:
        yield opened


@pytest.fixture
def browser(talking: TestClient, current_database: Database) -> Iterator[TestClient]:
    """A browser with no cookies yet."""
    current_database.query("DELETE FROM attempts")
    talking.cookies.clear()
    yield talking
    talking.cookies.clear()


def sign_in(browser: TestClient, email: str, password: str = PASSWORD, **form: str) -> str:
    """Signs in on the page; the cookie."""
    response = browser.post("/login", data={"email": email, "password": password, **form})
    assert response.status_code == 303, response.text
    return browser.cookies["neotoma"]


def csrf(browser: TestClient) -> str:
    """The token in the forms of the account page."""
    found = re.search(r'name="csrf" value="([0-9a-f]{64})"', browser.get("/account").text)
    assert found
    return found[1]


def test_signing_up_on_the_page_signs_in(browser: TestClient) -> None:
    response = browser.post("/sign-up", data={"email": "ada@example.org", "password": PASSWORD})
    assert response.status_code == 303
    assert response.headers["location"] == "/"
    assert "ada@example.org" in browser.get("/account").text


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(browser: TestClient) -> None:
    response = browser.post("/sign-up", data={"email": "bea@example.org", "password": PASSWORD})
    cookie = SimpleCookie(response.headers["set-cookie"])["neotoma"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["secure"]) == (True, "lax", "/", "")
    assert len(cookie.value) >= 43, "256 bits"


def test_with_tls_the_cookie_never_goes_without(current_database: Database, tmp_path: Path) -> None:
    with client(nest(current_database, tmp_path, url="https://memory.example.org")) as secure:
        response = secure.post("/sign-up", data={"email": "cara@example.org", "password": PASSWORD})
        cookie = SimpleCookie(response.headers["set-cookie"])["__Host-neotoma"]
        assert cookie["secure"] is True
        assert "cara@example.org" in secure.get("/account").text


def test_only_a_digest_of_the_cookie_is_kept(browser: TestClient, current_database: Database) -> None:
    sign_up(browser, "dora@example.org")
    secret = sign_in(browser, "dora@example.org")
    assert secret not in str(current_database.query("SELECT encode(digest, 'escape'), digest FROM sessions"))


def test_every_sign_in_has_a_new_session_and_ends_the_one_before(browser: TestClient) -> None:
    sign_up(browser, "emma@example.org")
    first = sign_in(browser, "emma@example.org")
    second = sign_in(browser, "emma@example.org")
    assert first != second
    browser.cookies.clear()
    assert browser.get("/api/account", headers={"Cookie": f"neotoma={first}"}).status_code == 401
    assert browser.get("/api/account", headers={"Cookie": f"neotoma={second}"}).status_code == 200


def test_a_cookie_that_was_there_before_is_not_the_one_after(browser: TestClient) -> None:
    sign_up(browser, "fay@example.org")
    browser.cookies.set("neotoma", "planted-by-somebody")
    browser.post("/login", data={"email": "fay@example.org", "password": PASSWORD})
    assert browser.get("/api/account", headers={"Cookie": "neotoma=planted-by-somebody"}).status_code == 401


@pytest.mark.parametrize(
    "age", ["seen_at = now() - interval '8 days'", "created_at = now() - interval '31 days'"], ids=["idle", "old"]
)
def test_a_session_ends_of_idleness_and_of_age(browser: TestClient, current_database: Database, age: str) -> None:
    email = f"{'gina' if 'seen' in age else 'greta'}@example.org"
    sign_up(browser, email)
    sign_in(browser, email)
    assert browser.get("/api/account").status_code == 200
    current_database.query(f"UPDATE sessions SET {age}")
    assert browser.get("/api/account").status_code == 401


def test_a_session_in_use_does_not_grow_idle(browser: TestClient, current_database: Database) -> None:
    sign_up(browser, "hugo@example.org")
    sign_in(browser, "hugo@example.org")
    current_database.query("UPDATE sessions SET seen_at = now() - interval '6 days'")
    assert browser.get("/api/account").status_code == 200
    (row,) = current_database.query("SELECT now() - max(seen_at) < interval '1 hour' FROM sessions")
    assert row == (True,)


def test_signing_out_ends_the_session_in_the_database_too(browser: TestClient) -> None:
    sign_up(browser, "ida@example.org")
    secret = sign_in(browser, "ida@example.org")
    assert browser.post("/logout", data={"csrf": csrf(browser)}).status_code == 303
    browser.cookies.clear()
    assert browser.get("/api/account", headers={"Cookie": f"neotoma={secret}"}).status_code == 401


def test_a_new_password_ends_every_session_and_sign_in_token_but_this_one(browser: TestClient) -> None:
    _, token = sign_up(browser, "jane@example.org")
    elsewhere = sign_in(browser, "jane@example.org")
    browser.cookies.clear()
    before = sign_in(browser, "jane@example.org")
    form = {"csrf": csrf(browser), "password": PASSWORD, "new_password": "a better password"}
    assert browser.post("/account/password", data=form).status_code == 303
    assert "The password is changed" in browser.get("/account?done=password").text
    browser.cookies.clear()
    for secret in (elsewhere, before):
        assert browser.get("/api/account", headers={"Cookie": f"neotoma={secret}"}).status_code == 401
    assert browser.get("/api/account", headers=bearer(token)).status_code == 401
    assert browser.post("/login", data={"email": "jane@example.org", "password": PASSWORD}).status_code == 401
    sign_in(browser, "jane@example.org", "a better password")


def test_a_new_password_needs_the_old_one(browser: TestClient) -> None:
    sign_up(browser, "kim@example.org")
    sign_in(browser, "kim@example.org")
    form = {"csrf": csrf(browser), "password": "not the old one", "new_password": "a better password"}
    assert browser.post("/account/password", data=form).status_code == 401
    short = {"csrf": csrf(browser), "password": PASSWORD, "new_password": "short"}
    assert browser.post("/account/password", data=short).status_code == 422


def test_signing_out_everywhere_else_leaves_this_session(browser: TestClient) -> None:
    sign_up(browser, "lea@example.org")
    elsewhere = sign_in(browser, "lea@example.org")
    browser.cookies.clear()
    sign_in(browser, "lea@example.org")
    assert browser.post("/account/sessions", data={"csrf": csrf(browser)}).status_code == 303
    assert browser.get("/api/account").status_code == 200
    browser.cookies.clear()
    assert browser.get("/api/account", headers={"Cookie": f"neotoma={elsewhere}"}).status_code == 401


FORMS = ["/logout", "/account/password", "/account/sessions", "/account/tokens", "/account/delete"]


@pytest.mark.parametrize("address", [*FORMS, "/account/tokens/tok_1/revoke", "/account/agents/1/revoke"])
@pytest.mark.parametrize("sent", [{}, {"csrf": ""}, {"csrf": "0" * 64}, {"csrf": "é"}])
def test_no_form_is_taken_without_the_token_of_its_session(
    browser: TestClient, current_database: Database, address: str, sent: dict[str, str]
) -> None:
    signed_in(browser, current_database)
    assert browser.post(address, data=sent | {"password": PASSWORD, "name": "x"}).status_code == 403
    assert browser.get("/api/account").status_code == 200


def test_the_token_of_another_session_is_none(browser: TestClient, current_database: Database) -> None:
    signed_in(browser, current_database)
    other = csrf(browser)
    browser.cookies.clear()
    signed_in(browser, current_database)
    assert browser.post("/account/sessions", data={"csrf": other}).status_code == 403


@pytest.mark.parametrize("origin", ["https://evil.example", "null", f"{URL}.evil.example", f"{URL}:81"])
def test_another_sites_page_may_not_even_with_the_token(
    browser: TestClient, current_database: Database, origin: str
) -> None:
    signed_in(browser, current_database)
    form = {"csrf": csrf(browser)}
    assert browser.post("/account/sessions", data=form, headers={"Origin": origin}).status_code == 403
    for site in ("cross-site", "same-site"):
        assert browser.post("/account/sessions", data=form, headers={"Sec-Fetch-Site": site}).status_code == 403
    for said in ({"Origin": URL}, {"Sec-Fetch-Site": "same-origin"}, {}):
        assert browser.post("/account/sessions", data=form, headers=said).status_code == 303


def test_another_sites_page_may_not_sign_anybody_in(browser: TestClient) -> None:
    for address in ("/login", "/sign-up"):
        response = browser.post(address, data={"email": "x@example.org"}, headers={"Origin": "https://evil.example"})
        assert response.status_code == 403


def test_under_api_a_session_needs_the_header_to_change_anything(
    browser: TestClient, current_database: Database
) -> None:
    signed_in(browser, current_database)
    assert browser.post("/api/tokens", json={"name": "x"}).status_code == 403
    assert browser.post("/api/tokens", json={"name": "x"}, headers={"X-CSRF-Token": "0" * 64}).status_code == 403
    assert browser.post("/api/tokens", json={"name": "x"}, headers={"X-CSRF-Token": csrf(browser)}).status_code == 201


def test_who_sends_a_token_is_who_it_says_whatever_the_cookie(browser: TestClient, current_database: Database) -> None:
    signed_in(browser, current_database)
    assert browser.get("/api/account", headers=bearer("neo_wrong")).status_code == 401
    assert browser.get("/api/account", headers={"Authorization": "Basic b3duZXI6"}).status_code == 401
    assert browser.get("/api/account", headers=bearer(LEGACY)).json()["email"] == "owner@neotoma.invalid"


def test_a_wrong_password_says_so_on_the_page_and_keeps_the_email(browser: TestClient) -> None:
    response = browser.post("/login", data={"email": "no@example.org", "password": "<script>wrong", "next": "/search"})
    assert response.status_code == 401
    assert 'role="alert"' in response.text
    assert 'value="no@example.org"' in response.text
    assert 'value="/search"' in response.text
    assert "<script>wrong" not in response.text


def test_signing_in_leads_where_one_wanted(browser: TestClient) -> None:
    sign_up(browser, "mia@example.org")
    form = {"email": "mia@example.org", "password": PASSWORD, "next": "/search?q=tea"}
    assert browser.post("/login", data=form).headers["location"] == "/search?q=tea"


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/\n/evil.example",
        "evil.example",
        "///evil.example",
        "",
    ],
)
def test_nobody_is_sent_elsewhere_after_signing_in(elsewhere: str) -> None:
    assert local(elsewhere) == "/"


def test_a_form_without_end_is_not_read_to_it(browser: TestClient) -> None:
    assert browser.post("/login", data={"email": "x" * 3_000_000}).status_code == 413


def test_the_account_can_be_deleted_on_its_page(browser: TestClient, current_database: Database) -> None:
    signed_in(browser, current_database)
    assert browser.post("/account/delete", data={"csrf": csrf(browser)}).status_code == 401
    form = {"csrf": csrf(browser), "password": PASSWORD}
    assert browser.post("/account/delete", data=form).status_code == 303
    assert browser.get("/api/account").status_code == 401


def signed_in(browser: TestClient, database: Database) -> None:
    """Signed in, as somebody new."""
    ((number,),) = database.query("SELECT count(*) FROM users")
    email = f"person{number}@example.org"
    sign_up(browser, email)
    sign_in(browser, email)
