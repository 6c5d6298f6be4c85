"""Claims about every plan, flown in a world of its own with failures, people's words and kills wherever they hurt."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.property.world import Flight, World, fresh

from goaround.domain.decisions import Halt, Wait, decide
from goaround.domain.errors import Refused
from goaround.domain.events import AbortAsked, Answered, Closed, Declined, Event, Opened, RollbackAsked, Signed
from goaround.domain.gates import TriggerLimits, WatchLimits
from goaround.domain.journal import State, fold
from goaround.domain.release import ChecklistItem, Outcome, Release, Terms
from goaround.domain.signoff import digest
from goaround.domain.strategy import staging_first

TERMS = Terms(
    "shop", "owner", {"staging": ("owner",), "production": ("owner",)}, WatchLimits(), TriggerLimits(),
    checklist=(ChecklistItem("look", "does it look right?"),), can_go_down=True, hold_seconds=10,
    integration=True, smoke=True, announce=True, alert=True,
)  # fmt: skip


@st.composite
def openings(draw: st.DrawFn) -> Opened:
    works = draw(st.booleans())
    release = Release(
        id="v2.0.0", version="v2.0.0", attempt=1, commit="c" * 40, subject="more",
        previous=draw(st.sampled_from(["v1.0.0", "v1.0.0", None])),
        migrations=draw(st.sampled_from([(), ("0002.sql",)])),
        old_version_works=works,
        way_back=draw(st.sampled_from(["keep", "down"])) if works else "down",
    )  # fmt: skip
    return Opened(release, TERMS, staging_first(TERMS, release), {}, "sha256:0", "owner")


FAILABLE = ("build", "tag", "deploy", "hold", "migrate", "health", "traffic", "integration", "smoke", "backup", "watch")
failures = st.frozensets(
    st.builds("{}/{}".format, st.sampled_from(["staging", "production"]), st.sampled_from(FAILABLE)), max_size=2
)
kills = st.frozensets(st.integers(1, 150), max_size=8)


def willing(state: State, wait: Wait) -> Event:
    """People who answer and sign whatever comes."""
    if wait.step.kind == "answer":
        return Answered(wait.step.key, "owner", "looked")
    return Signed(wait.step.key, "owner", digest(state.statement(wait.step)))


def flight(opened: Opened, failing: frozenset[str] = frozenset()) -> Flight:
    return Flight(World(opened.release, fresh(opened.release), failing), opened, willing)


@given(openings(), failures, kills)
@settings(max_examples=300, deadline=None)
def test_a_kill_at_any_instant_does_not_change_the_outcome(
    opened: Opened, failing: frozenset[str], killed: frozenset[int]
) -> None:
    undisturbed, disturbed = flight(opened, failing), flight(opened, failing)
    calm, rough = undisturbed.fly(), disturbed.fly(killed)
    assert rough.closed == calm.closed
    assert disturbed.world.places == undisturbed.world.places
    assert all(count == 1 for count in disturbed.world.effects.values())


@given(openings(), failures)
@settings(max_examples=200, deadline=None)
def test_every_plan_ends_in_exactly_one_outcome(opened: Opened, failing: frozenset[str]) -> None:
    flown = flight(opened, failing)
    state = flown.fly()
    closed = [record for record in flown.records if isinstance(record.event, Closed)]
    assert len(closed) == 1
    assert state.closed is not None
    hit = any(f"{s.environment}/{s.name}" in failing for s in opened.plan.steps)
    assert (state.closed.outcome is Outcome.RELEASED) == (not hit)
    if not hit:
        assert all(place.serving == "new" and not place.holding for place in flown.world.places.values())
        assert all(place.running == {"new"} for place in flown.world.places.values())


@given(openings(), st.sets(st.sampled_from(["production/push", "production/tidy"])), kills)
@settings(max_examples=100, deadline=None)
def test_a_failure_afterwards_takes_no_good_release_back(
    opened: Opened, failing: set[str], killed: frozenset[int]
) -> None:
    terms = replace(TERMS, push="origin")
    opened = replace(opened, terms=terms, plan=staging_first(terms, opened.release))
    flown = flight(opened, frozenset(failing))
    state = flown.fly(killed)
    assert state.closed is not None
    assert state.closed.outcome is Outcome.RELEASED
    assert [name in state.closed.says for name in ("push failed", "tidy failed")] == [
        f"production/{name}" in failing for name in ("push", "tidy")
    ]
    assert all(place.running == {"new"} for place in flown.world.places.values())


@given(openings(), failures)
@settings(max_examples=200, deadline=None)
def test_what_does_not_reach_its_end_leaves_both_environments_as_they_were(
    opened: Opened, failing: frozenset[str]
) -> None:
    flown = flight(opened, failing)
    state = flown.fly()
    assert state.closed is not None
    assume(state.closed.outcome is not Outcome.RELEASED)
    for place in flown.world.places.values():
        assert place.serving == ("old" if opened.release.previous else None)
        assert not place.holding
        if opened.release.way_back == "down" and opened.release.previous:
            assert place.schema == "old"


@given(openings(), failures)
@settings(max_examples=100, deadline=None)
def test_any_prefix_of_the_journal_can_be_read_and_decided(opened: Opened, failing: frozenset[str]) -> None:
    flown = flight(opened, failing)
    flown.fly()
    for length in range(1, len(flown.records) + 1):
        state = fold(flown.records[:length])
        assert state is not None
        assert decide(state, flown.now) is not None


words = st.sampled_from([AbortAsked("owner", "no"), RollbackAsked("owner", "no")])


@given(openings(), words, st.integers(1, 120), failures)
@settings(max_examples=300, deadline=None)
def test_a_word_to_stop_at_any_instant_takes_everything_back(
    opened: Opened, word: Event, at: int, failing: frozenset[str]
) -> None:
    flown = flight(opened, failing)
    for instant, _ in enumerate(flown.instants(), start=1):
        if instant == at:
            flown.write(word)
            break
    assume(len(flown.records) and flown.records[-1].event == word)
    state = flown.fly()
    assert state.closed is not None
    if state.closed.outcome is not Outcome.RELEASED:
        for place in flown.world.places.values():
            assert place.serving == ("old" if opened.release.previous else None)
            assert not place.holding
    else:
        assert state.closed_at is not None


@given(openings(), st.sampled_from(["unwilling", "stale", "unknown"]))
@settings(max_examples=60, deadline=None)
def test_nothing_unsigned_reaches_production(opened: Opened, how: str) -> None:
    def people(state: State, wait: Wait) -> Event | None:
        if wait.step.kind == "answer":
            return Answered(wait.step.key, "owner", "looked")
        if wait.step.key in state.signed:
            return None
        if how == "unwilling":
            return Declined(wait.step.key, "owner", "not good enough")
        return Signed(wait.step.key, "owner", "sha256:of-something-else") if how == "stale" else None

    flown = Flight(World(opened.release, fresh(opened.release)), opened, people)
    state = flown.fly()
    old = "old" if opened.release.previous else None
    assert flown.world.places["production"].serving == old
    assert not any(record.event.type == "started" and "production/" in record.event.step for record in flown.records)
    if how == "unwilling":
        assert state.closed is not None
        assert state.closed.outcome is Outcome.REFUSED
        assert flown.world.places["staging"].serving == old


@given(openings(), st.sampled_from(["back-health", "back-traffic", "down", "back-release", "back-assess"]))
@settings(max_examples=100, deadline=None)
def test_a_rollback_that_fails_halts_and_goes_on_when_asked(opened: Opened, failing: str) -> None:
    assume(opened.release.previous)
    name = "back-down" if failing == "down" else failing
    flown = flight(opened, frozenset({"production/watch", f"production/{name}"}))
    state = flown.fly()
    assume(any(step.name == name for step in (state.back.plan.steps if state.back else ())))
    if state.closed is not None:  # its effect was there already: there was nothing to fail at
        assert state.of(f"v2.0.0/production/{name}").passed
        return
    assert isinstance(decide(state, flown.now), Halt)
    flown.world.failing = frozenset()
    flown.write(RollbackAsked("owner", "mended"))
    assert flown.fly().closed is not None
    assert flown.world.places["production"].serving == "old"


@given(openings())
def test_a_release_without_a_way_back_is_refused(opened: Opened) -> None:
    release = replace(opened.release, previous="v1.0.0", migrations=("0002.sql",), old_version_works=False)
    for terms, way_back in (
        (replace(TERMS, hold_seconds=None), "down"),
        (replace(TERMS, can_go_down=False), "down"),
        (TERMS, "keep"),
    ):
        with pytest.raises(Refused) as refused:
            staging_first(terms, replace(release, way_back=way_back))  # type: ignore[arg-type]
        assert refused.value.remedy
