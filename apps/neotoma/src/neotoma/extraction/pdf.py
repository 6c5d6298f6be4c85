"""Text out of PDF pages; pages without text are rendered and read as images.

PDFium is not safe to call from two threads: every worker reads one file at a time.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pypdfium2 as pdfium  # type: ignore[import-untyped]  # it ships no types
from pypdfium2 import raw

from neotoma.extraction import ocr
from neotoma.extraction.lines import Pages, numbered
from neotoma.extraction.model import Unreadable

if TYPE_CHECKING:
    from PIL import Image

MOST_PAGES = 2_000  # that are read
MOST_SCANNED_PAGES = 200
POINTS_AN_INCH = 72
END = b"%%EOF"
END_WITHIN = 2_048  # bytes of the end of the file


def pages(path: Path) -> Pages:
    """``page 1`` with its lines, and so on; the first page that is not read any more with None instead.

    Raises Unreadable for an encrypted, truncated or broken file.
    """
    _check_end(path)
    try:
        document = pdfium.PdfDocument(path)
    except pdfium.PdfiumError as error:
        if error.err_code == raw.FPDF_ERR_PASSWORD:
            raise Unreadable("encrypted", "The PDF asks for a password. Save it without one.") from error
        raise _broken() from error
    try:
        yield from _pages(document)
    except pdfium.PdfiumError as error:
        raise _broken() from error
    finally:
        document.close()


def _check_end(path: Path) -> None:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - END_WITHIN))
        if END not in file.read():
            raise Unreadable("truncated", "The PDF ends before its end mark. Upload it again, whole.")


def _broken() -> Unreadable:
    return Unreadable("broken_pdf", "The PDF is broken. Export it again.")


def _pages(document: Any) -> Pages:
    scanned = 0
    for index in range(len(document)):
        page, name = document[index], f"page {index + 1}"
        try:
            lines = list(numbered(_text(page), f"{name}, "))
            picture = not lines and _shows_anything(page)
            scanned += picture
            if index == MOST_PAGES or scanned > MOST_SCANNED_PAGES:
                yield name, None
                return
            if picture:
                lines = ocr.read(_rendered(page), f"{name}, ", ocr.DPI)
        finally:
            page.close()
        yield name, lines


def _text(page: Any) -> str:
    text_page = page.get_textpage()
    try:
        # U+FFFE is PDFium's mark of a hyphen at which a word was divided.
        return str(text_page.get_text_range()).replace("\ufffe\r\n", "").replace("\ufffe", "-")
    finally:
        text_page.close()


def _shows_anything(page: Any) -> bool:
    return bool(raw.FPDFPage_CountObjects(page) > 0 or raw.FPDFPage_GetAnnotCount(page) > 0)


def _rendered(page: Any) -> "Image.Image":
    """The page in grey at 300 dpi, or less when the page is a poster."""
    width, height = page.get_size()
    dots = ocr.DPI / POINTS_AN_INCH
    pixels = width * dots * height * dots
    scale = dots * min(1.0, (ocr.MOST_READ_PIXELS / max(pixels, 1)) ** 0.5)
    bitmap = page.render(scale=scale, grayscale=True)
    try:
        return bitmap.to_pil().copy()  # type: ignore[no-any-return]
    finally:
        bitmap.close()
