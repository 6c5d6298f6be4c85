"""Claims about taking back what was released: the same as about every plan, and that a half-done one is never left."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.property.test_plans import failures, kills, openings
from tests.property.test_plans import flight as forward
from tests.property.world import Flight, Place, World, as_rollback

from goaround.domain.decisions import Halt, Wait, decide
from goaround.domain.events import AbortAsked, Event, Opened, RollbackAsked
from goaround.domain.journal import State, fold
from goaround.domain.release import Environment, Outcome

BOTH: tuple[Environment, ...] = ("staging", "production")


@st.composite
def taken_back(draw: st.DrawFn) -> Opened:
    """A rollback of a release that was completed; of a first release there is none."""
    opened = draw(openings().filter(lambda opened: opened.release.previous is not None))
    environments: tuple[Environment, ...] = draw(st.sampled_from([BOTH, ("production",)]))
    rollback = as_rollback(opened)
    return replace(rollback, release=replace(rollback.release, environments=environments))


back_failures = st.frozensets(
    st.builds(
        "{}/back-{}".format,
        st.sampled_from(BOTH),
        st.sampled_from(["stop", "hold", "retire", "down", "health", "traffic", "release", "verify", "watch"]),
    ),
    max_size=2,
)


def nobody(state: State, wait: Wait) -> Event | None:
    raise AssertionError(f"{state.release.id} waits for a person: {wait.why}")


def flight(opened: Opened, failing: frozenset[str] = frozenset()) -> Flight:
    """Where the release was completed: the new version serves, the old one is stopped."""
    schema = "new" if opened.release.migrates else "old"
    places: dict[str, Place] = {name: Place("new", schema=schema, running={"new"}) for name in BOTH}
    return Flight(World(opened.release, places, failing), opened, nobody)


def assert_taken_back(flown: Flight) -> None:
    release = flown.opened.release
    for name in BOTH:
        place = flown.world.places[name]
        if name not in release.environments:
            assert (place.serving, place.running) == ("new", {"new"})
            continue
        assert (place.serving, place.running, place.holding) == ("old", {"old"}, False)
        if release.way_back == "down":
            assert place.schema == "old"


def finish(flown: Flight) -> State:
    """Fly; whenever it halts, a person mends what failed and asks again."""
    for _ in range(20):
        state = flown.fly()
        if state.closed is not None:
            return state
        decision = decide(state, flown.now)
        assert isinstance(decision, Halt)
        flown.world.failing -= {f"{decision.step.environment}/{decision.step.name}"}
        flown.write(RollbackAsked("owner", "mended"))
    raise AssertionError("it never ended")


@given(taken_back(), kills)
@settings(max_examples=200, deadline=None)
def test_a_kill_at_any_instant_of_it_does_not_change_the_outcome(opened: Opened, killed: frozenset[int]) -> None:
    undisturbed, disturbed = flight(opened), flight(opened)
    calm, rough = undisturbed.fly(), disturbed.fly(killed)
    assert calm.closed is not None
    assert calm.closed.outcome is Outcome.ROLLED_BACK
    assert rough.closed == calm.closed
    assert disturbed.world.places == undisturbed.world.places
    assert all(count == 1 for count in disturbed.world.effects.values())
    assert_taken_back(disturbed)


@given(taken_back(), back_failures, kills)
@settings(max_examples=300, deadline=None)
def test_it_halts_where_it_fails_and_goes_on_to_the_same_end_once_mended(
    opened: Opened, failing: frozenset[str], killed: frozenset[int]
) -> None:
    flown = flight(opened, failing)
    flown.fly(killed)
    state = finish(flown)
    assert state.closed is not None
    assert state.closed.outcome is Outcome.ROLLED_BACK
    assert all(count == 1 for count in flown.world.effects.values())
    assert_taken_back(flown)


@given(taken_back(), back_failures)
@settings(max_examples=100, deadline=None)
def test_a_halt_leaves_requests_with_a_version_that_suits_the_schema_or_waiting(
    opened: Opened, failing: frozenset[str]
) -> None:
    flown = flight(opened, failing)
    state = flown.fly()  # World.check looks after every effect
    if state.closed is None:
        assert isinstance(decide(state, flown.now), Halt)


@given(taken_back(), st.integers(1, 60))
@settings(max_examples=100, deadline=None)
def test_an_abort_at_any_instant_of_it_is_not_heeded(opened: Opened, at: int) -> None:
    flown = flight(opened)
    for instant, _ in enumerate(flown.instants(), start=1):
        if instant == at and flown.state is not None and flown.state.closed is None:
            flown.write(AbortAsked("owner", "no"))
            break
    state = flown.fly()
    assert state.closed is not None
    assert state.closed.outcome is Outcome.ROLLED_BACK
    assert_taken_back(flown)


@given(taken_back(), back_failures)
@settings(max_examples=60, deadline=None)
def test_any_prefix_of_its_journal_can_be_read_and_decided(opened: Opened, failing: frozenset[str]) -> None:
    flown = flight(opened, failing)
    flown.fly()
    for length in range(1, len(flown.records) + 1):
        state = fold(flown.records[:length])
        assert state is not None
        assert decide(state, flown.now) is not None


@given(openings(), failures, back_failures)
@settings(max_examples=200, deadline=None)
def test_a_release_whose_way_back_fails_too_is_taken_back_once_mended(
    opened: Opened, failing: frozenset[str], back_failing: frozenset[str]
) -> None:
    flown = forward(opened, failing | back_failing)
    state = finish(flown)
    assert state.closed is not None
    if state.closed.outcome is not Outcome.RELEASED:
        for place in flown.world.places.values():
            assert place.serving == ("old" if opened.release.previous else None)
            assert not place.holding
