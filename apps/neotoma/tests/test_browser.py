"""The pages in Chromium: what people see, hear and press."""

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from apps.neotoma.tests.conftest import HERE
from apps.neotoma.tests.support import Database, Service, migrate, serving
from playwright.sync_api import Browser, Locator, Page, Route, StorageState, expect, sync_playwright

SAMPLES = HERE / "src/neotoma/samples"
expect.set_options(timeout=15_000)  # milliseconds; a busy machine is no fault of the code
PASSWORD = "a long enough pass phrase"
NARROW = 360  # pixels
DROP = """([form, files]) => {
  const carried = new DataTransfer();
  for (const [name, text] of files) carried.items.add(new File([text], name));
  for (const type of ["dragenter", "dragover", "drop"])
    form.dispatchEvent(new DragEvent(type, {dataTransfer: carried, bubbles: true, cancelable: true}));
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def signed_in(browser: Browser, current: Service) -> StorageState:
    """The cookies of somebody who has the invoice, the lease and the ticket."""
    with visiting(browser, current) as page:
        sign_up(page)
        page.locator("#file").set_input_files(samples("invoice-2026-0042.pdf", "lease.txt", "concert-ticket.txt"))
        page.get_by_role("button", name="Upload").click()
        expect(page.locator(".stored")).to_have_count(3)
        return page.context.storage_state()


@contextmanager
def visiting(browser: Browser, service: Service, state: StorageState | None = None, **options: Any) -> Iterator[Page]:
    """A page in a browser of its own. Fails if the browser complained of anything but a refusal that was meant."""
    context = browser.new_context(base_url=service.url, storage_state=state, **options)
    page, complaints = context.new_page(), list[str]()
    page.set_default_timeout(10_000)
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    assert [said for said in complaints if not re.search(r"status of 4\d\d", said)] == []
    context.close()


def sign_up(page: Page) -> None:
    page.goto("/")
    page.get_by_role("main").get_by_role("link", name="Sign up").click()
    page.get_by_label("E-mail").fill(f"{uuid.uuid4().hex}@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your memory")


def samples(*names: str) -> list[Path]:
    return [SAMPLES / name for name in names]


def open_entity(page: Page, type: str) -> None:
    page.goto(f"/entities?type={type}")
    page.locator(".list a").first.click()


def test_files_are_dropped_each_with_its_progress_and_its_own_error(browser: Browser, current: Service) -> None:
    with visiting(browser, current) as page:
        sign_up(page)
        bars: list[int] = []

        def watched(route: Route) -> None:
            bars.append(page.get_by_role("progressbar").count())
            route.continue_()

        page.route("**/api/sources", watched)
        dropped = [[path.name, path.read_text()] for path in samples("lease.txt", "statement-march.csv")]
        page.evaluate(DROP, [page.locator("[data-drop]").element_handle(), [*dropped, ["broken.pdf", "%PDF-1.4"]]])
        expect(page.locator(".sending .stored")).to_have_count(2)
        failed = page.locator(".sending .failed")
        expect(failed).to_have_count(1)
        expect(failed.locator(".name")).to_have_text("broken.pdf")
        assert len(failed.locator(".said").inner_text()) > 20
        assert bars == [3, 2, 1]
        expect(page.locator("[data-newest] li")).to_have_count(2)  # without loading the page again
        expect(page.get_by_role("region", name="What it knows of")).to_contain_text("bank statement")
        expect(page.locator("[data-told]")).to_contain_text("broken.pdf")
        expect(page.get_by_role("progressbar")).to_have_count(0)


def test_a_value_leads_to_the_line_that_says_it(browser: Browser, current: Service, signed_in: StorageState) -> None:
    with visiting(browser, current, signed_in) as page:
        open_entity(page, "invoice")
        row = page.get_by_role("row", name=re.compile("^due on", re.IGNORECASE))
        expect(row).to_contain_text("15 March 2026")
        row.get_by_role("link").click()
        line = page.locator("#there")
        expect(line).to_have_text(re.compile("Due date: 15 March 2026"))
        expect(line).to_be_in_viewport()
        expect(page.locator(".there")).to_have_count(1)


def test_a_field_is_corrected_and_the_old_time_still_shows_the_old_value(
    browser: Browser, current: Service, signed_in: StorageState
) -> None:
    with visiting(browser, current, signed_in) as page:
        open_entity(page, "contract")
        page.get_by_label("Field").fill("value")
        page.get_by_label("What it should say").fill("1250.00 EUR")
        page.get_by_role("button", name="Correct").click()
        expect(page.get_by_role("status")).to_have_text("Corrected. What was said before stays in the history.")
        row = page.get_by_role("row", name=re.compile("^value", re.IGNORECASE))
        expect(row).to_contain_text("1,250.00 EUR")
        expect(row).to_contain_text("Corrected")
        page.get_by_text("Everything that was said").click()
        page.get_by_role("link", name=re.compile("as of")).last.click()
        expect(row).to_contain_text("1,150.00 EUR")
        expect(page.get_by_text("This is what was known at")).to_be_visible()


def test_the_timeline_has_the_dates_and_filters_them(
    browser: Browser, current: Service, signed_in: StorageState
) -> None:
    with visiting(browser, current, signed_in) as page:
        page.goto("/timeline")
        expect(page.locator(".events")).to_contain_text(["Nordwind Paper Ltd NP-2026-0042"])
        page.get_by_label("From").fill("2027-05-01")
        page.get_by_label("To").fill("2027-05-31")
        page.get_by_role("button", name="Filter").click()
        expect(page.locator(".events time")).to_have_text(["21 May"])


def test_a_search_needs_no_mouse(browser: Browser, current: Service, signed_in: StorageState) -> None:
    with visiting(browser, current, signed_in) as page:
        page.goto("/")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
        expect(page.get_by_role("link", name="Skip to content")).to_be_in_viewport()
        page.keyboard.press("Enter")
        search = page.get_by_role("searchbox")
        tab_to(page, search)
        page.keyboard.type("clarinet")
        page.keyboard.press("Enter")
        expect(page.locator("mark")).to_have_text(["Clarinet"])
        tab_to(page, page.locator(".list a").first)
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_contain_text("Evening of Clarinet Quintets")


def tab_to(page: Page, wanted: Locator) -> None:
    for _ in range(25):
        page.keyboard.press("Tab")
        if wanted.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError("not within 25 steps")


def test_every_page_is_dark_where_that_is_wished_and_fits_a_phone(
    browser: Browser, current: Service, signed_in: StorageState
) -> None:
    size = {"width": NARROW, "height": 740}
    with visiting(browser, current, signed_in, color_scheme="dark", viewport=size) as page:
        open_entity(page, "invoice")
        entity = page.url
        page.locator("td a").first.click()
        addresses = [entity, page.url, f"{page.url.partition('?')[0]}/delete", "/", "/sources", "/entities"]
        for address in (*addresses, "/timeline", "/search?q=ada", "/account", "/nothing"):
            page.goto(address)
            page.locator("details").evaluate_all("all => all.forEach(one => one.open = true)")
            assert page.evaluate("document.documentElement.scrollWidth") <= NARROW, address
            assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(16, 21, 19)"
    with visiting(browser, current, viewport=size) as page:
        for address in ("/", "/login", "/sign-up"):
            page.goto(address)
            assert page.evaluate("document.documentElement.scrollWidth") <= NARROW, address
            assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(246, 245, 241)"


def test_who_asks_to_be_let_in_and_for_what_can_be_read_on_a_phone(
    browser: Browser, current: Service, signed_in: StorageState
) -> None:
    back = "http://127.0.0.1:9/back"
    agent = {"redirect_uris": [back], "token_endpoint_auth_method": "none"}
    client = httpx.post(f"{current.url}/register", json=agent, timeout=60).json()["client_id"]
    asked = {"client_id": client, "redirect_uri": back, "scope": "read write", "code_challenge": "A" * 43}
    with visiting(browser, current, signed_in, viewport={"width": NARROW, "height": 740}) as page:
        page.goto(f"/oauth/consent?{urlencode(asked)}")
        expect(page.locator("dd")).to_have_text([re.compile("127"), re.compile("Read"), re.compile("Store")])
        boxes = page.locator("dd").evaluate_all("all => all.map(one => one.getBoundingClientRect().toJSON())")
        assert len({box["left"] for box in boxes}) == 1
        assert min(box["width"] for box in boxes) > NARROW / 3


def test_without_a_script_the_plain_form_does_the_same(
    browser: Browser, current: Service, signed_in: StorageState, tmp_path: Path
) -> None:
    (tmp_path / "empty.txt").touch()
    with visiting(browser, current, signed_in, java_script_enabled=False) as page:
        page.goto("/")
        page.locator("#file").set_input_files([*samples("vaccination.txt"), tmp_path / "empty.txt"])
        page.get_by_role("button", name="Upload").click()
        expect(page.get_by_role("alert")).to_contain_text("empty.txt")
        expect(page.locator("[data-newest]")).to_contain_text("vaccination.txt")
        page.locator("#file").set_input_files(samples("payslip-march.pdf"))
        page.get_by_role("button", name="Upload").click()
        expect(page.get_by_role("status").first).to_have_text("Stored. The facts it holds are below.")
        expect(page.get_by_role("heading", level=1)).to_contain_text("Payslip")


def test_a_form_that_is_not_from_the_session_changes_nothing_and_says_what_to_do(
    browser: Browser, current: Service, signed_in: StorageState
) -> None:
    with visiting(browser, current, signed_in) as page:
        open_entity(page, "event")
        entity = page.url
        page.locator("input[name=csrf]").evaluate_all("all => all.forEach(one => one.value = 'x')")
        page.get_by_role("button", name="Delete").click()
        expect(page.get_by_role("alert")).to_contain_text("Load the page again")
        page.get_by_role("link", name="Back").click()
        assert page.url == entity
        expect(page.get_by_role("button", name="Delete")).to_be_visible()


def test_a_source_that_is_being_read_shows_its_facts_by_itself_and_keeps_the_focus(
    browser: Browser, database: Database, tmp_path: Path
) -> None:
    assert migrate(HERE, database, "up").returncode == 0
    with (
        serving(HERE, database, tmp_path, NEOTOMA_INLINE_SECONDS="0.001") as slow,
        visiting(browser, slow) as page,
    ):
        sign_up(page)
        page.locator("#file").set_input_files(samples("receipt-cafe.png"))
        page.get_by_role("button", name="Upload").click()
        page.locator(".stored a").click()
        expect(page.get_by_text("Being read…")).to_be_visible()
        page.get_by_role("link", name="Download").focus()
        expect(page.get_by_role("rowheader", name="total")).to_be_visible()
        expect(page.get_by_role("link", name="Download")).to_be_focused()
        expect(page.get_by_role("status")).to_have_text("The source has been read.")
