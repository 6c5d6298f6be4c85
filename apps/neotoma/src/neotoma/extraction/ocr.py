"""Text out of images, with Debian's tesseract as a process of its own.

One thread only, and nothing of the environment: the same image gives the same text, and costs one core.
"""

import csv
import io
import os
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageOps

from neotoma.extraction.lines import Line, clean
from neotoma.extraction.model import Unreadable

DPI = 300
MOST_PIXELS = 50_000_000
MOST_READ_PIXELS = 12_000_000  # an A3 page at 260 dpi; what is larger is scaled down, for letters stay legible
SMALL_PIXELS = 1_000_000  # below, letters are as on a screen, and tesseract reads them better at twice the size
FORMATS = {".png": ("PNG",), ".jpg": ("JPEG",), ".jpeg": ("JPEG",)}
WORD = "5"  # the level of a word in tesseract's table


def lines(path: Path, suffix: str) -> list[Line]:
    """The lines of text in an image file. Raises Unreadable for a broken, truncated or gigantic one."""
    return read(_loaded(path, suffix), "page 1, ")


def read(image: Image.Image, before: str, dpi: int | None = None) -> list[Line]:
    """The lines of text in a picture, with places such as ``page 1, line 3``. Raises Unreadable without tesseract."""
    program = shutil.which("tesseract")
    if program is None:
        raise Unreadable(
            "no_ocr", "This file is a picture, and tesseract, which reads pictures, is not installed here. Install it."
        )
    picture = io.BytesIO()
    image.save(picture, format="PPM")  # grey, uncompressed
    resolution = ("--dpi", str(dpi)) if dpi else ()
    command = (*_dying_with_us(), program, "stdin", "stdout", "-l", "eng", "--psm", "3", *resolution, "tsv")
    finished = subprocess.run(command, input=picture.getvalue(), capture_output=True, check=False, env=_environment())
    if finished.returncode != 0:
        raise Unreadable("broken_image", "The picture cannot be read. Save it again as PNG, in a usual size.")
    return list(_lines(finished.stdout.decode("utf-8", "replace"), before))


def _dying_with_us() -> tuple[str, ...]:
    """A worker that is ended at its deadline must not leave tesseract behind; setpriv is part of every Linux."""
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "KILL") if setpriv else ()


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "TESSDATA_PREFIX") if name in os.environ}
    return {**kept, "OMP_THREAD_LIMIT": "1", "LC_ALL": "C"}


def _lines(table: str, before: str) -> Iterator[Line]:
    """Tesseract numbers lines within paragraphs within blocks; we number those that hold words within the page."""
    rows = csv.DictReader(io.StringIO(table), delimiter="\t", quoting=csv.QUOTE_NONE)
    found: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        if row["level"] == WORD and row["text"] and row["text"].strip():
            key = (row["page_num"], row["block_num"], row["par_num"], row["line_num"])
            found.setdefault(key, []).append(row["text"])
    for number, words in enumerate(found.values(), start=1):
        if text := clean(" ".join(words)):
            yield Line(number, text, f"{before}line {number}", scanned=True)


def _loaded(path: Path, suffix: str) -> Image.Image:
    """The picture upright, in grey on white. Its size is judged before any of it is unpacked."""
    formats = FORMATS[suffix]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Pillow on size, which is judged below, and on odd metadata
            with Image.open(path, formats=formats) as image:
                _check_size(image)
                image.verify()
            with Image.open(path, formats=formats) as image:
                image.load()
                return _readable(ImageOps.exif_transpose(image))
    except (Unreadable, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise _too_large() from error
    except Exception as error:  # Pillow's decoders raise anything for crafted bytes
        if "truncated" in str(error).lower():
            raise Unreadable("truncated", "The picture ends too early. Upload it again, whole.") from error
        raise Unreadable("broken_image", "The picture is broken. Save it again as PNG or JPEG.") from error


def _check_size(image: Image.Image) -> None:
    if image.width * image.height > MOST_PIXELS:
        raise _too_large()


def _too_large() -> Unreadable:
    return Unreadable(
        "too_many_pixels", f"The picture has more than {MOST_PIXELS // 1_000_000} million pixels. Scale it down."
    )


def _readable(image: Image.Image) -> Image.Image:
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    grey = image.convert("L")
    pixels = grey.width * grey.height
    if SMALL_PIXELS <= pixels <= MOST_READ_PIXELS:
        return grey
    scale = 2.0 if pixels < SMALL_PIXELS else (MOST_READ_PIXELS / pixels) ** 0.5
    size = (max(1, round(grey.width * scale)), max(1, round(grey.height * scale)))
    return grey.resize(size, Image.Resampling.BICUBIC)
