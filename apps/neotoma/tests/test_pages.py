"""The pages as a browser without a script gets them."""

import re
from html import unescape
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from apps.neotoma.tests.support import Service

SAMPLES = Path(__file__).parents[1] / "src/neotoma/samples"
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture(scope="module")
def person(current: Service) -> httpx.Client:
    """Somebody with the invoice, the statement that settles it, the lease and the ticket."""
    client = current.new_user()
    client.headers.update(BROWSER)
    for name in ("invoice-2026-0042.pdf", "statement-march.csv", "lease.txt", "concert-ticket.txt"):
        assert sent(client, name).status_code == 303
    return client


@pytest.fixture
def newcomer(current: Service) -> httpx.Client:
    """Somebody with nothing yet."""
    client = current.new_user()
    client.headers.update(BROWSER)
    return client


def sent(client: httpx.Client, *names: str, **others: bytes) -> httpx.Response:
    """The answer to the plain form with these samples, and with other files by their name."""
    files = [("file", (name, (SAMPLES / name).read_bytes())) for name in names]
    return client.post("/upload", files=[*files, *(("file", (name, content)) for name, content in others.items())])


def address(client: httpx.Client, type: str, words: str = "") -> str:
    """The page of the first entity of a type."""
    found = re.search(r"/entities/ent_[0-9a-f]+", client.get("/entities", params={"type": type, "q": words}).text)
    assert found is not None
    return found[0]


def test_a_visitor_is_told_what_it_is_and_where_to_begin(current: Service) -> None:
    with httpx.Client(base_url=current.url, headers=BROWSER) as visitor:
        first = visitor.get("/")
        assert first.status_code == 200
        assert "A memory that can say where it knows it from." in first.text
        assert 'href="/sign-up"' in first.text
        assert 'href="/login"' in first.text
        led = visitor.get("/entities?type=invoice")
        assert (led.status_code, led.headers["location"]) == (303, "/login?next=%2Fentities%3Ftype%3Dinvoice")
        assert visitor.post("/entities/ent_1/delete").status_code == 401


def test_an_empty_memory_says_what_to_do_on_every_page(newcomer: httpx.Client) -> None:
    for path, words in (
        ("/", "Nothing here yet"),
        ("/sources", "No sources yet"),
        ("/entities", "No entities yet"),
        ("/entities?q=nobody", "Show all entities"),
        ("/timeline", "No dates yet"),
        ("/timeline?start=2020-01-01", "No dates match"),
        ("/search?q=moa", "No source says that"),
    ):
        assert words in newcomer.get(path).text, path


def test_the_plain_form_stores_what_is_good_and_tells_what_is_not_by_its_name(newcomer: httpx.Client) -> None:
    answer = sent(newcomer, "lease.txt", **{"broken.pdf": b"%PDF-1.4 nothing", "<b>.exe": b"MZ"})
    assert 400 <= answer.status_code < 500
    alerts = re.findall(r'role="alert"><strong>(.*?)</strong>: (.*?)</div>', answer.text)
    assert [unescape(name) for name, _ in alerts] == ["broken.pdf", "<b>.exe"]
    assert all(len(words) > 20 for _, words in alerts)
    assert "lease.txt" in newcomer.get("/sources").text
    again = sent(newcomer, "lease.txt")
    assert "This file is here already" in newcomer.get(again.headers["location"]).text
    assert "Choose at least one file first." in newcomer.post("/upload", files={"other": b""}).text


def test_every_value_leads_to_the_line_of_the_source_that_says_it(person: httpx.Client) -> None:
    entity = unescape(person.get(address(person, "contract")).text)
    row = re.search(r">ends on</th>(.*?)</tr>", entity, re.S)
    assert row is not None
    assert "31 August 2028" in row[1]
    found = re.search(r'href="(/sources/src_[0-9a-f]+\?place=line\+8)#there"', row[1])
    assert found is not None
    there = re.findall(r'<li class="there"[^>]*>(.*?)</li>', unescape(person.get(found[1]).text))
    assert there == ['<span aria-hidden="true">8</span><span>End date: 31 August 2028</span>']


