"""Claims about the fold, which is pure."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from neotoma.memory.fold import SPEAKING, fold, winners
from neotoma.memory.model import KINDS, Field, Observation

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def said(number: int, kind: str, minute: int = 0, **fields: str) -> Observation:
    """An observation."""
    values = {name: Field(value) for name, value in fields.items()}
    return Observation(f"obs_{number:03}", "ent_1", None, kind, values, BEGIN + timedelta(minutes=minute))


fields = st.dictionaries(st.sampled_from("abc"), st.sampled_from("xyz"), max_size=3)
observations = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 4), fields), max_size=10).map(
    lambda drawn: [
        said(number, kind, minute, **(fields if kind in SPEAKING else {}))
        for number, (kind, minute, fields) in enumerate(drawn)
    ]
)


@given(st.data(), observations)
def test_the_order_of_observations_does_not_matter(data: st.DataObject, known: list[Observation]) -> None:
    assert fold(data.draw(st.permutations(known))) == fold(known)


@given(observations, observations)
def test_folding_the_winners_with_the_new_is_folding_all(before: list[Observation], new: list[Observation]) -> None:
    new = [said(int(one.id[4:]) + 100, one.kind, 0, **{k: f.value for k, f in one.fields.items()}) for one in new]
    kept = winners(fold(before))
    assert fold([*(one for one in before if one.id in kept), *new]).fields == fold([*before, *new]).fields


def test_a_correction_beats_a_record_which_beats_an_extraction_whatever_their_times() -> None:
    known = [said(1, "correction", 0, a="1"), said(2, "structured", 1, a="2", b="2"), said(3, "extracted", 2, b="3")]
    snapshot = fold(known)
    assert (snapshot.fields["a"].value, snapshot.fields["b"].value) == ("1", "2")


def test_the_newest_of_a_kind_wins_and_the_greater_id_of_one_moment() -> None:
    assert fold([said(2, "extracted", 1, a="old"), said(1, "extracted", 2, a="new")]).fields["a"].value == "new"
    assert (
        fold([said(1, "extracted", 1, a="less"), said(2, "extracted", 1, a="greater")]).fields["a"].value == "greater"
    )


def test_every_field_names_its_own_observation() -> None:
    snapshot = fold([said(1, "extracted", 0, a="1", b="1"), said(2, "extracted", 1, b="2")])
    assert {name: field.observation_id for name, field in snapshot.fields.items()} == {"a": "obs_001", "b": "obs_002"}


def test_the_newest_of_deletion_and_restoration_decides() -> None:
    deletion, restoration = said(1, "deletion", 1), said(2, "restoration", 2)
    assert fold([deletion]).deleted
    assert not fold([deletion, restoration, said(3, "extracted", 9, a="1")]).deleted
    assert fold([deletion, restoration, said(4, "deletion", 3)]).deleted
