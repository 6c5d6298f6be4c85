"""A file that holds more than is read is read from its beginning, and its document says how far."""

import zlib
from pathlib import Path

import pytest
from apps.neotoma.tests.support_documents import INVOICE, encoded, extracted, pdf, picture, scanned_pdf, told
from PIL import Image

from neotoma.extraction import lines, reading, table
from neotoma.extraction import pdf as pdf_reader
from neotoma.extraction.model import Extraction, Field, Unreadable
from neotoma.extraction.reading import canonical

MOST = lines.MOST_CHARACTERS
STATEMENT = "Date,Amount,Description\n2026-01-05,-1 EUR,Rent\n"


def text_read(extraction: Extraction) -> Field:
    """Up to where the file was read."""
    return extraction.entities[0].fields["text_read"]


def text_of(extraction: Extraction) -> str:
    return "\n".join(chunk.text for chunk in extraction.chunks)


def test_a_document_that_is_read_to_its_end_does_not_speak_of_it(tmp_path: Path) -> None:
    for name, content in (("a.txt", "x" * MOST), ("a.csv", STATEMENT), ("a.pdf", pdf(INVOICE))):
        assert "text_read" not in extracted(tmp_path, name, content).entities[0].fields


def test_of_a_long_text_the_beginning_is_read_up_to_the_end_of_a_line(tmp_path: Path) -> None:
    content = INVOICE + "forty-two characters and then a line end.\n" * 60_000 + "the very last words\n"
    extraction = extracted(tmp_path, "a.txt", content)
    assert told(extraction.entities[0])["total"] == "1200.00 EUR"
    said, last = text_read(extraction), extraction.chunks[-1]
    read = int(said.value.removeprefix("the first ").removesuffix(" characters").replace(",", ""))
    assert MOST - 42 < read <= MOST
    assert content[:read].endswith(".\n")
    assert said.place == f"line {content[:read].count(chr(10))}"
    assert last.place.endswith(said.place.removeprefix("line "))
    assert last.text.endswith("then a line end.")
    assert "the very last words" not in text_of(extraction)


@pytest.mark.parametrize(
    ("word", "read"), [("word ", MOST), ("x", MOST), ("a long ä line\r", MOST - 2), ("seven  ", MOST - 2)]
)
def test_a_text_is_cut_after_a_word_or_where_it_has_none(tmp_path: Path, word: str, read: int) -> None:
    content = word * (MOST // len(word) + 10)
    assert text_read(extracted(tmp_path, "a.txt", content)).value == f"the first {read:,} characters"


def test_a_character_may_lie_across_two_pieces_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PIECE", 3)
    assert text_of(extracted(tmp_path, "a.txt", "\ufeffaäb€c\U0001f600d")) == "aäb€c\U0001f600d"
    with pytest.raises(Unreadable, match="byte 7"):
        extracted(tmp_path, "a.txt", b"1234567\xe9ab")


def test_of_a_long_table_the_first_rows_are_read_and_none_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "MOST_ROWS", 5_000)
    extraction = extracted(tmp_path, "a.csv", STATEMENT + "2026-02-01,2 EUR,a\n" * 5_000)
    assert text_read(extraction) == Field("the first 5,000 rows", "text", "row 5000")
    assert not {"rows", "period_from", "period_to"} & extraction.entities[0].fields.keys()
    assert told(extraction.entities[1])["description"] == "Rent"
    assert extraction.chunks[-1].place.endswith("–5000")


def test_empty_rows_after_the_last_one_that_is_read_are_nothing_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "MOST_ROWS", 2)
    assert told(extracted(tmp_path, "a.csv", STATEMENT + "\n,,\n\n").entities[0])["rows"] == "1"


@pytest.mark.parametrize("end", ['x,"in the midst of a cell', "x,in the midst of a row", "x,2026-01-0"])
def test_a_row_that_is_not_whole_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    head = "a,b\n1,2\n"
    monkeypatch.setattr(reading, "MOST_CHARACTERS", len(head + end))
    monkeypatch.setattr(reading, "REACH", 1)
    extraction = extracted(tmp_path, "a.csv", f"{head}{end} and more of it")
    assert text_of(extraction) == "a; b\na: 1; b: 2"
    assert text_read(extraction).value == "the first 2 rows"


def test_rows_whose_text_is_not_read_give_no_facts(tmp_path: Path) -> None:
    columns = ",".join(f"{number} {'w' * 96}" for number in range(60))
    wide = f"Date,Amount,Description,{columns}\n" + f"2026-01-06,2 EUR,a{',x' * 60}\n" * 500
    extraction = extracted(tmp_path, "a.csv", wide)
    rows = [found for found in extraction.entities if found.type == "transaction"]
    assert text_read(extraction).value == f"the first {len(rows) + 1} rows"
    assert 300 < len(rows) < 400


def test_of_a_long_pdf_the_first_pages_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_reader, "MOST_PAGES", 2)
    extraction = extracted(tmp_path, "a.pdf", pdf(INVOICE, "second", "third"))
    assert told(extraction.entities[0])["total"] == "1200.00 EUR"
    assert text_read(extraction) == Field("the pages before page 3", "text", "page 2, line 1")
    assert [chunk.place for chunk in extraction.chunks] == ["page 1", "page 2"]
    assert "text_read" not in extracted(tmp_path, "a.pdf", pdf("first", "second")).entities[0].fields


def test_of_a_long_scan_the_first_pages_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_reader, "MOST_SCANNED_PAGES", 1)
    page, blank = picture("Annual report", size=(800, 200), letters=40), encoded(Image.new("L", (50, 50), 255))
    assert text_read(extracted(tmp_path, "a.pdf", scanned_pdf(page, blank))).value == "the pages before page 2"


def test_of_a_pdf_with_much_text_the_first_characters_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_CHARACTERS", 30)
    extraction = extracted(tmp_path, "a.pdf", pdf("twenty-one characters", "five\nmore than is left of it\nsix"))
    assert text_read(extraction) == Field("the first 27 characters", "text", "page 2, line 1")
    assert [(chunk.place, chunk.text) for chunk in extraction.chunks] == [
        ("page 1", "twenty-one characters"),
        ("page 2", "five"),
    ]


def test_two_files_that_only_begin_alike_are_two_documents_and_the_same_is_one(tmp_path: Path) -> None:
    same = "The log of a machine\n" + "nothing to report\n" * (MOST // 10)
    one, other, again = (extracted(tmp_path, "a.txt", same + end) for end in ("1", "2", "1"))
    assert one.chunks == other.chunks
    assert one.entities[0].name != other.entities[0].name
    assert canonical(one) == canonical(again)


def test_a_small_pdf_that_unpacks_to_far_more_is_refused(tmp_path: Path) -> None:
    text = b"BT /F1 9 Tf 9 9 Td " + b"(many words) Tj 0 -9 Td " * 40_000 + b"ET"
    packed = zlib.compress(text, 9)
    objects = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d/Filter/FlateDecode>>stream\n%s\nendstream" % (len(packed), packed),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    )
    body = b"".join(b"%d 0 obj\n%s\nendobj\n" % (number, each) for number, each in enumerate(objects, start=1))
    with pytest.raises(Unreadable) as caught:
        extracted(tmp_path, "a.pdf", b"%PDF-1.7\n" + body + b"trailer<</Root 1 0 R>>\n%%EOF")
    assert caught.value.code == "inflated"