def test_a_correction_holds_and_what_was_said_before_stays_in_the_history(person: httpx.Client) -> None:
    contract = address(person, "contract")
    before = person.get(contract).text
    moment = re.findall(r"at=([^\"&]+)\"", before)[0]
    led = person.post(f"{contract}/correct", data={"field": "governing law", "value": "Portugal"})
    assert (led.status_code, led.headers["location"]) == (303, f"{contract}?done=corrected")
    after = person.get(led.headers["location"]).text
    assert "Corrected. What was said before stays in the history." in after
    assert re.search(r"governing law</th>\s*<td class=\"value\">Portugal</td>.*?Corrected", after, re.S)
    assert "England and Wales" in after
    then = person.get(f"{contract}?at={moment}").text
    assert "This is what was known at" in then
    assert "Portugal" not in then
    assert "Correct a field" not in then


def test_what_is_deleted_can_be_restored_and_two_can_become_one(person: httpx.Client) -> None:
    event, chamber = address(person, "event"), address(person, "organisation", "chamber")
    deleted = person.get(person.post(f"{event}/delete").headers["location"]).text
    assert "This entity is deleted" in deleted
    assert event not in person.get("/entities?type=event").text
    assert "Restored." in person.get(person.post(f"{event}/restore").headers["location"]).text
    led = person.post(f"{chamber}/merge", data={"other": "analytical engines (organisation)"})
    engines = address(person, "organisation", "engines")
    assert (led.status_code, led.headers["location"]) == (303, f"{engines}?done=merged")
    assert person.get(chamber).headers["location"] == f"{engines}?done=led"


def test_a_relationship_is_made_and_taken_back_and_a_circle_is_refused_in_words(person: httpx.Client) -> None:
    invoice, contract = address(person, "invoice"), address(person, "contract")
    id = contract.rpartition("/")[2]
    led = person.post(f"{invoice}/relate", data={"type": "part of", "other": id})
    related = person.get(led.headers["location"]).text
    assert "The relationship is noted." in related
    circle = person.post(f"{contract}/relate", data={"type": "part_of", "other": invoice.rpartition("/")[2]})
    assert circle.status_code == 409
    assert f'href="{contract}"' in circle.text
    form = rf'action="({invoice}/relationships/rel_[0-9a-f]+/delete)"(?:(?!</form>).)*aria-label="Take back: part of'
    forms = re.findall(form, related, re.S)
    assert "taken back" in person.get(person.post(forms[-1]).headers["location"]).text
    nobody = person.post(f"{invoice}/relate", data={"type": "part of", "other": "no such thing"})
    assert nobody.status_code == 404
    assert "No entity has that name." in nobody.text


def test_the_timeline_is_in_order_and_filtered(person: httpx.Client) -> None:
    days = re.findall(r'<li><time datetime="([\d-]+)"', person.get("/timeline").text)
    assert days == sorted(days)
    assert {"2026-03-15", "2028-08-31"} <= set(days)
    spring = person.get("/timeline?start=2026-03-02&end=2026-03-31&type=invoice").text
    assert re.findall(r'<li><time datetime="([\d-]+)"', spring) == ["2026-03-15"]
    assert "That is not a day." in person.get("/timeline?start=tomorrow").text


def test_the_search_marks_what_matched_and_leads_to_its_place(person: httpx.Client) -> None:
    found = person.get("/search?q=punched+cards").text
    assert re.search(r"<mark>Punched</mark>.*<mark>cards</mark>", found, re.S)
    assert re.search(r'href="/sources/src_[0-9a-f]+\?place=page\+1#there"', found)
    assert "longer than" in person.get("/search", params={"q": "x" * 501}).text
    assert "too common" in person.get("/search?q=the").text


