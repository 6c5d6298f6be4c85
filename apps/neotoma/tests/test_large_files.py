"""A file that is larger than what is read of it is taken, kept whole, and says in its facts how far it was read."""

from collections.abc import Iterator

import httpx
import pytest
from apps.neotoma.tests.support import Service, within


@pytest.fixture
def client(current: Service) -> Iterator[httpx.Client]:
    """Somebody who has just signed up."""
    with current.new_user() as opened:
        yield opened


def large(name: str) -> bytes:
    """Some megabytes; of the table every row becomes an entity, until there are many."""
    if name.endswith(".txt"):
        return b"Minutes of the day\n" + b"And so it went on, and on.\n" * 150_000
    rows = (f"{n % 28 + 1:02}/{n % 12 + 1:02}/2026,{n}.00 EUR,Thing {n}\n" for n in range(120_000))
    return ("Date,Amount,Description\n" + "".join(rows)).encode()


@pytest.mark.parametrize("name", ["a.txt", "a.csv"])
def test_a_large_file_is_kept_whole_and_its_facts_and_its_page_say_how_far_it_was_read(
    current: Service, client: httpx.Client, name: str
) -> None:
    content = large(name)
    stored = current.upload(name, content, client)
    assert stored.status_code in (201, 202), stored.text
    at = f"/api/sources/{stored.json()['id']}"
    within(60, lambda: client.get(at).json()["status"] != "processing")
    source = client.get(at).json()
    assert source["status"] == "ready", source
    told = [one["fields"]["text_read"] for one in source["observations"] if "text_read" in one["fields"]]
    assert [(one["value"][:10], bool(one["place"])) for one in told] == [("the first ", True)]
    assert client.get(f"{at}/file").content == content
    page = client.get(at.removeprefix("/api"), headers={"Accept": "text/html"}).text
    assert told[0]["value"] in page
