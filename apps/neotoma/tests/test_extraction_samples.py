"""Public files that installed packages ship: real pictures, read or refused, and always in the same way.

The packages of this project ship no sample PDF, CSV or JPEG; those are made by the other tests.
"""

import importlib.util
from pathlib import Path

import pytest

from neotoma.extraction import MEDIA_TYPES
from neotoma.extraction.model import Unreadable
from neotoma.extraction.reading import canonical, extract

PACKAGES = ("importlinter", "coverage", "playwright", "fpdf", "PIL", "pypdfium2", "mcp", "hypothesis", "numpy")
MOST_BYTES = 2_000_000


def samples() -> list[Path]:
    """Every file of a kind that we read, in the packages that are installed."""
    specs = [importlib.util.find_spec(name) for name in PACKAGES]
    folders = [Path(place) for spec in specs if spec for place in spec.submodule_search_locations or ()]
    paths = [path for folder in folders for ending in MEDIA_TYPES for path in folder.rglob(f"*{ending}")]
    prose = [path for path in paths if "node_modules" not in path.parts and path.stat().st_size < MOST_BYTES]
    return sorted(prose)


def outcome(path: Path) -> str:
    try:
        return canonical(extract(path, path.name)).decode()
    except Unreadable as refused:
        return refused.code


def test_there_are_public_samples() -> None:
    assert {path.suffix for path in samples()} >= {".png"}


@pytest.mark.parametrize("path", samples(), ids=lambda path: path.name)
def test_a_public_file_is_read_or_refused_and_always_in_the_same_way(path: Path) -> None:
    first = outcome(path)
    assert outcome(path) == first
