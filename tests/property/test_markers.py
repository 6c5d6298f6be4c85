"""Whatever people write around goaround's markers, and whatever they say in the journal, it survives."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import assume, given
from hypothesis import strategies as st

from goaround.cli.markdown import BEGIN, END, between, code, plain, splice, table
from goaround.domain.errors import Refused

PIECES = [BEGIN.encode(), END.encode(), b"<!--", b"-->", b"goaround:end", b"\r\n", b"\n", b"\xff", b"x"]
BYTES = st.one_of(st.binary(max_size=40), st.lists(st.sampled_from(PIECES), max_size=8).map(b"".join))
WORDS = st.one_of(
    st.text(max_size=40), st.lists(st.sampled_from([piece.decode("latin-1") for piece in PIECES])).map("".join)
)


@given(BYTES, BYTES, BYTES, WORDS, WORDS)
def test_every_byte_outside_the_markers_stays(before: bytes, old: bytes, after: bytes, one: str, two: str) -> None:
    begin, end = BEGIN.encode(), END.encode()
    document = before + begin + old + end + after
    assume(document.count(begin) == document.count(end) == 1)
    written = splice(document, plain(one), "status.md")
    assert written == before + between(plain(one)).encode() + after
    assert splice(splice(written, plain(two), "status.md"), plain(one), "status.md") == written


@given(BYTES)
def test_a_document_is_changed_only_between_one_begin_and_one_end(document: bytes) -> None:
    begin, end = BEGIN.encode(), END.encode()
    written = None
    with suppress(Refused):
        written = splice(document, "new", "status.md")
    sound = document.count(begin) == document.count(end) == 1 and document.index(begin) < document.index(end)
    assert (written is not None) == sound


@given(WORDS)
def test_what_people_say_is_one_cell_of_a_table_and_never_a_marker(words: str) -> None:
    for told in (plain(words), code(words)):
        row = table(("a", "b"), [(told, "")])
        assert BEGIN not in row
        assert END not in row
        assert len(row.split("\n")) == 3
        assert row.replace("\\\\", "").replace("\\|", "").count("|") == 9
        between(row)