def test_a_source_is_deleted_only_when_it_was_confirmed(newcomer: httpx.Client) -> None:
    source = sent(newcomer, "lease.txt").headers["location"].partition("?")[0]
    asked = newcomer.get(f"{source}/delete").text
    assert "Delete this source?" in asked
    assert newcomer.get(source).status_code == 200
    assert newcomer.post(f"{source}/delete").headers["location"] == "/sources?done=deleted-source"
    gone = newcomer.get(source)
    assert gone.status_code == 404
    assert re.search(r"Trace id: <code>[0-9a-f]{32}</code>", gone.text)
    assert newcomer.post(f"{source}/delete").status_code == 404


def test_nobody_sees_anything_of_another_person(person: httpx.Client, newcomer: httpx.Client) -> None:
    contract = address(person, "contract")
    source = re.findall(r"/sources/src_[0-9a-f]+", person.get(contract).text)[0]
    for path in (contract, source, f"{source}/delete"):
        assert newcomer.get(path).status_code == 404
    for path in (f"{contract}/correct", f"{contract}/delete", f"{contract}/restore"):
        answer = newcomer.post(path, data={"field": "a", "value": "b"})
        assert (answer.status_code, "Lovelace" in answer.text) == (404, False)


def test_what_is_not_there_is_a_page_for_browsers_and_json_for_programs(person: httpx.Client) -> None:
    for path in ("/nothing", "/entities/ent_0", "/sources/src_0"):
        answer = person.get(path)
        assert answer.status_code == 404
        assert "There is nothing here" in answer.text
        assert person.get(path, headers={"Accept": "application/json"}).json()["trace_id"]
    assert person.get("/api/nothing").json()["code"] == "not_found"
    assert person.get("/upload").status_code == 405


def test_no_page_needs_an_exception_from_the_content_policy_or_is_heavy(person: httpx.Client) -> None:
    weight = 0
    for path in ("/", "/sources", "/entities", "/timeline", "/search?q=%3Cscript%3E", address(person, "contract")):
        answer = person.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert not re.search(r"<script(?! src=\"/static)|<style| style=| on\w+=\"", answer.text), path
        weight = max(weight, len(answer.content))
    static = sum(len(person.get(f"/static/{name}").content) for name in ("style.css", "script.js", "logo.svg"))
    assert weight + static < 100_000


def test_every_field_has_a_label_and_every_heading_follows_its_own(person: httpx.Client) -> None:
    for path in ("/", "/sources", "/entities", "/timeline", "/search?q=ada", address(person, "invoice")):
        text = person.get(path).text
        for id in re.findall(r'<(?:input|select|textarea) id="([\w-]+)"', text):
            assert f'<label for="{id}">' in text, (path, id)
        assert '<html lang="en">' in text
        levels = [int(level) for level in re.findall(r"<h(\d)", text)]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after <= before + 1 for before, after in pairwise(levels)), path
        assert len(re.findall(r'id="([\w-]+)"', text)) == len(set(re.findall(r'id="([\w-]+)"', text))), path


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_every_text_can_be_told_from_what_is_behind_it(scheme: int) -> None:
    sheet = (SAMPLES.parent / "web/static/style.css").read_text()
    palette = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", re.findall(r":root \{(.*?)\}", sheet, re.S)[scheme]))
    pairs = [(text, behind) for text in ("ink", "quiet", "accent", "bad") for behind in ("paper", "card")]
    pairs += [("ink", "soft"), ("accent", "soft"), ("ink", "mark"), ("on-accent", "accent")]
    pairs += [("on-accent", "strong"), ("bad", "bad-soft"), ("ink", "bad-soft"), ("warn", "warn-soft"), ("card", "bad")]
    weak = [pair for pair in pairs if contrast(palette[pair[0]], palette[pair[1]]) < 4.5]  # WCAG's level AA
    assert weak == []
    assert contrast(palette["edge"], palette["card"]) >= 3  # the borders of fields


def contrast(one: str, other: str) -> float:
    """As WCAG 2 defines it."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
