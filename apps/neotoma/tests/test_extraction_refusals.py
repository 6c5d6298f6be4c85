"""A file that cannot be read is refused, saying what to do."""

import zlib
from pathlib import Path

import pytest
from apps.neotoma.tests.support_documents import INVOICE, encoded, extracted, pdf, picture, scanned_pdf
from hypothesis import HealthCheck, settings
from PIL import Image

from neotoma.extraction import ocr
from neotoma.extraction.model import Unreadable

ANY = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def refusal(folder: Path, name: str, content: str | bytes) -> Unreadable:
    with pytest.raises(Unreadable) as caught:
        extracted(folder, name, content)
    message = caught.value.message
    assert message.endswith(".")
    assert ". " in message, "it says what happened, and then what to do"
    return caught.value


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.docx", b"PK\x03\x04", "unknown_type"),
        ("a", b"text", "unknown_type"),
        ("a.txt", b"", "empty"),
        ("a.txt", b" \n\t\n", "empty"),
        ("a.csv", b"", "empty"),
        ("a.csv", b",,\n,,\n", "empty"),
        ("a.pdf", b"", "empty"),
        ("a.png", b"", "empty"),
        ("a.txt", b"%PDF-1.7 %%EOF", "mislabelled"),
        ("a.txt", b"\x89PNG\r\n\x1a\n", "mislabelled"),
        ("a.csv", b"PK\x03\x04", "mislabelled"),
        ("a.pdf", b"text", "mislabelled"),
        ("a.png", b"\xff\xd8\xff", "mislabelled"),
        ("a.jpg", b"\x89PNG\r\n\x1a\n", "mislabelled"),
        ("a.txt", b"one\0two", "nul_bytes"),
        ("a.csv", b"a,b\n1,\0", "nul_bytes"),
        ("a.txt", b"caf\xe9", "not_utf8"),
        ("a.txt", "wide".encode("utf-16"), "not_utf8"),
        ("a.csv", b'a,b\n"1,2', "bad_csv"),
        ("a.csv", b"a,b\n" + b"x" * 140_000, "bad_csv"),
        ("a.csv", b"," * 600 + b"x", "too_many_columns"),
        ("a.txt", b" " * 3_000_000 + b"late", "empty"),
        ("a.txt", b"word " * 500_000 + b"\xe9", "not_utf8"),
        ("a.txt", b"word " * 500_000 + b"\xc3", "not_utf8"),
        ("a.txt", b"word " * 500_000 + b"\0", "nul_bytes"),
        ("a.pdf", b"%PDF-1.7 cut", "truncated"),
        ("a.pdf", b"%PDF-1.7 nonsense %%EOF", "broken_pdf"),
        ("a.png", b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR" + b"nonsense" * 9, "broken_image"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_that_cannot_be_read_is_refused_with_what_to_do(
    tmp_path: Path, name: str, content: bytes, code: str
) -> None:
    assert refusal(tmp_path, name, content).code == code


def test_a_pdf_with_a_password_cut_short_or_without_text_is_refused(tmp_path: Path) -> None:
    whole = pdf(INVOICE)
    assert refusal(tmp_path, "a.pdf", pdf("secret", password="x")).code == "encrypted"
    assert refusal(tmp_path, "a.pdf", whole[: len(whole) // 2]).code == "truncated"
    assert refusal(tmp_path, "a.pdf", pdf("")).code == "no_text"


def test_a_picture_cut_short_gigantic_or_without_text_is_refused(tmp_path: Path) -> None:
    for format, ending in (("PNG", "png"), ("JPEG", "jpg")):
        whole = picture(INVOICE, format)
        assert refusal(tmp_path, f"a.{ending}", whole[: len(whole) // 2]).code == "truncated"
    assert refusal(tmp_path, "a.png", encoded(Image.new("L", (100, 100), 255))).code == "no_text"
    huge = _png(60_000, 60_000)
    assert len(huge) < 1_000
    assert refusal(tmp_path, "a.png", huge).code == "too_many_pixels"
    assert refusal(tmp_path, "a.png", _png(10_000, 8_000)).code == "too_many_pixels"


def test_a_page_as_large_as_a_house_is_rendered_small(tmp_path: Path) -> None:
    from fpdf import FPDF

    document = FPDF(format=(5_000, 5_000))
    document.add_page()
    document.rect(1_000, 1_000, 500, 500, style="F")
    assert refusal(tmp_path, "a.pdf", bytes(document.output())).code == "no_text"


def test_without_tesseract_a_picture_is_refused_and_a_text_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert refusal(tmp_path, "a.png", picture("text")).code == "no_ocr"
    assert refusal(tmp_path, "a.pdf", scanned_pdf(picture("text"))).code == "no_ocr"
    assert extracted(tmp_path, "a.pdf", pdf("text")).title == "text"


def test_a_picture_is_judged_by_its_size_before_it_is_unpacked() -> None:
    assert (Image.MAX_IMAGE_PIXELS or 0) > ocr.MOST_PIXELS, "or Pillow would speak first"


def _png(width: int, height: int) -> bytes:
    """A picture that claims to be large and is a few bytes."""

    def piece(name: bytes, content: bytes) -> bytes:
        return len(content).to_bytes(4, "big") + name + content + zlib.crc32(name + content).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([1, 0, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + piece(b"IHDR", header) + piece(b"IDAT", zlib.compress(b"")) + piece(b"IEND", b"")
