"""Reads one file, whatever it is called and whatever is in it: an Extraction or a clear refusal, and nothing else."""

import codecs
import hashlib
import json
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path, PurePosixPath

from neotoma.extraction import MEDIA_TYPES, table
from neotoma.extraction.findings import from_lines
from neotoma.extraction.lines import MOST_CHARACTERS, Line, Pages, Part, chunked, fitting, numbered
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
PIECE = 1024 * 1024  # bytes
REACH = 10_000  # characters before a cut, among which it prefers the end of a line or word
MOST_EXPANSION = 100  # characters a byte; what unpacks to more was made to do so


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
        return _from_csv(path)
    if suffix == ".txt":
        text, cut = _decoded(path)
        lines = list(numbered(text))
        return _from_text(lines, chunked(lines), _part(path, _characters(len(text)), lines) if cut else None)
    return _from_pages(path, _pdf_pages(path) if suffix == ".pdf" else _image_pages(path, suffix))


def _from_csv(path: Path) -> Extraction:
    found = table.read(*_decoded(path))
    lines = list(fitting(table.lines(found)))
    whole = found.whole and len(lines) == len(found.rows) + 1
    part = None if whole else _part(path, f"the first {lines[-1].number:,} rows", lines)
    return from_table(replace(found, rows=found.rows[: len(lines) - 1]), chunked(lines, "row"), part)


def _from_pages(path: Path, pages: Pages) -> Extraction:
    chunks: list[Chunk] = []
    lines: list[Line] = []
    left, read = MOST_CHARACTERS, ""
    with closing(pages):
        for page, page_lines in pages:
            fit = list(fitting(page_lines or (), left))
            lines += fit
            left -= sum(len(line.text) + 1 for line in fit)
            chunks += chunked(fit, page=page)
            if page_lines is None:
                read = f"the pages before {page}"
            elif fit != page_lines:
                read = _characters(MOST_CHARACTERS - left)
            if read:
                break
    if left < MOST_CHARACTERS - MOST_EXPANSION * path.stat().st_size:
        message = f"The file holds more than {MOST_EXPANSION} times as many characters as bytes. Export it again."
        raise Unreadable("inflated", message)
    return _from_text(lines, tuple(chunks), _part(path, read, lines) if read else None)


def _from_text(lines: list[Line], chunks: tuple[Chunk, ...], part: Part | None) -> Extraction:
    if not lines:
        raise Unreadable("no_text", "There is no text in this file. Send one with text, or a sharper scan.")
    return from_lines(lines, chunks, part)


def _part(path: Path, read: str, lines: list[Line]) -> Part:
    with path.open("rb") as file:
        return Part(read, lines[-1].place if lines else "", hashlib.file_digest(file, "sha256").hexdigest())


def _characters(count: int) -> str:
    return f"the first {count:,} characters"


def _pdf_pages(path: Path) -> Pages:
    from neotoma.extraction import pdf  # loads PDFium and Pillow, which only workers need

    return pdf.pages(path)


def _image_pages(path: Path, suffix: str) -> Pages:
    from neotoma.extraction import ocr

    yield "page 1", ocr.lines(path, suffix)


def _decoded(path: Path) -> tuple[str, bool]:
    """The text, or its beginning, and whether it was cut. All of the file is checked, little of it held at a time."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    kept: list[str] = []
    left, before = MOST_CHARACTERS + 1, 0
    with path.open("rb") as file:
        while True:
            piece = file.read(PIECE)
            _check_bytes(piece, first=not before)
            try:
                text = decoder.decode(piece, final=not piece)
            except UnicodeDecodeError as error:
                at = before - len(decoder.getstate()[0]) + error.start
                raise Unreadable("not_utf8", f"The file is not UTF-8 text (byte {at}). Save it as UTF-8.") from error
            kept.append(text[:left])
            left -= len(kept[-1])
            before += len(piece)
            if not piece:
                return _cut("".join(kept))


def _check_bytes(piece: bytes, *, first: bool) -> None:
    if first and piece.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Unreadable("not_utf8", "The file is UTF-16 text. Save it as UTF-8.")
    if b"\0" in piece:
        raise Unreadable("nul_bytes", "The file holds NUL bytes, so it is not text. Save it as UTF-8.")


def _cut(text: str) -> tuple[str, bool]:
    """At most MOST_CHARACTERS of it, up to the end of a line or word if one is in reach, and whether that is less."""
    cut = len(text) > MOST_CHARACTERS
    if cut:
        ends = (text.rfind(end, MOST_CHARACTERS - REACH, MOST_CHARACTERS) for end in ("\n", "\r", " "))
        text = text[: next((end + 1 for end in ends if end >= 0), MOST_CHARACTERS)]
    if not text.strip():
        where = f"the first {MOST_CHARACTERS:,} characters of the file" if cut else "the file"
        raise Unreadable("empty", f"There is only white space in {where}. Check it, then upload it again.")
    return text, cut
