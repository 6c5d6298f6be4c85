"""The state is a fold of what happened, and what cannot have happened is refused by name."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.releases import FULL_TERMS, HELD, RELEASE, START, Story, opened, taken_back

from goaround.domain.errors import JournalUnreadable
from goaround.domain.events import (
    AbortAsked,
    Answered,
    Closed,
    Declined,
    Event,
    Failed,
    Opened,
    Passed,
    Record,
    RollbackAsked,
    RollingBack,
    Signed,
    Started,
)
from goaround.domain.journal import State, evolve, fold, outcome_of_rollback, touched_production
from goaround.domain.recovery import Touched
from goaround.domain.release import Outcome, Plan

COMMIT, FREE, TAG = "v1.0.0/staging/commit", "v1.0.0/staging/free", "v1.0.0/production/tag"
SIGNALS: list[Event] = [
    Signed(COMMIT, "owner", "sha256:1"),
    Declined(COMMIT, "owner", "no"),
    Answered(COMMIT, "owner", "fine"),
    AbortAsked("owner", "no"),
    RollbackAsked("owner", "back"),
]


def passed(step: str = COMMIT, attempt: int = 1) -> Passed:
    return Passed(step, attempt, "done")


def failed(step: str = COMMIT, attempt: int = 1) -> Failed:
    return Failed(step, attempt, "gate", "no", "so", "do")


def refused(story: Story, event: Event) -> str:
    with pytest.raises(JournalUnreadable) as error:
        story.tell(event)
    return error.value.what


# --- what cannot have happened --------------------------------------------------------------------


@pytest.mark.parametrize("event", [Started(COMMIT, 1), passed(), failed(), Closed(Outcome.FAILED, ""), *SIGNALS])
def test_nothing_happens_to_a_release_before_it_is_opened(event: Event) -> None:
    with pytest.raises(JournalUnreadable, match=rf"event 7 \({event.type} of v1.0.0\) cannot follow nothing"):
        evolve(None, Record(7, START, "v1.0.0", event, ""))


def test_a_release_is_not_opened_twice() -> None:
    assert refused(Story(opened()), opened()) == (
        f"event 2 (opened of v1.0.0) cannot follow release v1.0.0 at {COMMIT}"
    )


@pytest.mark.parametrize(
    "event",
    [
        Started(COMMIT, 0),
        Started(COMMIT, 2),
        Started(FREE, 1),
        Started(TAG, 1),
        Started("v1.0.0/staging/unheard-of", 1),
        passed(),
        passed(attempt=0),
        failed(),
        passed(TAG, 0),
    ],
)
def test_only_the_first_step_begins_and_by_its_first_attempt(event: Event) -> None:
    assert refused(Story(opened()), event) == (
        f"event 2 ({event.type} of v1.0.0) cannot follow release v1.0.0 at {COMMIT}"
    )


@pytest.mark.parametrize("event", [Started(COMMIT, 2), passed(attempt=2), failed(attempt=2), passed(FREE)])
def test_a_step_under_way_is_ended_by_its_own_attempt(event: Event) -> None:
    story = Story(opened())
    story.start()
    assert COMMIT in refused(story, event)


@pytest.mark.parametrize("event", [Started(COMMIT, 1), Started(COMMIT, 3), passed(), failed(), Started(FREE, 1)])
def test_a_step_that_failed_only_starts_anew(event: Event) -> None:
    story = Story(opened())
    story.fails()
    assert COMMIT in refused(story, event)


@pytest.mark.parametrize("event", [Started(COMMIT, 1), Started(COMMIT, 2), passed(), failed()])
def test_a_step_that_passed_is_over(event: Event) -> None:
    story = Story(opened())
    story.passes()
    assert FREE in refused(story, event)


def test_nothing_reaches_production_past_the_sign_off() -> None:
    story = Story(opened())
    story.until("staging/sign-off")
    assert refused(story, Started(TAG, 1)).endswith("cannot follow release v1.0.0 at v1.0.0/staging/sign-off")


def test_the_way_forward_ends_where_the_way_back_begins() -> None:
    story = Story(opened())
    story.until("staging/health")
    story.fails()
    story.turns_back()
    assert "staging/back-health" in refused(story, Started("v1.0.0/staging/health", 2))
    assert "staging/back-health" in refused(story, RollingBack(Plan(()), "gate", "", ()))


def test_nothing_but_words_follows_the_end() -> None:
    story = Story(opened())
    story.released()
    for event in (Started(COMMIT, 1), passed(), failed(), Closed(Outcome.FAILED, ""), opened()):
        assert refused(story, event).endswith("cannot follow release v1.0.0 at None")
    assert "rolling_back" in refused(story, RollingBack(Plan(()), "asked", "", ()))
    story.tell(*SIGNALS)
    assert story.state.closed == Closed(Outcome.RELEASED, "v1.0.0 serves production")


def test_a_step_does_not_follow_where_all_are_done() -> None:
    story = Story(opened())
    story.to_the_end()
    assert refused(story, Started(COMMIT, 1)).endswith("at None")


def test_an_impossible_event_says_what_to_do() -> None:
    with pytest.raises(JournalUnreadable) as error:
        Story(opened()).tell(passed())
    assert error.value.state == "nothing was done; whatever served goes on serving"
    assert "goaround logs --journal" in error.value.remedy


# --- what happened --------------------------------------------------------------------------------


def test_a_step_remembers_when_it_first_began_and_when_this_attempt_did() -> None:
    story = Story(opened())
    story.fails()
    state = story.start()
    seen = state.of(COMMIT)
    assert (seen.attempt, seen.failed, seen.ended_at) == (2, None, None)
    assert seen.begun_at == START + timedelta(seconds=2)
    assert seen.started_at == START + timedelta(seconds=4)


def test_a_restart_after_a_crash_is_the_same_attempt_and_keeps_its_time() -> None:
    story = Story(opened())
    story.start()
    before = story.state.of(COMMIT)
    assert story.tell(Started(COMMIT, 1)).of(COMMIT) == before


def test_the_end_of_a_step_is_kept_with_its_number_and_time() -> None:
    story = Story(opened())
    seen = story.passes(commit="c0ffee").of(COMMIT)
    assert (seen.ended_seq, seen.ended_at) == (3, START + timedelta(seconds=3))
    assert story.state.evidence("staging", "commit") == {"commit": "c0ffee"}
    assert story.state.evidence("staging", "free") == {}
    assert story.step().name == "free"


def test_words_are_kept_as_they_come_and_the_last_one_counts() -> None:
    story = Story(opened())
    story.tell(*SIGNALS, RollbackAsked("second", "sooner"))
    state = story.state
    assert state.signed == {COMMIT: (SIGNALS[0],)}
    assert state.declined == SIGNALS[1]
    assert state.answers == {COMMIT: SIGNALS[2]}
    assert state.abort == SIGNALS[3]
    assert state.rollback_asked == RollbackAsked("second", "sooner")
    assert state.rollback_asked_seq == 7


def test_no_events_are_no_release() -> None:
    assert fold([]) is None


def test_events_are_folded_one_by_one() -> None:
    story = Story(opened())
    story.until("production/tag")
    assert fold(story.records) == story.state


def test_how_far_a_release_got_is_told_by_intent() -> None:
    story = Story(opened())
    assert story.until("staging/deploy").touched("staging") == Touched()
    assert story.start().touched("staging") == Touched(placed=True)
    story.passes_started()
    story.start()
    assert story.state.touched("staging") == Touched(placed=True, migrating=True, migration_failed=True)
    story.passes_started()
    assert story.state.touched("staging") == Touched(placed=True, migrating=True)
    story.until("staging/traffic")
    assert story.start().touched("staging") == Touched(placed=True, migrating=True, serving=True)
    assert story.state.touched("production") == Touched()
    assert not touched_production(story.state)


def test_a_rollback_after_completion_finds_everything_done_where_it_goes() -> None:
    state = Story(taken_back(opened(), environments=("production",))).state
    assert state.touched("production") == Touched(placed=True, migrating=True, serving=True)
    assert state.touched("staging") == Touched()
    assert touched_production(state)
    assert not Story(taken_back(opened(replace(RELEASE, migrations=())))).state.touched("production").migrating


@pytest.mark.parametrize(
    ("cause", "outcome"),
    [
        ("gate", Outcome.FAILED),
        ("timeout", Outcome.FAILED),
        ("refused", Outcome.REFUSED),
        ("aborted", Outcome.ABORTED),
        ("asked", Outcome.ABORTED),
    ],
)
def test_what_a_way_back_amounts_to_depends_on_why_until_production_is_touched(cause: str, outcome: Outcome) -> None:
    def turned(at: str) -> State:
        story = Story(opened())
        story.until(at)
        story.start()
        return story.tell(RollingBack(Plan(()), cause, "so", ("staging",)))  # type: ignore[arg-type]

    assert outcome_of_rollback(turned("production/prepare")) is outcome
    assert outcome_of_rollback(turned("production/deploy")) is Outcome.ROLLED_BACK


def test_a_rollback_after_completion_ends_rolled_back() -> None:
    assert outcome_of_rollback(Story(taken_back(opened())).state) is Outcome.ROLLED_BACK


def test_without_a_way_back_begun_it_would_be_an_abort() -> None:
    assert outcome_of_rollback(Story(opened()).state) is Outcome.ABORTED


def test_a_statement_is_made_of_what_passed_before_the_step_and_of_nothing_else() -> None:
    story = Story(opened(HELD, replace(FULL_TERMS, checklist=())))
    story.until("staging/sign-off")
    before = story.state.statement(story.step())
    assert before["artifact"].startswith("sha256:aaaa")
    story.sign()
    story.until("production/sign-off")
    assert story.state.statement(story.step("staging/sign-off")) == before
    assert story.state.statement(story.step())["evidence"] != before["evidence"]


def test_a_statement_under_a_step_that_is_not_in_the_plan_covers_the_whole_plan() -> None:
    story = Story(opened())
    story.until("production/watch")
    story.fails("trigger")
    stop = story.turns_back().plan.steps[0]
    assert story.state.statement(stop)["step"] == stop.key


def test_an_opening_keeps_everything_that_it_will_go_by() -> None:
    event = opened()
    assert Story(event).state == State(event, START + timedelta(seconds=1))
    assert isinstance(event, Opened)
