"""What a browser is shown when something is wrong with us."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from apps.neotoma.tests.support import TOKEN
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from neotoma.app import create
from neotoma.nest import build
from neotoma.settings import read

BROWSER = {"Accept": "text/html"}


async def broken(_: Request) -> Response:
    raise RuntimeError("secret details")


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    """The application without a database, and with a page that breaks."""
    url = f"postgresql://app@/neotoma?host={tmp_path}"
    variables = {"DATABASE_URL": url, "NEOTOMA_STORAGE": str(tmp_path), "NEOTOMA_TOKEN": TOKEN}
    app = create(build(read(variables, 1)))
    app.router.routes.insert(0, Route("/broken", broken))
    with TestClient(app, headers=BROWSER, follow_redirects=False) as talking:
        yield talking


def test_a_database_that_is_away_is_told_with_a_way_to_try_again(client: TestClient) -> None:
    answer = client.get("/entities?type=invoice", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 503
    assert "Not available just now" in answer.text
    assert "try again in a moment" in answer.text
    assert 'href="/entities?type=invoice">Try again' in answer.text
    assert client.get("/").status_code == 200  # who visits can still read what it is


def test_a_fault_of_ours_is_a_page_with_a_trace_id_and_no_details(client: TestClient) -> None:
    answer = client.get("/broken")
    assert answer.status_code == 500
    assert "Something went wrong here" in answer.text
    assert "secret" not in answer.text
    assert re.search(r"<code>[0-9a-f]{32}</code>", answer.text)
    assert answer.headers["x-trace-id"] in answer.text
    assert client.get("/broken", headers={"Accept": "application/json"}).json()["code"] == "internal_error"


def test_programs_are_never_sent_a_page_nor_browsers_from_the_api(client: TestClient) -> None:
    assert client.get("/api/sources").json()["code"] == "no_credential"
    assert client.get("/sources", headers={"Accept": "application/json"}).json()["code"] == "no_credential"
    led = client.get("/sources")
    assert (led.status_code, led.headers["location"]) == (303, "/login?next=%2Fsources")
