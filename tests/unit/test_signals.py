"""What people may say to a release in every situation it can be in; what is refused changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.unit.releases import FIRST, START, Story, opened, says_yes

from goaround.domain.decisions import Do, Finish, GoBack, decide
from goaround.domain.errors import GoaroundError, Refused, Stale
from goaround.domain.events import AbortAsked, Answered, Declined, Event, RollbackAsked
from goaround.domain.journal import State
from goaround.domain.release import Outcome
from goaround.domain.signals import abort, answer, ask_rollback, refuse
from goaround.domain.signoff import digest


def fresh() -> Story:
    return Story(opened())


def in_the_middle() -> Story:
    story = fresh()
    story.until("staging/health")
    story.start()
    return story


def at_sign_off() -> Story:
    story = fresh()
    story.until("staging/sign-off")
    return story


def signed() -> Story:
    story = at_sign_off()
    story.sign("second")
    return story


def in_production() -> Story:
    story = fresh()
    story.until("production/watch")
    return story


def at_production_sign_off() -> Story:
    story = fresh()
    story.until("production/sign-off")
    return story


def all_done() -> Story:
    story = fresh()
    story.to_the_end()
    return story


def going_back() -> Story:
    story = in_production()
    story.fails("trigger")
    story.turns_back()
    return story


def halted() -> Story:
    story = going_back()
    story.until("production/back-health")
    story.fails()
    return story


def ended() -> Story:
    story = fresh()
    story.released()
    return story


def gone_back() -> Story:
    story = going_back()
    story.to_the_end()
    story.closes(Outcome.ROLLED_BACK)
    return story


SITUATIONS = [
    fresh, in_the_middle, at_sign_off, signed, in_production, at_production_sign_off, all_done, going_back, halted,
    ended, gone_back,
]  # fmt: skip
Word = Callable[[State], Event]
WORDS: dict[str, Word] = {
    "sign": lambda state: says_yes(state, "owner", "looked"),
    "refuse": lambda state: refuse(state, "owner", "no", START),
    "answer": lambda state: answer(state, "upload", "owner", "works", None),
    "abort": lambda state: abort(state, "owner", "no"),
    "rollback": lambda state: ask_rollback(state, "owner", "no"),
}
ALLOWED = {
    "sign": {at_sign_off, at_production_sign_off},
    "refuse": {at_sign_off, at_production_sign_off},
    "answer": {fresh, in_the_middle},
    "abort": {fresh, in_the_middle, at_sign_off, signed, in_production, at_production_sign_off, all_done},
    "rollback": set(SITUATIONS) - {ended, gone_back},
}


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.__name__)
@pytest.mark.parametrize("word", WORDS)
def test_every_word_is_allowed_or_refused_in_every_situation(word: str, situation: Callable[[], Story]) -> None:
    story = situation()
    if situation in ALLOWED[word]:
        decide(story.tell(WORDS[word](story.state)), story.now)
        return
    with pytest.raises(Refused) as error:
        WORDS[word](story.state)
    assert error.value.what
    assert "nothing was changed" in error.value.state or "stands" in error.value.state
    assert error.value.remedy.partition("goaround")[1] or word == "answer"


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("situation", [ended, gone_back])
def test_a_word_after_the_end_is_stale_and_says_how_it_ended(word: str, situation: Callable[[], Story]) -> None:
    story = situation()
    outcome = story.state.closed and story.state.closed.outcome
    with pytest.raises(Stale, match=f"v1.0.0 has ended: {outcome}"):
        WORDS[word](story.state)


def refused(says: Callable[[], object], kind: type[GoaroundError] = Refused) -> GoaroundError:
    with pytest.raises(kind) as error:
        says()
    return error.value


# --- sign and refuse ------------------------------------------------------------------------------


def test_a_signature_is_bound_to_what_was_there_when_it_was_given() -> None:
    story = at_sign_off()
    given = says_yes(story.state, "second", "looked at it")
    assert (given.step, given.by, given.note) == ("v1.0.0/staging/sign-off", "second", "looked at it")
    assert given.digest == digest(story.state.statement(story.step()))
    assert isinstance(decide(story.tell(given), story.now), Do)


def test_somebody_who_may_not_sign_is_told_who_may() -> None:
    error = refused(lambda: says_yes(at_sign_off().state, "stranger", ""))
    assert error.what == "stranger may not sign for staging"
    assert "owner, second" in error.remedy


def test_who_may_sign_for_staging_may_not_for_production() -> None:
    state = at_production_sign_off().state
    assert "second may not sign for production" in refused(lambda: says_yes(state, "second", "")).what
    assert "second may not sign for production" in refused(lambda: refuse(state, "second", "no", START)).what


def test_a_stranger_cannot_end_a_release_by_refusing() -> None:
    assert "may not sign" in refused(lambda: refuse(at_sign_off().state, "stranger", "no", START)).what


@pytest.mark.parametrize("word", ["sign", "refuse"])
def test_a_second_signature_finds_the_first(word: str) -> None:
    error = refused(lambda: WORDS[word](signed().state), Stale)
    assert error.what == "v1.0.0/staging/sign-off has been signed by second"
    assert error.state == "that signature stands"


def test_what_no_longer_fits_may_be_signed_anew() -> None:
    story = at_sign_off()
    story.tell(says_yes(story.state, "owner", ""))
    story.passes()
    story.until("production/sign-off")
    old = story.state.signed["v1.0.0/staging/sign-off"]
    story.tell(replace(old[-1], step=story.step().key))
    story.tell(says_yes(story.state, "owner", "again"))
    assert isinstance(decide(story.state, story.now), Do)


def test_elsewhere_nothing_waits_for_a_signature_and_it_says_where_things_are() -> None:
    assert refused(lambda: says_yes(fresh().state, "owner", "")).what == (
        "v1.0.0 does not wait for a sign-off: it is at v1.0.0/staging/commit"
    )
    assert refused(lambda: says_yes(all_done().state, "owner", "")).what.endswith("it is at its end")


def test_a_refusal_ends_the_release() -> None:
    story = at_sign_off()
    said = refuse(story.state, "owner", "too slow", START)
    assert said == Declined("v1.0.0/staging/sign-off", "owner", "too slow")
    back = decide(story.tell(said), story.now)
    assert isinstance(back, GoBack)
    assert (back.cause, back.because) == ("refused", "owner refused to sign: too slow")


# --- answer ---------------------------------------------------------------------------------------


def test_an_answer_may_be_given_ahead_and_corrected_until_the_release_goes_by_it() -> None:
    story = fresh()
    story.tell(answer(story.state, "rls", "owner", "a leak", "critical"))
    story.tell(answer(story.state, "rls", "second", "no, it was the cache", "minor"))
    assert story.state.answers["v1.0.0/staging/check-rls"].by == "second"
    story.until("staging/sign-off")
    error = refused(lambda: answer(story.state, "rls", "owner", "after all", None), Stale)
    assert (error.what, error.state) == ("rls has been answered", "the first answer stands")
    assert error.remedy == "if it was wrong, end the release: goaround abort v1.0.0 --reason …"


def test_an_item_that_is_not_on_the_list_is_refused_with_those_that_are() -> None:
    error = refused(lambda: answer(fresh().state, "speed", "owner", "fast", None))
    assert (error.what, error.remedy) == ("there is no checklist item speed", "the items are: upload, rls")


def test_on_the_way_back_there_is_nothing_to_answer() -> None:
    assert refused(lambda: answer(going_back().state, "rls", "owner", "fine", None)).remedy == "the items are: none"


def test_an_answer_carries_its_severity() -> None:
    assert answer(fresh().state, "rls", "owner", "a typo", "minor") == Answered(
        "v1.0.0/staging/check-rls", "owner", "a typo", "minor"
    )


# --- abort and rollback ---------------------------------------------------------------------------


def test_an_abort_is_not_asked_of_a_release_on_its_way_back() -> None:
    assert refused(lambda: abort(going_back().state, "owner", "no")).what == "v1.0.0 is on its way back already"


def test_an_abort_asked_twice_is_one_abort() -> None:
    story = in_the_middle()
    story.tell(abort(story.state, "owner", "no"), abort(story.state, "second", "no, no"))
    back = decide(story.state, story.now)
    assert isinstance(back, GoBack)
    assert back.because == "second aborted it: no, no"


def test_an_abort_before_anything_changed_just_ends_it() -> None:
    story = fresh()
    assert abort(story.state, "owner", "wrong day") == AbortAsked("owner", "wrong day")
    assert decide(story.tell(abort(story.state, "owner", "wrong day")), story.now) == Finish(
        Outcome.ABORTED, "owner aborted it: wrong day; no environment was changed"
    )


def test_a_rollback_is_asked_with_the_version_it_leads_to_or_without() -> None:
    state = in_production().state
    assert ask_rollback(state, "owner", "bad") == RollbackAsked("owner", "bad")
    assert ask_rollback(state, "owner", "bad", to="v0.9.2") == RollbackAsked("owner", "bad")


def test_a_rollback_to_somewhere_else_is_refused_with_where_it_leads() -> None:
    assert refused(lambda: ask_rollback(in_production().state, "owner", "bad", to="v0.8.0")).what == (
        "the way back from v1.0.0 leads to v0.9.2, not to v0.8.0"
    )
    assert (
        "leads to maintenance, not to v0.8.0"
        in refused(lambda: ask_rollback(Story(opened(FIRST)).state, "owner", "bad", to="v0.8.0")).what
    )


def test_a_rollback_that_halted_goes_on_at_the_step_that_failed_when_asked_again() -> None:
    story = halted()
    story.tell(ask_rollback(story.state, "owner", "mended"))
    again = decide(story.state, story.now)
    assert isinstance(again, Do)
    assert (again.step.name, again.attempt) == ("back-health", 2)
