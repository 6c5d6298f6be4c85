"""Words and tables for people and programs, from states of releases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.releases import DOWN, FIRST, FULL_TERMS, HELD, PLAIN, Story, opened, says_yes, taken_back

from goaround.cli.asjson import plan_json, result_json
from goaround.cli.common import coloured
from goaround.cli.render import (
    columns,
    error_text,
    exit_code,
    history,
    overview,
    phases,
    plan_text,
    release_text,
    rollback_seconds,
    sentence,
    span,
    timeline,
)
from goaround.domain.decisions import Finish, Halt, Wait, decide
from goaround.domain.events import AbortAsked, Cause
from goaround.domain.journal import State
from goaround.domain.release import Outcome
from goaround.domain.signals import break_glass, to_break_glass, withdraw


def at(name: str) -> Story:
    story = Story(opened(DOWN))
    story.until(name)
    return story


def going_back() -> Story:
    story = at("production/watch")
    story.fails("trigger", "too many errors")
    story.turns_back()
    return story


def rolled_back() -> Story:
    story = going_back()
    story.to_the_end()
    story.closes(Outcome.ROLLED_BACK, "too many errors")
    return story


def halted() -> Story:
    story = going_back()
    story.until("production/back-health")
    story.fails(what="it does not start")
    return story


def told(story: Story) -> str:
    return sentence(story.state, {"v1.0.0": story.state}, story.now)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0.0 s"),
        (0.34, "0.3 s"),
        (42.4, "42 s"),
        (60, "1 min 00 s"),
        (185, "3 min 05 s"),
        (3599.7, "1 h 00 min"),
        (3725, "1 h 02 min"),
        (90061, "25 h 01 min"),
    ],
)
def test_a_span_is_told_as_people_say_it(seconds: float, said: str) -> None:
    assert span(seconds) == said


def test_columns_are_aligned_and_have_no_blanks_at_their_ends() -> None:
    assert (
        columns([("A", "LONGER"), ("longer still", "b"), ("short",)]) == "A             LONGER\nlonger still  b\nshort"
    )
    assert columns([]) == ""


# --- one sentence for each decision ---------------------------------------------------------------


def test_each_state_is_told_in_one_sentence() -> None:
    assert told(at("staging/migrate")) == (
        "v1.0.0 is under way: staging: run the database migrations: migrations/0002.sql"
    )
    assert told(at("staging/sign-off")) == ("v1.0.0 waits: may v1.0.0 go to production? Signed by owner or second")
    story = at("staging/health")
    story.tell(AbortAsked("owner", "no"))
    assert told(story) == "v1.0.0 turns back: owner aborted it: no"
    assert told(going_back()).startswith("v1.0.0 is being taken back: production: stop")
    assert told(halted()) == (
        "v1.0.0 could not be taken back: v1.0.0/production/back-health: it does not start. "
        "A person is needed: mend it; then run: goaround rollback"
    )
    assert told(rolled_back()) == "v1.0.0 rolled back: too many errors"
    done = Story(opened())
    done.to_the_end()
    assert told(done) == "v1.0.0 is about to end"
    assert sentence(done.closes(Outcome.RELEASED, "it serves"), {}, done.now) == "v1.0.0 released: it serves"


def test_a_release_that_another_holds_says_which() -> None:
    story, other = at("staging/health"), Story(taken_back(opened(DOWN)))
    states: dict[str, State] = {"v1.0.0": story.state, "v1.0.0.back": other.state}
    assert sentence(story.state, states, story.now) == "v1.0.0 waits: held: v1.0.0.back is rolling back production"


# --- phases and times -----------------------------------------------------------------------------


def test_phases_that_began_are_listed_with_their_result_and_time() -> None:
    assert phases(Story(opened()).state) == []
    story = at("staging/health")
    story.start()
    assert [(name, result) for name, result, _ in phases(story.state)] == [
        ("preflight", "passed"),
        ("staging", "running"),
    ]
    assert phases(story.state)[0][2] == 6
    assert [(name, result) for name, result, _ in phases(rolled_back().state)][-2:] == [
        ("watch", "failed"),
        ("rollback", "passed"),
    ]


def test_a_rollback_takes_from_the_decision_to_the_last_switch_of_production() -> None:
    assert rollback_seconds(at("production/watch").state) is None
    story = going_back()
    assert rollback_seconds(story.state) is None
    story.to_the_end()
    state = story.state
    assert state.back_at is not None
    ended = state.of("v1.0.0/production/back-release").ended_at
    assert ended is not None
    assert rollback_seconds(state) == (ended - state.back_at).total_seconds() > 0


def test_a_rollback_of_staging_alone_is_not_timed() -> None:
    story = at("staging/integration")
    story.fails()
    story.turns_back()
    story.to_the_end()
    assert rollback_seconds(story.state) is None


# --- a release, all of them -----------------------------------------------------------------------


def test_a_release_is_shown_step_by_step_and_in_full_what_went_wrong() -> None:
    text = release_text(rolled_back().state, {})
    assert text.startswith("v1.0.0 rolled back: too many errors\n")
    assert "✗  production/watch" in text
    assert "✓  staging/back-verify" in text
    assert "error: too many errors\n  now: as it was\n  do:  mend it" in text
    assert "rolled back in 12 s; target 15 min 00 s" in text
    assert "production/sign-off" not in text


def test_a_missed_target_is_said() -> None:
    story = Story(opened(DOWN, replace(FULL_TERMS, rollback_target_seconds=5)))
    story.until("production/watch")
    story.fails("trigger")
    story.turns_back()
    story.to_the_end()
    assert "target 5.0 s: MISSED" in release_text(story.state, {})


def test_the_next_step_is_shown_before_it_began_and_those_after_it_are_not() -> None:
    text = release_text(at("staging/health").state, {})
    assert "·  staging/health" in text
    assert "staging/traffic" not in text


def test_the_overview_says_what_serves_and_whose_it_is() -> None:
    story = at("staging/integration")
    lines = overview({"v1.0.0": story.state}).splitlines()
    assert lines[1].split() == ["staging", "v1.0.0", "green", "v1.0.0"]
    assert lines[2].split() == ["production", "nothing", "-", "nobody"]
    assert "v1.0.0 is under way" in lines[4]
    assert overview({}).count("nobody") == 2


def test_history_has_a_line_for_each_release() -> None:
    lines = history([rolled_back().state, at("staging/health").state]).splitlines()
    assert lines[0].split() == ["RELEASE", "OPENED", "OUTCOME", "TOOK", "BY", "WHY"]
    assert "rolled_back" in lines[1]
    assert lines[1].endswith("too many errors")
    assert "under way" in lines[2]


def test_programs_are_told_the_same_as_people() -> None:
    story = rolled_back()
    found = result_json(story.state, {}, 6)
    assert (found["release"], found["outcome"], found["exit_code"]) == ("v1.0.0", "rolled_back", 6)
    assert found["rollback_seconds"] == rollback_seconds(story.state)
    assert found["says"] == "v1.0.0 rolled back: too many errors"
    steps = found["steps"]
    assert isinstance(steps, list)
    by_key = {step["key"]: step for step in steps}
    assert by_key["v1.0.0/production/watch"]["says"] == "too many errors; as it was; mend it"
    assert by_key["v1.0.0/staging/build"]["evidence"]["artifact"].startswith("sha256:")
    assert by_key["v1.0.0/production/sign-off"]["result"] == "open"
    assert result_json(at("staging/health").state, {}, 0)["outcome"] is None


# --- the plan -------------------------------------------------------------------------------------


def test_a_plan_shows_every_line_and_the_way_back_before_anything_happens() -> None:
    text = plan_text(opened(HELD))
    assert all(f"{s.environment}/{s.name}" in text and s.says in text for s in opened(HELD).plan.steps)
    assert "replaces v0.9.2; migrations: migrations/0002.sql" in text
    back = text[text.index("the way back") :]
    assert "production: v0.9.2 is not declared to work on the new schema: requests wait while it changes" in back
    assert "production/back-down" in back
    assert "first release" in plan_text(opened(FIRST))


def test_a_plan_for_programs_holds_both_ways() -> None:
    found = plan_json(opened(HELD))
    steps, back = found["steps"], found["rollback"]
    assert isinstance(steps, list)
    assert isinstance(back, dict)
    assert [step["key"] for step in steps] == [step.key for step in opened(HELD).plan.steps]
    assert back["environments"]["production"]["hold"] is True
    assert back["steps"][0]["key"] == "v1.0.0/production/back-stop"


# --- exit codes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (Outcome.RELEASED, 0),
        (Outcome.ROLLED_BACK, 6),
        (Outcome.FAILED, 4),
        (Outcome.REFUSED, 9),
        (Outcome.ABORTED, 9),
    ],
)
def test_every_outcome_has_its_exit_code(outcome: Outcome, code: int) -> None:
    assert exit_code(Story(opened()).state, Finish(outcome, "")) == code


@pytest.mark.parametrize(("cause", "code"), [("timeout", 124), ("gate", 4)])
def test_a_release_that_failed_by_a_time_out_says_so(cause: Cause, code: int) -> None:
    story = at("staging/integration")
    assert exit_code(story.fails(cause), Finish(Outcome.FAILED, "")) == code


def test_waiting_for_a_person_and_needing_one_are_not_the_same() -> None:
    waits, stands = at("staging/sign-off"), halted()
    wait, halt = decide(waits.state, waits.now), decide(stands.state, stands.now)
    assert isinstance(wait, Wait)
    assert isinstance(halt, Halt)
    assert (exit_code(waits.state, wait), exit_code(stands.state, halt)) == (5, 7)


def test_an_error_is_shown_as_three_things() -> None:
    assert error_text("a", "b", "c") == "error: a\n  now: b\n  do:  c"


def test_a_rollback_after_completion_is_told_like_any_other() -> None:
    story = Story(taken_back(opened(DOWN)))
    assert told(story) == "v1.0.0 turns back: owner asked to take v1.0.0 back"


def test_a_release_tells_what_each_environment_took_beside_what_was_expected() -> None:
    story = Story(opened(PLAIN))
    story.released()
    times = timeline(story.state)
    staging = [s for s in story.state.plan.steps if s.environment == "staging" and not s.params.get("waits")]
    assert times == {"staging": (float(len(staging)), 7200.0), "production": (times["production"][0], 3600.0)}
    said = release_text(story.state, {story.state.release.id: story.state})
    assert f"staging took {span(len(staging))} of 2 h 00 min; production took" in said
    assert "expected: staging 2 h 00 min, production 1 h 00 min, a rollback less than 15 min 00 s" in plan_text(
        story.state.opened
    )


def test_broken_glass_is_shown_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    story = at("production/sign-off")
    pane = to_break_glass(story.state, "owner", "nobody else is awake", nonce="n", now=story.now, head=(1, ""))
    story.tell(break_glass(story.state, pane, ""))
    story.released()
    states = {story.state.release.id: story.state}
    said = "‼ GLASS BROKEN at production/sign-off by owner: nobody else is awake"
    assert f"\x1b[31m{said}\x1b[0m" in release_text(story.state, states)
    assert "released ‼ GLASS BROKEN" in history([story.state])
    assert result_json(story.state, states, 0)["broke_glass"] == [
        {"step": "v1.0.0/production/sign-off", "by": "owner", "reason": "nobody else is awake"}
    ]
    assert coloured() is None
    monkeypatch.setenv("NO_COLOR", "1")
    assert coloured() is False


def test_every_signature_is_told_with_why_it_does_not_count() -> None:
    story = at("staging/sign-off")
    story.tell(says_yes(story.state, "second", "looked"))
    story.tell(withdraw(story.state, "second", "the wrong graph", story.now))
    signatures: Any = result_json(story.state, {}, 5)["signatures"]
    (told,) = signatures
    assert (told["by"], told["note"], told["proven"]) == ("second", "looked", False)
    assert told["void"] == "second took it back: the wrong graph"
