"""The page as a browser gets it."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from apps.neotoma.history import build
from apps.neotoma.tests.support import Server, Service, migrate, serving

Trees = Callable[[str], Path]
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture(scope="module", params=["v0.9.0", "v1.0.0"])
def service(
    request: pytest.FixtureRequest, server: Server, tree: Trees, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    database = server.database()
    assert migrate(tree(request.param), database, "up").returncode == 0
    with serving(tree(request.param), database, tmp_path_factory.mktemp("logs")) as running:
        yield running


def page(service: Service, address: str) -> httpx.Response:
    return service.client.get(address, headers=BROWSER)


def test_the_empty_page_says_what_to_do_and_which_version_it_is(service: Service) -> None:
    answer = page(service, "/")
    assert answer.status_code == 200
    assert "No documents yet. Upload the first one above." in answer.text
    assert answer.headers["x-neotoma-version"] in answer.text


def test_a_browser_uploads_searches_and_reads(service: Service) -> None:
    sent = service.upload("<b>note</b>.txt", b"Kakapo: 7 <script>alert(1)</script>", **BROWSER)
    assert (sent.status_code, sent.headers["location"]) == (303, "/?added=new")
    assert "Uploaded." in page(service, "/?added=new").text
    found = page(service, "/?q=kakapo").text
    assert "1 found for “kakapo”" in found
    assert ("<mark>Kakapo</mark>: 7" in found) == (service.client.get("/health").json()["version"] == build.CURRENT)
    address = re.search(r"/documents/\d+", found)
    assert address is not None
    document = page(service, address[0])
    assert "<td>Kakapo: 7 &lt;script&gt;alert(1)&lt;/script&gt;</td>" in document.text
    assert "<script" not in found + document.text
    assert "No document says that." in page(service, "/?q=moa").text
    assert service.client.delete(address[0]).status_code == 204


def test_a_refusal_comes_on_the_page(service: Service) -> None:
    refused = service.upload("a.exe", b"MZ", **BROWSER)
    assert refused.status_code == 422
    assert '<p class="problem" role="alert">.exe is not a known type. Send .txt, .csv or .pdf.</p>' in refused.text
    assert page(service, "/documents/999").status_code == 404


def test_nothing_on_the_page_needs_an_exception_from_the_content_policy(service: Service) -> None:
    answer = page(service, "/?q=%3Cscript%3E")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script|<style|style=| on\w+=", answer.text)
    sheet = service.client.get("/static/style.css")
    assert sheet.headers["content-type"].startswith("text/css")
    assert "prefers-color-scheme: dark" in sheet.text


def test_every_field_has_a_label_and_the_page_a_language_and_a_width(service: Service) -> None:
    text = page(service, "/").text
    for field in re.findall(r'<input id="(\w+)"', text):
        assert f'<label for="{field}">' in text
    assert '<html lang="en">' in text
    assert 'name="viewport" content="width=device-width' in text
    for opened in ("ol", "ul", "section", "form", "main"):
        assert text.count(f"<{opened}") == text.count(f"</{opened}>")
