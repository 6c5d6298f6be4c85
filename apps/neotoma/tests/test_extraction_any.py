"""Any text, any bytes and any damage give facts or a refusal, and nothing else."""

import re
from pathlib import Path

from apps.neotoma.tests.support_documents import INVOICE, extracted, pdf, picture
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neotoma.extraction import MEDIA_TYPES
from neotoma.extraction.model import LONGEST_CHUNK, Extraction, Unreadable

ANY = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=2_000)
WORDS = st.sampled_from(
    ["invoice", "number:", "total", "due", "12.30 EUR", "€", "£1,2", "date", "5 January 2026", "01/02/2026", "patient",
     ";", "|", "\t", "\n", "  ", "from:", "to:", ",", '"'],
)  # fmt: skip


@ANY
@given(TEXTS | st.lists(WORDS, max_size=200).map(" ".join), st.sampled_from(["a.txt", "a.csv"]))
def test_any_text_gives_facts_or_a_refusal(tmp_path: Path, text: str, name: str) -> None:
    try:
        extraction = extracted(tmp_path, name, text)
    except Unreadable:
        return
    check(extraction)


BEGINNINGS = st.sampled_from([b"", b"%PDF-1.7\n", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0"])


@ANY
@given(BEGINNINGS, st.binary(max_size=500), st.sampled_from([b"", b"%%EOF"]), st.sampled_from(sorted(MEDIA_TYPES)))
def test_any_bytes_under_any_ending_give_facts_or_a_refusal(
    tmp_path: Path, start: bytes, middle: bytes, end: bytes, ending: str
) -> None:
    try:
        extraction = extracted(tmp_path, f"a{ending}", start + middle + end)
    except Unreadable:
        return
    check(extraction)


FILES = {".pdf": pdf(INVOICE), ".png": picture("text", size=(60, 40)), ".jpg": picture("text", "JPEG", (60, 40))}


@ANY
@given(
    st.sampled_from(sorted(FILES)),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=20),
)
def test_a_damaged_file_gives_facts_or_a_refusal(tmp_path: Path, ending: str, damages: list[tuple[int, int]]) -> None:
    content = bytearray(FILES[ending])
    for position, value in damages:
        content[position % len(content)] = value
    try:
        extraction = extracted(tmp_path, f"a{ending}", bytes(content))
    except Unreadable:
        return
    check(extraction)


def check(extraction: Extraction) -> None:
    """What every Extraction is, whatever it was made of."""
    first, *_ = extraction.entities
    assert first.type == extraction.document_type
    assert extraction.title.strip()
    assert extraction.chunks
    assert all(
        0 < len(chunk.text) <= LONGEST_CHUNK and chunk.text.replace("\n", "").isprintable()
        for chunk in extraction.chunks
    )
    for each in extraction.entities:
        assert each.name.strip()
        assert len(each.name) <= 250
        for field in each.fields.values():
            assert field.value
            assert field.type != "date" or re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", field.value)
            assert field.type != "money" or re.fullmatch(r"-?[0-9]+(\.[0-9]{2})? [A-Z]{3}", field.value)
    count = len(extraction.entities)
    for link in extraction.links:
        assert link.from_index != link.to_index
        assert 0 <= link.from_index < count > link.to_index >= 0
