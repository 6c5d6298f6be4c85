"""Reads one file, whatever it is called and whatever is in it: an Extraction or a clear refusal, and nothing else."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path, PurePosixPath

from neotoma.extraction import MEDIA_TYPES, table
from neotoma.extraction.findings import from_lines
from neotoma.extraction.lines import MOST_CHARACTERS, Line, bounded, chunked, numbered, too_long
from neotoma.extraction.model import Chunk, Extraction, Unreadable
from neotoma.extraction.rows import from_table

BEGINNINGS = {
    ".pdf": (b"%PDF-",),
    ".png": (b"\x89PNG\r\n\x1a\n",),
    ".jpg": (b"\xff\xd8\xff",),
    ".jpeg": (b"\xff\xd8\xff",),
}
FOREIGN = (*{mark for marks in BEGINNINGS.values() for mark in marks}, b"PK\x03\x04", b"\x1f\x8b", b"GIF8", b"\x7fELF")
BEGINNING = 1_024  # bytes in which a PDF may begin, as other readers have it


def extract(path: Path, name: str) -> Extraction:
    """The facts in the file at ``path`` that its sender calls ``name``. Raises Unreadable.

    Only the name's ending counts, so equal bytes under equal endings give equal Extractions.
    """
    suffix = PurePosixPath(name).suffix.lower()
    if suffix not in MEDIA_TYPES:
        known = ", ".join(MEDIA_TYPES)
        raise Unreadable("unknown_type", f"{suffix or 'No ending'} is not a known type. Send one of {known}.")
    _check_beginning(path, suffix)
    try:
        return _extracted(path, suffix)
    except (MemoryError, RecursionError) as error:
        raise too_complex() from error


def canonical(extraction: Extraction) -> bytes:
    """The one way to write an Extraction as bytes: equal ones give equal bytes."""
    return json.dumps(asdict(extraction), sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def too_complex() -> Unreadable:
    """The refusal of a file that needs more than a worker may have."""
    return Unreadable("too_complex", "Reading the file needs more memory than it may have. Divide it or simplify it.")


def _check_beginning(path: Path, suffix: str) -> None:
    with path.open("rb") as file:
        beginning = file.read(BEGINNING)
    if not beginning:
        raise Unreadable("empty", "The file is empty. Check it, then upload it again.")
    if suffix == ".pdf":
        fits = BEGINNINGS[suffix][0] in beginning
    elif suffix in BEGINNINGS:
        fits = beginning.startswith(BEGINNINGS[suffix])
    else:
        fits = not beginning.startswith(FOREIGN)
    if not fits:
        raise Unreadable("mislabelled", f"The content is not what {suffix} promises. Give the file its right ending.")


def _extracted(path: Path, suffix: str) -> Extraction:
    if suffix == ".csv":
        return _from_csv(_decoded(path))
    if suffix == ".txt":
        lines = list(numbered(_decoded(path)))
        return _from_text(lines, chunked(lines))
    return _from_pages(_pdf_pages(path) if suffix == ".pdf" else _image_pages(path, suffix))


def _from_csv(text: str) -> Extraction:
    found = table.read(text)
    lines = list(bounded(table.lines(found)))
    return from_table(found, chunked(lines, "row"))


def _from_pages(pages: Iterable[tuple[str, list[Line]]]) -> Extraction:
    chunks: list[Chunk] = []
    lines: list[Line] = []
    left = MOST_CHARACTERS
    for page, page_lines in pages:
        lines += bounded(page_lines, left)
        left -= sum(len(line.text) + 1 for line in page_lines)
        chunks += chunked(page_lines, page=page)
    return _from_text(lines, tuple(chunks))


def _from_text(lines: list[Line], chunks: tuple[Chunk, ...]) -> Extraction:
    if not lines:
        raise Unreadable("no_text", "There is no text in this file. Send one with text, or a sharper scan.")
    return from_lines(lines, chunks)


def _pdf_pages(path: Path) -> Iterable[tuple[str, list[Line]]]:
    from neotoma.extraction import pdf  # loads PDFium and Pillow, which only workers need

    return pdf.pages(path)


def _image_pages(path: Path, suffix: str) -> Iterable[tuple[str, list[Line]]]:
    from neotoma.extraction import ocr

    return [("page 1", ocr.lines(path, suffix))]


def _decoded(path: Path) -> str:
    if path.stat().st_size > 4 * MOST_CHARACTERS:  # UTF-8 takes no more than four bytes for one
        raise too_long()
    content = path.read_bytes()
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Unreadable("not_utf8", "The file is UTF-16 text. Save it as UTF-8.")
    if b"\0" in content:
        raise Unreadable("nul_bytes", "The file holds NUL bytes, so it is not text. Save it as UTF-8.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable("not_utf8", f"The file is not UTF-8 text (byte {error.start}). Save it as UTF-8.") from error
    if not text.strip():
        raise Unreadable("empty", "The file holds only white space. Check it, then upload it again.")
    if len(text) > MOST_CHARACTERS:
        raise too_long()
    return text
