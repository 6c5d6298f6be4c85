"""People: signing up, signing in, going; and what nobody may learn of them."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from apps.neotoma.tests.support import Database
from apps.neotoma.tests.support_accounts import LEGACY, PASSWORD, bearer, client, nest, sign_up
from apps.neotoma.tests.support_rows import fill
from starlette.testclient import TestClient

from neotoma.accounts import limits, passwords
from neotoma.settings import OWNER
from neotoma.storage import LocalStorage


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("storage")


@pytest.fixture(scope="module")
def shared(current_database: Database, folder: Path) -> Iterator[TestClient]:
    with client(nest(current_database, folder)) as talking:
        yield talking


@pytest.fixture
def asking(shared: TestClient, current_database: Database) -> TestClient:
    current_database.query("DELETE FROM attempts")
    shared.cookies.clear()
    return shared


def sign_in(asking: TestClient, email: str, password: str = PASSWORD) -> int:
    return asking.post("/api/sessions", json={"email": email, "password": password}).status_code


def test_who_signs_up_is_signed_in_by_the_token_of_the_answer(asking: TestClient) -> None:
    user, token = sign_up(asking, "ada@example.org")
    account = asking.get("/api/account", headers=bearer(token)).json()
    assert account == {"user_id": str(user), "email": "ada@example.org", "scopes": ["read", "write"], "via": "token"}


def test_a_password_opens_the_account_however_its_email_is_written(asking: TestClient) -> None:
    sign_up(asking, "  Bea@Example.ORG ")
    assert sign_in(asking, "bea@example.org") == 201
    assert sign_in(asking, "BEA@EXAMPLE.ORG ") == 201


def test_a_password_is_the_same_however_a_keyboard_composes_it(asking: TestClient) -> None:
    sign_up(asking, "cara@example.org", "Pa\u0301ssword pass")
    assert sign_in(asking, "cara@example.org", "P\u00e1ssword pass") == 201


def test_a_wrong_password_and_an_unknown_email_get_the_same_answer(asking: TestClient) -> None:
    sign_up(asking, "dora@example.org")
    answers = []
    for email in ("dora@example.org", "nobody@example.org", "owner@neotoma.invalid"):
        response = asking.post("/api/sessions", json={"email": email, "password": "not the password"})
        answers.append((response.status_code, {**response.json(), "trace_id": ""}))
    assert answers[0] == answers[1] == answers[2]
    assert answers[0][0] == 401


def test_an_unknown_email_is_hashed_for_too(asking: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    hashes = []
    monkeypatch.setattr(passwords, "HASHER", Counting(hashes))
    assert sign_in(asking, "never-seen@example.org") == 401
    assert hashes == ["hash"]


class Counting(passwords.PasswordHasher):
    """A hasher that tells of its work."""

    def __init__(self, seen: list[str]) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.seen = seen

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        self.seen.append("hash")
        return super().hash(password, salt=salt)


def test_an_email_that_is_taken_is_refused_without_saying_so(asking: TestClient) -> None:
    sign_up(asking, "emma@example.org")
    response = asking.post("/api/accounts", json={"email": "EMMA@example.org", "password": "another password"})
    assert response.status_code == 409
    assert not {"taken", "exists", "in use", "emma"} & set(response.json()["message"].lower().split())
    assert sign_in(asking, "emma@example.org", "another password") == 401


@pytest.mark.parametrize(
    ("email", "password", "code"),
    [
        ("no-at.example.org", PASSWORD, "bad_email"),
        ("a@b", PASSWORD, "bad_email"),
        ("a b@example.org", PASSWORD, "bad_email"),
        ("a@example.org\0", PASSWORD, "bad_email"),
        ("a@example..org", PASSWORD, "bad_email"),
        (f"{'a' * 60}@{'b' * 250}.org", PASSWORD, "bad_email"),
        (7, PASSWORD, "bad_email"),
        (None, None, "bad_email"),
        ("fine@example.org", "too short", "bad_password"),
        ("fine@example.org", "x" * 201, "bad_password"),
        ("fine@example.org", None, "bad_password"),
        ("fine@example.org", ["list of words"], "bad_password"),
    ],
    ids=range(12),
)
def test_what_cannot_be_an_account_is_refused(asking: TestClient, email: object, password: object, code: str) -> None:
    response = asking.post("/api/accounts", json={"email": email, "password": password})
    assert (response.status_code, response.json()["code"]) == (422, code)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"null", b'"x"', b"\xff", b"[" * 30_000], ids=range(7))
def test_what_is_no_object_is_refused(asking: TestClient, body: bytes) -> None:
    assert asking.post("/api/accounts", content=body).status_code == 422


def test_a_body_without_end_is_not_read_to_it(asking: TestClient) -> None:
    assert asking.post("/api/sessions", content=b" " * 70_000).status_code == 413


def test_a_password_of_any_length_and_with_any_character_harms_nothing(asking: TestClient) -> None:
    sign_up(asking, "finn@example.org", "nul \0 and \U0001f600 inside")
    assert sign_in(asking, "finn@example.org", "nul \0 and \U0001f600 inside") == 201
    assert sign_in(asking, "finn@example.org", "x" * 60_000) == 401
    lone = b'{"email": "finn@example.org", "password": "\\ud800 half a character"}'
    assert asking.post("/api/sessions", content=lone).status_code == 401


def test_nothing_secret_is_kept_as_it_is(asking: TestClient, current_database: Database) -> None:
    _, token = sign_up(asking, "gina@example.org", "a very secret password")
    rows = str([current_database.query(f"SELECT * FROM {table}") for table in ("users", "tokens", "attempts")])
    assert "very secret" not in rows
    assert token not in rows
    assert "$argon2id$" in rows


def test_a_hash_of_old_parameters_is_renewed_at_the_next_sign_in(
    asking: TestClient, current_database: Database
) -> None:
    sign_up(asking, "hugo@example.org")
    old = passwords.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)
    current_database.query(f"UPDATE users SET password_hash = '{old}' WHERE email = 'hugo@example.org'")
    assert sign_in(asking, "hugo@example.org") == 201
    ((kept,),) = current_database.query("SELECT password_hash FROM users WHERE email = 'hugo@example.org'")
    assert not passwords.outdated(kept)
    assert sign_in(asking, "hugo@example.org") == 201


def test_failed_sign_ins_are_limited_and_told_when_to_come_back(asking: TestClient) -> None:
    sign_up(asking, "ida@example.org")
    for _ in range(limits.LOGIN_OF_ONE_FROM_ONE.most):
        assert sign_in(asking, "ida@example.org", "wrong password") == 401
    response = asking.post("/api/sessions", json={"email": "Ida@example.org", "password": PASSWORD})
    assert response.status_code == 429
    assert 0 < int(response.headers["Retry-After"]) <= limits.LOGIN_OF_ONE_FROM_ONE.seconds
    assert sign_in(asking, "ada@example.org", PASSWORD) in (201, 401), "others are not locked out"


def test_the_limit_is_over_when_its_time_is(asking: TestClient, current_database: Database) -> None:
    sign_up(asking, "jane@example.org")
    for _ in range(limits.LOGIN_OF_ONE_FROM_ONE.most + 3):
        sign_in(asking, "jane@example.org", "wrong password")
    current_database.query("UPDATE attempts SET since = since - interval '16 minutes'")
    assert sign_in(asking, "jane@example.org") == 201


def test_sign_ins_that_succeed_are_not_limited(asking: TestClient) -> None:
    sign_up(asking, "kim@example.org")
    assert {sign_in(asking, "kim@example.org") for _ in range(limits.LOGIN_OF_ONE_FROM_ONE.most + 3)} == {201}


def test_sign_ups_are_limited(asking: TestClient, current_database: Database) -> None:
    sign_up(asking, "lea@example.org")
    current_database.query(f"UPDATE attempts SET count = {limits.SIGN_UP_FROM_ONE.most}")
    response = asking.post("/api/accounts", json={"email": "lou@example.org", "password": PASSWORD})
    assert response.status_code == 429


def test_two_processes_count_together(asking: TestClient, current_database: Database, tmp_path: Path) -> None:
    sign_up(asking, "mia@example.org")
    with client(nest(current_database, tmp_path)) as other:
        for _ in range(limits.LOGIN_OF_ONE_FROM_ONE.most // 2):
            assert sign_in(asking, "mia@example.org", "wrong password") == 401
            assert sign_in(other, "mia@example.org", "wrong password") == 401
        assert sign_in(asking, "mia@example.org") == sign_in(other, "mia@example.org") == 429


def test_where_sign_up_is_closed_nobody_new_comes_in(
    asking: TestClient, current_database: Database, tmp_path: Path
) -> None:
    sign_up(asking, "nora@example.org")
    with client(nest(current_database, tmp_path, sign_up=False)) as closed:
        response = closed.post("/api/accounts", json={"email": "new@example.org", "password": PASSWORD})
        assert (response.status_code, response.json()["code"]) == (403, "sign_up_closed")
        assert sign_in(closed, "nora@example.org") == 201


def test_who_goes_takes_every_row_and_every_file_along(
    asking: TestClient, current_database: Database, folder: Path
) -> None:
    user, token = sign_up(asking, "olga@example.org")
    fill(current_database, str(user))
    kept = stored(folder, user)
    refused = asking.request("DELETE", "/api/account", headers=bearer(token), json={"password": "wrong password"})
    assert refused.status_code == 401
    assert asking.request("DELETE", "/api/account", headers=bearer(token), json={}).status_code == 422
    assert counts(current_database, str(user))["users"] == 1
    gone = asking.request("DELETE", "/api/account", headers=bearer(token), json={"password": PASSWORD})
    assert gone.status_code == 204, gone.text
    assert set(counts(current_database, str(user)).values()) == {0}
    assert not kept.exists()
    assert asking.get("/api/account", headers=bearer(token)).status_code == 401


def test_a_program_that_has_only_a_token_confirms_with_the_email(asking: TestClient) -> None:
    _, token = sign_up(asking, "pia@example.org")
    wrong = asking.request("DELETE", "/api/account", headers=bearer(token), json={"confirm": "olga@example.org"})
    assert wrong.status_code == 422
    right = asking.request("DELETE", "/api/account", headers=bearer(token), json={"confirm": "pia@example.org"})
    assert right.status_code == 204


def test_files_that_a_crash_left_go_with_the_next_sign_in(
    asking: TestClient, current_database: Database, folder: Path
) -> None:
    user, _ = sign_up(asking, "rosa@example.org")
    kept = stored(folder, user)
    current_database.query(f"INSERT INTO departed VALUES ('{user}')")
    current_database.query(f"DELETE FROM users WHERE user_id = '{user}'")
    sign_up(asking, "sara@example.org")
    assert not kept.exists()
    assert current_database.query("SELECT * FROM departed") == []


def test_the_legacy_owner_is_emptied_and_stays(asking: TestClient, current_database: Database) -> None:
    fill(current_database, OWNER)
    body = {"confirm": "owner@neotoma.invalid"}
    assert asking.request("DELETE", "/api/account", headers=bearer(LEGACY), json=body).status_code == 204
    left = counts(current_database, OWNER)
    assert left.pop("users") == 1
    assert set(left.values()) == {0}
    assert asking.get("/api/account", headers=bearer(LEGACY)).json()["user_id"] == OWNER


def stored(folder: Path, user: UUID) -> Path:
    """A file of this user."""
    kept = LocalStorage(folder).path(user, "0" * 64)
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(b"theirs")
    return kept


def tables(database: Database) -> list[str]:
    """Every table with rows of users."""
    found = database.query(
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'user_id' "
        "WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace "
        "AND c.relname NOT IN ('planted', 'departed')"
    )
    return [name for (name,) in found]


def counts(database: Database, user: str) -> dict[str, int]:
    """The rows of a user in each table."""
    return {
        name: database.query(f"SELECT count(*) FROM {name} WHERE user_id = '{user}'")[0][0] for name in tables(database)
    }
