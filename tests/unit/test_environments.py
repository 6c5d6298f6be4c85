"""What serves where and who holds what, from all releases together."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.releases import ARTIFACT, FIRST, OLD, PLAIN, RELEASE, Story, deployed, opened, taken_back

from goaround.domain.environments import (
    Serving,
    building,
    held_by,
    needed,
    occupant,
    returned_from_production,
    serving,
)
from goaround.domain.events import AbortAsked
from goaround.domain.journal import State
from goaround.domain.release import Outcome

NEXT = replace(PLAIN, id="v1.1.0", version="v1.1.0", previous="v1.0.0")


def released() -> Story:
    story = Story(opened(replace(FIRST, previous=None)))
    story.released()
    return story


def back(of: Story) -> Story:
    """A rollback after completion of that release, opened and on its way."""
    story = Story(taken_back(of.state.opened, previous="v0.9.2", environments=("production",)), of.seq)
    story.turns_back()
    return story


def now_serving(*states: State) -> tuple[str | None, str | None]:
    staging, production = serving(states, "staging"), serving(states, "production")
    return staging.version if staging else None, production.version if production else None


def test_at_first_nothing_serves_anywhere() -> None:
    assert serving([], "production") is None
    assert now_serving(Story(opened()).state) == (None, None)


def test_a_version_serves_from_its_switch_on() -> None:
    story = Story(opened())
    assert now_serving(story.until("staging/traffic")) == (None, None)
    assert now_serving(story.start()) == (None, None)
    assert now_serving(story.passes_started()) == ("v1.0.0", None)
    assert now_serving(story.until("production/smoke")) == ("v1.0.0", "v1.0.0")


def test_what_serves_is_known_with_slot_artifact_and_when() -> None:
    story = Story(opened())
    story.until("production/smoke")
    seq = story.state.of("v1.0.0/production/traffic").ended_seq
    assert serving([story.state], "production") == Serving(**deployed(RELEASE), seq=seq)


def test_the_last_switch_counts_whatever_the_order_of_the_releases() -> None:
    first = released()
    second = Story(opened(NEXT), first.seq)
    second.until("production/smoke")
    assert now_serving(first.state, second.state) == now_serving(second.state, first.state) == ("v1.1.0", "v1.1.0")


def test_after_a_rollback_what_was_before_serves_again() -> None:
    story = Story(opened())
    story.until("production/watch")
    story.fails("trigger")
    story.turns_back()
    assert now_serving(story.until("staging/back-health")) == ("v1.0.0", "v0.9.2")
    assert now_serving(story.to_the_end()) == ("v0.9.2", "v0.9.2")
    assert serving([story.state], "production") == Serving(
        **OLD, seq=story.state.of("v1.0.0/production/back-traffic").ended_seq
    )


def test_a_maintenance_answer_is_nothing_that_serves() -> None:
    story = Story(opened(FIRST))
    story.until("production/watch")
    story.fails("trigger")
    story.turns_back()
    assert now_serving(story.to_the_end()) == (None, None)


# --- who holds what -------------------------------------------------------------------------------


def test_staging_belongs_to_a_release_from_its_opening_until_its_outcome() -> None:
    story = Story(opened())
    assert occupant([story.state], "staging") is story.state
    assert occupant([story.until("production/sign-off")], "staging") is story.state
    story.released()
    assert occupant([story.state], "staging") is None


def test_production_belongs_to_a_release_from_its_first_production_step_on() -> None:
    story = Story(opened())
    assert occupant([story.until("production/tag")], "production") is None
    assert occupant([story.start()], "production") is story.state


def test_a_rollback_of_production_alone_leaves_staging_to_others() -> None:
    story = back(released())
    assert occupant([story.state], "staging") is None
    assert occupant([story.state], "production") is story.state


def test_a_halted_rollback_keeps_what_it_holds() -> None:
    story = back(released())
    story.until("production/back-health")
    story.fails()
    assert occupant([story.state], "production") is story.state


# --- who holds others -----------------------------------------------------------------------------


def test_going_forward_holds_nobody() -> None:
    story = Story(opened())
    assert held_by([story.until("production/watch")], "v1.1.0") is None


def test_a_release_that_takes_production_back_holds_all_others_but_itself() -> None:
    story = Story(opened())
    story.until("production/watch")
    story.fails("trigger")
    story.turns_back()
    assert held_by([story.state], "v1.1.0") == "v1.0.0"
    assert held_by([story.state], "v1.0.0") is None
    story.to_the_end()
    story.closes(Outcome.ROLLED_BACK)
    assert held_by([story.state], "v1.1.0") is None


def test_taking_only_staging_back_holds_nobody() -> None:
    story = Story(opened())
    story.until("production/tag")
    story.tell(AbortAsked("owner", "no"))
    story.turns_back()
    assert held_by([story.state], "v1.1.0") is None


def test_a_rollback_after_completion_holds_others_from_its_opening_on() -> None:
    """Its controller may be killed before it comes to its first step."""
    story = Story(taken_back(opened(), environments=("production",)))
    assert story.state.back is None
    assert held_by([story.state], "v1.1.0") == "v1.0.0.back"


# --- what is kept ---------------------------------------------------------------------------------

OF_OLD = OLD["artifact"]


def test_while_a_release_is_under_way_what_it_built_and_what_it_replaces_are_needed() -> None:
    story = Story(opened())
    assert needed([story.until("staging/build")]) == set()
    assert building([story.state]) == "v1.0.0"
    assert needed([story.passes()]) == {ARTIFACT}
    assert building([story.state]) is None
    assert needed([story.until("staging/migrate")]) == {ARTIFACT, OF_OLD}


def test_a_rollback_after_completion_needs_what_its_release_placed_and_found() -> None:
    first = released()
    back = Story(taken_back(first.state.opened, previous="v0.9.2", environments=("production",)), first.seq)
    assert needed([first.state, back.state]) == {ARTIFACT}
    assert building([first.state, back.state]) is None
    second = Story(opened(NEXT))
    second.released()
    late = Story(taken_back(second.state.opened, environments=("production",)), second.seq)
    assert needed([second.state, late.state]) == {ARTIFACT, OF_OLD}


def test_a_version_that_came_back_takes_no_place_among_the_last_released() -> None:
    story = Story(opened())
    story.released()
    back = Story(taken_back(story.state.opened), story.seq)
    back.turns_back()
    back.to_the_end()
    assert ARTIFACT in needed([story.state, back.state])
    back.closes(Outcome.ROLLED_BACK)
    assert needed([story.state, back.state]) == {OF_OLD}


# --- versions that came back ----------------------------------------------------------------------


def test_a_version_that_came_back_from_production_is_known_for_ever() -> None:
    story = back(released())
    assert not returned_from_production([story.state], "v1.0.0")
    story.to_the_end()
    story.closes(Outcome.ROLLED_BACK)
    assert returned_from_production([story.state], "v1.0.0")
    assert not returned_from_production([story.state], "v0.9.2")


def test_a_version_that_only_failed_in_staging_may_come_again() -> None:
    story = Story(opened())
    story.until("staging/health")
    story.fails()
    story.turns_back()
    story.to_the_end()
    story.closes(Outcome.FAILED)
    assert not returned_from_production([story.state], "v1.0.0")
