"""Files give facts, each with its place, and the text in chunks."""

from pathlib import Path

from apps.neotoma.tests.support_documents import INVOICE, extracted, pdf, picture, scanned_pdf, told
from hypothesis import HealthCheck, settings
from PIL import Image

from neotoma.extraction import lines
from neotoma.extraction.model import LONGEST_CHUNK, Extraction

ANY = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def places(extraction: Extraction) -> dict[str, str]:
    return {name: field.place for name, field in extraction.entities[0].fields.items()}


def test_the_same_invoice_is_read_from_a_text_a_pdf_a_scan_and_pictures(tmp_path: Path) -> None:
    scan = picture(INVOICE)
    files = {
        "a.txt": INVOICE.encode(),
        "a.pdf": pdf(INVOICE),
        "b.PDF": scanned_pdf(scan),
        "a.png": scan,
        "a.jpg": picture(INVOICE, "JPEG"),
        "a.jpeg": picture(INVOICE, "JPEG"),
    }
    found = {name: extracted(tmp_path, name, content).entities for name, content in files.items()}
    assert len({str([(each.type, each.name, told(each)) for each in entities]) for entities in found.values()}) == 1
    assert told(found["a.png"][0])["total"] == "1200.00 EUR"


def test_a_place_is_a_line_a_page_and_line_or_a_cell(tmp_path: Path) -> None:
    assert places(extracted(tmp_path, "a.txt", INVOICE))["due_on"] == "line 7"
    assert places(extracted(tmp_path, "a.pdf", pdf("nothing yet", INVOICE)))["due_on"] == "page 2, line 6"
    assert places(extracted(tmp_path, "a.png", picture(INVOICE)))["number"] == "page 1, line 4"
    rows = extracted(tmp_path, "a.csv", "date,amount,description\n2026-01-05,12.30,coffee")
    assert rows.entities[1].fields["amount"].place == "row 2, amount"


def test_pages_of_text_and_pages_that_are_scanned_may_be_in_one_pdf(tmp_path: Path) -> None:
    from pypdfium2 import PdfDocument  # type: ignore[import-untyped]  # it ships no types

    whole = PdfDocument.new()
    for part in (pdf("A page of text", ""), scanned_pdf(picture("Second annual report", size=(800, 200), letters=40))):
        whole.import_pages(PdfDocument(part))
    whole.save(tmp_path / "whole.pdf")
    chunks = extracted(tmp_path, "a.pdf", (tmp_path / "whole.pdf").read_bytes()).chunks
    assert [(chunk.place, chunk.text) for chunk in chunks] == [
        ("page 1", "A page of text"),
        ("page 3", "Second annual report"),
    ]


def test_lines_are_numbered_as_an_editor_numbers_them(tmp_path: Path) -> None:
    extraction = extracted(tmp_path, "a.txt", "\ufeffone\r\n\n  two\twords\x0c\u2028\nFrom: x\n")
    assert [(chunk.place, chunk.text) for chunk in extraction.chunks] == [("lines 1–4", "one\n\ntwo words\nFrom: x")]


def test_chunks_are_short_and_lose_no_word(tmp_path: Path) -> None:
    text = "\n".join("word " * count for count in (1, 5_000, 700, 0, 3))
    chunks = extracted(tmp_path, "a.txt", text).chunks
    assert max(len(chunk.text) for chunk in chunks) <= LONGEST_CHUNK
    assert " ".join(chunk.text for chunk in chunks).split() == text.split()
    assert "".join(chunk.text for chunk in extracted(tmp_path, "a.txt", "x" * 20_000).chunks) == "x" * 20_000
    rows = extracted(tmp_path, "a.csv", "a,b\n" + "1,2\n" * 100).chunks
    assert [chunk.place for chunk in rows] == ["rows 1–40", "rows 41–80", "rows 81–101"]


def test_a_long_page_is_several_chunks_with_the_lines_that_they_hold(tmp_path: Path) -> None:
    chunks = extracted(tmp_path, "a.pdf", pdf("\n".join("word " * 18 for _ in range(30)))).chunks
    assert [chunk.place for chunk in chunks] == ["page 1"]
    lines_of_text = [lines.Line(number, "w" * 100, "") for number in range(1, 61)]
    assert [each.place for each in lines.chunked(lines_of_text, page="page 3")] == [
        "page 3, lines 1–39",
        "page 3, lines 40–60",
    ]


def test_a_picture_on_its_side_is_read_upright(tmp_path: Path) -> None:
    (tmp_path / "p.png").write_bytes(picture("Quarterly meeting notes", size=(800, 200), letters=40))
    turned = Image.open(tmp_path / "p.png").rotate(90, expand=True)
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned by a quarter, clockwise
    turned.save(tmp_path / "t.jpg", exif=exif, quality=95)
    assert extracted(tmp_path, "t.jpg", (tmp_path / "t.jpg").read_bytes()).title == "Quarterly meeting notes"


def test_an_amount_in_a_picture_counts_only_with_its_currency(tmp_path: Path) -> None:
    text = "INVOICE\nInvoice number: 12-A\nAmount due: 4120.00\nVAT: EUR 20.00"
    assert "total" not in told(extracted(tmp_path, "a.png", picture(text)).entities[0])
    assert told(extracted(tmp_path, "a.txt", text).entities[0])["total"] == "4120.00 EUR"
