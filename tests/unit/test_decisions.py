"""What to do next, from the state alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from tests.unit.releases import BARE_TERMS, FIRST, FULL_TERMS, PLAIN, RELEASE, Story, opened, taken_back

from goaround.domain.calendar import Calendar, Freeze
from goaround.domain.decisions import RETRY_SECONDS, Do, Finish, GoBack, Halt, Wait, decide
from goaround.domain.events import AbortAsked, Answered, Cause, Declined, RollbackAsked, RollingBack
from goaround.domain.release import Outcome


def story_at(name: str) -> Story:
    story = Story(opened())
    story.until(name)
    return story


def going_back() -> Story:
    story = story_at("production/watch")
    story.fails("trigger", "too many errors")
    story.turns_back()
    return story


def test_a_fresh_release_begins_with_its_first_step() -> None:
    story = Story(opened())
    assert decide(story.state, story.now) == Do(story.step("staging/commit"), 1)


def test_a_step_that_a_crash_left_under_way_is_done_again_as_the_same_attempt() -> None:
    story = story_at("staging/migrate")
    story.start()
    assert decide(story.state, story.now) == Do(story.step("staging/migrate"), 1)


def test_people_are_waited_for_without_a_time_limit() -> None:
    for name in ("staging/check-upload", "staging/sign-off", "production/sign-off"):
        story = story_at(name)
        assert decide(story.state, story.now) == Wait(story.step(), story.step().says, None, on_person=True)


def test_an_answer_lets_the_release_go_on() -> None:
    story = story_at("staging/check-upload")
    story.tell(Answered(story.step().key, "owner", "fine"))
    assert decide(story.state, story.now) == Do(story.step("staging/check-upload"), 1)


def test_where_all_is_done_the_version_serves() -> None:
    story = Story(opened(PLAIN, BARE_TERMS))
    story.to_the_end()
    assert decide(story.state, story.now) == Finish(Outcome.RELEASED, "v1.0.0 serves production")


def afterwards() -> Story:
    """At the steps that the release can do without."""
    story = Story(opened(PLAIN, replace(BARE_TERMS, push="origin")))
    story.until("production/push")
    return story


def test_what_a_release_can_do_without_is_tried_again_and_then_left_and_told() -> None:
    story = afterwards()
    for number in (1, 2):
        story.fails(what=f"no answer {number}")
        waits = decide(story.state, story.now)
        assert isinstance(waits, Wait)
        assert (waits.step.name, waits.why) == ("push", f"trying again: no answer {number}")
        story.now += timedelta(seconds=RETRY_SECONDS)
        assert decide(story.state, story.now) == Do(story.step("production/push"), number + 1)
    story.fails(what="no answer 3")
    assert decide(story.state, story.now) == Do(story.step("production/tidy"), 1)
    story.fails(what="read-only")
    says = "v1.0.0 serves production; push failed: no answer 3; mend it; tidy failed: read-only; mend it"
    assert decide(story.state, story.now) == Finish(Outcome.RELEASED, says)


def test_what_was_done_at_a_later_try_is_no_fault() -> None:
    story = afterwards()
    story.fails(what="no answer")
    story.to_the_end()
    assert decide(story.state, story.now) == Finish(Outcome.RELEASED, "v1.0.0 serves production")


def test_a_word_to_go_back_counts_although_only_what_is_optional_is_left() -> None:
    story = afterwards()
    story.fails()
    story.tell(RollbackAsked("owner", "no"))
    assert isinstance(decide(story.state, story.now), GoBack)


def test_what_has_ended_stays_ended() -> None:
    story = Story(opened())
    story.released()
    story.tell(AbortAsked("owner", "too late"))
    assert decide(story.state, story.now) == Finish(Outcome.RELEASED, "v1.0.0 serves production")


# --- trying again ---------------------------------------------------------------------------------


def test_a_step_that_may_be_repeated_is_tried_again_after_a_pause() -> None:
    story = story_at("production/announce")
    story.fails(what="no answer")
    until = story.now + timedelta(seconds=RETRY_SECONDS)
    waits = Wait(story.step(), "trying again: no answer", until, on_person=False)
    assert decide(story.state, story.now) == waits
    assert decide(story.state, until - timedelta(microseconds=1)) == waits
    assert decide(story.state, until) == Do(story.step("production/announce"), 2)


def test_tries_are_counted_over_all_attempts_and_then_the_release_goes_back() -> None:
    story = story_at("production/announce")
    for _ in range(story.step().tries):
        assert isinstance(decide(story.state, story.now + timedelta(hours=1)), Do)
        story.fails(what="no answer")
    back = decide(story.state, story.now + timedelta(hours=1))
    assert isinstance(back, GoBack)
    assert (back.cause, back.because, back.environments) == ("gate", "no answer", ("staging",))


def test_a_step_that_may_not_be_repeated_turns_the_release_back_at_its_first_failure() -> None:
    story = story_at("staging/migrate")
    story.fails("migration", "syntax error")
    back = decide(story.state, story.now)
    assert isinstance(back, GoBack)
    assert back.cause == "migration"


# --- turning back ---------------------------------------------------------------------------------


@pytest.mark.parametrize("cause", ["gate", "error", "timeout", "unknown"])
def test_a_failure_before_anything_changed_just_ends_the_release(cause: Cause) -> None:
    story = story_at("staging/build")
    story.fails(cause, "no compiler")
    assert decide(story.state, story.now) == Finish(Outcome.FAILED, "no compiler; no environment was changed")


@pytest.mark.parametrize(
    ("word", "outcome", "because"),
    [
        (AbortAsked("owner", "no"), Outcome.ABORTED, "owner aborted it: no"),
        (RollbackAsked("owner", "no"), Outcome.ABORTED, "owner asked to go back: no"),
        (Declined("k", "owner", "no"), Outcome.REFUSED, "owner refused to sign: no"),
    ],
)
def test_a_word_before_anything_changed_just_ends_the_release(
    word: AbortAsked | RollbackAsked | Declined, outcome: Outcome, because: str
) -> None:
    story = story_at("staging/build")
    story.tell(word)
    assert decide(story.state, story.now) == Finish(outcome, f"{because}; no environment was changed")


def test_a_person_asking_to_go_back_comes_before_everything_else() -> None:
    story = story_at("production/watch")
    story.fails("trigger")
    story.tell(Declined("k", "a", "1"), AbortAsked("b", "2"))
    assert _because(story) == "b aborted it: 2"
    story.tell(RollbackAsked("c", "3"))
    assert _because(story) == "c asked to go back: 3"


def _because(story: Story) -> str:
    back = decide(story.state, story.now)
    assert isinstance(back, GoBack)
    return back.because


def test_a_word_to_stop_counts_even_when_everything_is_done() -> None:
    story = Story(opened())
    story.to_the_end()
    story.tell(AbortAsked("owner", "no"))
    back = decide(story.state, story.now)
    assert isinstance(back, GoBack)
    assert back.environments == ("production", "staging")


def test_a_rollback_after_completion_goes_back_at_once_and_says_who_asked() -> None:
    story = Story(taken_back(opened(), by="second", environments=("production",)))
    back = decide(story.state, story.now)
    assert isinstance(back, GoBack)
    assert (back.cause, back.because) == ("asked", "second asked to take v1.0.0 back")
    assert back.environments == ("production",)


# --- on the way back ------------------------------------------------------------------------------


def test_nothing_rolls_back_a_rollback() -> None:
    story = going_back()
    story.tell(AbortAsked("owner", "no"), RollbackAsked("owner", "no"))
    assert decide(story.state, story.now) == Do(story.step("production/back-stop"), 1)


def test_a_step_of_the_way_back_that_a_crash_left_is_done_again() -> None:
    story = going_back()
    story.start()
    assert decide(story.state, story.now) == Do(story.step("production/back-stop"), 1)


def test_a_way_back_that_fails_halts_and_says_what_state_things_are_in() -> None:
    story = going_back()
    story.until("production/back-health")
    story.fails(what="it does not start")
    assert decide(story.state, story.now) == Halt(
        story.step(), "it does not start", "as it was", "mend it; then run: goaround rollback"
    )


def test_a_halt_goes_on_when_asked_after_it_and_only_then() -> None:
    story = going_back()
    story.tell(RollbackAsked("owner", "asked before"))
    story.until("production/back-health")
    story.fails()
    assert isinstance(decide(story.state, story.now), Halt)
    story.tell(RollbackAsked("owner", "mended"))
    assert decide(story.state, story.now) == Do(story.step(), 2)
    story.fails()
    assert isinstance(decide(story.state, story.now), Halt)


def test_a_step_of_the_way_back_that_may_be_repeated_is() -> None:
    story = going_back()
    assert story.state.back is not None
    patient = replace(story.state.back.plan, steps=tuple(replace(s, tries=2) for s in story.state.back.plan.steps))
    story = story_at("production/watch")
    story.fails("trigger")
    decision = decide(story.state, story.now)
    assert isinstance(decision, GoBack)
    story.tell(RollingBack(patient, decision.cause, decision.because, decision.environments))
    story.fails()
    assert decide(story.state, story.now) == Do(story.step(), 2)


def test_the_end_of_the_way_back_is_an_outcome_that_says_why() -> None:
    story = going_back()
    story.to_the_end()
    assert decide(story.state, story.now) == Finish(Outcome.ROLLED_BACK, "too many errors")


def test_a_first_release_goes_back_too() -> None:
    story = Story(opened(FIRST))
    story.until("staging/health")
    story.fails()
    story.turns_back()
    story.to_the_end()
    assert decide(story.state, story.now) == Finish(Outcome.FAILED, "it broke")


# --- held by another ------------------------------------------------------------------------------


def test_a_release_waits_while_another_takes_production_back_and_goes_on_afterwards() -> None:
    story = story_at("staging/health")
    held = decide(story.state, story.now, held_by="v0.9.2.back")
    assert held == Wait(story.step(), "held: v0.9.2.back is rolling back production", None, on_person=False)
    assert decide(story.state, story.now) == Do(story.step(), 1)


def test_a_release_that_is_held_may_still_go_back() -> None:
    story = story_at("staging/health")
    story.tell(AbortAsked("owner", "no"))
    assert isinstance(decide(story.state, story.now, held_by="v0.9.2.back"), GoBack)
    story.turns_back()
    assert isinstance(decide(story.state, story.now, held_by="v0.9.2.back"), Do)


def test_a_release_that_is_held_may_still_end() -> None:
    story = Story(opened())
    story.to_the_end()
    assert isinstance(decide(story.state, story.now, held_by="v0.9.2.back"), Finish)


HOLIDAYS = Freeze(date(2026, 1, 1), date(2026, 1, 6), "holidays")
HOURS = Calendar("Europe/Madrid", ("Mon-Thu 09:00-16:00",), (HOLIDAYS,), days_after_staging=7)


def test_production_waits_for_the_days_after_staging_and_then_for_a_window() -> None:
    story = Story(opened(RELEASE, replace(FULL_TERMS, calendar=HOURS)))
    story.until("production/window")
    monday = datetime(2026, 1, 12, 8, tzinfo=UTC)  # the story begins on Thursday 1 January, at 13:00 in Madrid
    waiting = decide(story.state, story.now)
    assert isinstance(waiting, Wait)
    assert (waiting.why, waiting.until) == (
        "production comes 7 days after staging; it waits until 2026-01-08 12:00 UTC",
        story.state.of("v1.0.0/staging/sign-off").ended_at + timedelta(days=7),  # type: ignore[operator]
    )
    friday = decide(story.state, datetime(2026, 1, 9, 12, tzinfo=UTC))
    assert isinstance(friday, Wait)
    assert friday.on_person
    assert (friday.why, friday.until) == (
        "no window is open: Mon-Thu 09:00-16:00; it waits until 2026-01-12 08:00 UTC",
        monday,
    )
    assert decide(story.state, monday) == Do(story.step("production/window"), 1)


def test_what_was_begun_in_a_window_goes_on_after_it() -> None:
    story = Story(opened(RELEASE, replace(FULL_TERMS, calendar=HOURS)))
    story.until("production/window")
    story.start()
    assert decide(story.state, datetime(2026, 1, 9, 12, tzinfo=UTC)) == Do(story.step("production/window"), 1)


def test_a_freeze_that_never_ends_is_waited_for_until_a_person_helps() -> None:
    for_ever = Calendar(freezes=(Freeze(date(2020, 1, 1), date(2999, 1, 1), "sold"),))
    story = Story(opened(RELEASE, replace(FULL_TERMS, calendar=for_ever)))
    story.until("production/window")
    waiting = decide(story.state, story.now)
    assert isinstance(waiting, Wait)
    assert waiting.until is None
    assert "not within a year" in waiting.why
