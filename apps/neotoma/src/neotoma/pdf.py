"""Text out of PDF pages. Imported only when a PDF comes, for loading PDFium costs more than starting the service.

PDFium is not safe to call from two threads: the caller sees to it that one file is read at a time.
"""

import pypdfium2 as pdfium  # type: ignore[import-untyped]  # it ships no types
from pypdfium2 import raw

from neotoma.extraction import Unreadable

MOST_PAGES = 2_000


def pages(content: bytes) -> list[str]:
    """The text of each page. Raises Unreadable for an encrypted, truncated, broken or endless file."""
    if b"%%EOF" not in content[-2048:]:
        raise Unreadable("truncated", "The PDF ends before its end mark. Upload it again, whole.")
    try:
        document = pdfium.PdfDocument(content)
    except pdfium.PdfiumError as error:
        if error.err_code == raw.FPDF_ERR_PASSWORD:
            raise Unreadable("encrypted", "The PDF asks for a password. Save it without one.") from error
        raise Unreadable("broken_pdf", "The PDF is broken. Export it again.") from error
    try:
        if len(document) > MOST_PAGES:
            raise Unreadable("too_many_pages", f"The PDF has more than {MOST_PAGES} pages. Divide it.")
        return [_text(document, index) for index in range(len(document))]
    except pdfium.PdfiumError as error:
        raise Unreadable("broken_pdf", "A page of the PDF cannot be read. Export it again.") from error
    finally:
        document.close()


def _text(document: pdfium.PdfDocument, index: int) -> str:
    page = document[index]
    text: str = page.get_textpage().get_text_range()
    page.close()
    return text.replace("\0", "")
