"""The same file gives the same facts, byte by byte: again, in another process, in another country."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from apps.neotoma.tests.support_documents import INVOICE, pdf, picture

from neotoma.extraction.reading import canonical, extract

STATEMENT = "Date,Amount,Description\n13/01/2026,-12.30 EUR,Invoice 1-A\n02/01/2026,7 EUR,Gift\n"
CONTENTS = {
    "invoice.txt": INVOICE.encode(),
    "invoice.pdf": pdf(INVOICE),
    "invoice.png": picture(INVOICE, size=(600, 420), letters=13),
    "statement.csv": STATEMENT.encode(),
}
PROGRAM = """
import sys, pathlib
from neotoma.extraction.reading import canonical, extract
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    sys.stdout.buffer.write(canonical(extract(path, path.name)) + b"\\n")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = tmp_path / "files"
    files.mkdir()
    for name, content in CONTENTS.items():
        (files / name).write_bytes(content)
    return files


def in_another_process(folder: Path, environment: Mapping[str, str]) -> bytes:
    command = (sys.executable, "-c", PROGRAM, str(folder))
    return subprocess.run(command, capture_output=True, check=True, env={**os.environ, **environment}).stdout


def test_the_same_file_three_times_gives_identical_facts(folder: Path) -> None:
    for path in folder.iterdir():
        first, second, third = (extract(path, path.name) for _ in range(3))
        assert first == second == third
        assert canonical(first) == canonical(second) == canonical(third)


def test_facts_do_not_depend_on_hashes_time_zone_language_or_clock(folder: Path) -> None:
    here = b"".join(canonical(extract(path, path.name)) + b"\n" for path in sorted(folder.iterdir()))
    for environment in (
        {"PYTHONHASHSEED": "1", "TZ": "Pacific/Kiritimati", "LANG": "C", "LC_ALL": "C"},
        {"PYTHONHASHSEED": "2", "TZ": "America/Los_Angeles", "LANG": "de_DE.UTF-8", "LC_ALL": "tr_TR.UTF-8"},
    ):
        assert in_another_process(folder, environment) == here


def test_only_the_ending_of_a_name_counts(folder: Path) -> None:
    path = folder / "invoice.txt"
    assert canonical(extract(path, "a.txt")) == canonical(extract(path, "Another Name.TXT"))


def test_facts_have_one_canonical_text(folder: Path) -> None:
    text = canonical(extract(folder / "invoice.txt", "a.txt"))
    assert text.startswith(b'{"chunks":[{"place":"lines 1')
    assert "04/02/2026" in text.decode()
    assert b'"due_on":{"place":"line 7","type":"date","value":"2026-02-04"}' in text
