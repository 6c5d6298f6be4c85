"""What to do next, from the state alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from goaround.domain.events import Cause
from goaround.domain.journal import State, outcome_of_rollback
from goaround.domain.release import Environment, Outcome, Plan, Step
from goaround.domain.strategy import calendar_of, rollback, way_back

RETRY_SECONDS = 2.0
RETRY = "then run: goaround rollback"
"""What goes on with a rollback that halted, once a person has mended what stood in its way."""


@dataclass(frozen=True, slots=True)
class Do:
    step: Step
    attempt: int


@dataclass(frozen=True, slots=True)
class Wait:
    """For a person (``until`` None), or for a time."""

    step: Step
    why: str
    until: datetime | None = None
    on_person: bool = True


@dataclass(frozen=True, slots=True)
class GoBack:
    plan: Plan
    cause: Cause
    because: str
    environments: tuple[Environment, ...]


@dataclass(frozen=True, slots=True)
class Halt:
    """The rollback itself failed. Nothing rolls it back: the environment stays occupied until a person helps."""

    step: Step
    what: str
    state: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Finish:
    outcome: Outcome
    says: str


Decision = Do | Wait | GoBack | Halt | Finish


def decide(state: State, now: datetime, held_by: str | None = None) -> Decision:
    """What to do next. ``held_by`` names another release of the service that is rolling back production."""
    if state.closed is not None:
        return Finish(state.closed.outcome, state.closed.says)
    if state.back is not None:
        return _on_the_way_back(state)
    reason = reason_to_go_back(state)
    if reason is not None:
        return _turn_back(state, *reason)
    step = state.next_step
    if step is None:
        return Finish(Outcome.RELEASED, "; ".join((f"{state.release.version} serves production", *_faults(state))))
    if held_by is not None:
        return Wait(step, f"held: {held_by} is rolling back production", on_person=False)
    return _go_on(state, step, now)


def reason_to_go_back(state: State) -> tuple[Cause, str] | None:
    """Why the release must not go on: a person's word first, then a step that failed for good."""
    if state.release.kind == "rollback":
        return "asked", f"{state.opened.by} asked to take {state.release.version} back"
    if state.rollback_asked is not None:
        return "asked", f"{state.rollback_asked.by} asked to go back: {state.rollback_asked.reason}"
    if state.abort is not None:
        return "aborted", f"{state.abort.by} aborted it: {state.abort.reason}"
    if state.declined is not None:
        return "refused", f"{state.declined.by} refused to sign: {state.declined.reason}"
    step = state.next_step
    failed = state.of(step.key).failed if step else None
    if step is None or failed is None or _may_try_again(state, step):
        return None
    return failed.cause, failed.what


def _faults(state: State) -> list[str]:
    """What went wrong in steps that the release could do without."""
    failed = ((step, state.of(step.key).failed) for step in state.plan.steps if step.optional)
    return [f"{step.name} failed: {seen.what}; {seen.remedy}" for step, seen in failed if seen is not None]


def _go_on(state: State, step: Step, now: datetime) -> Decision:
    seen = state.of(step.key)
    if seen.failed is not None and seen.ended_at is not None:
        until = seen.ended_at + timedelta(seconds=RETRY_SECONDS)
        if seen.ended_at <= now < until:  # earlier: the clock was set back, and there is nothing to wait for
            return Wait(step, f"trying again: {seen.failed.what}", until, on_person=False)
        return Do(step, seen.attempt + 1)
    if state.glass_broken(step) is not None:
        return Do(step, max(seen.attempt, 1))
    if step.kind == "sign_off" and not (stands := state.standing(step, now)).complete:
        return Wait(step, step.says + stands.says())
    if step.kind == "answer" and step.key not in state.answers:
        return Wait(step, step.says)
    if step.kind == "window" and not seen.attempt:
        staged_at = state.of(f"{state.release.id}/staging/sign-off").ended_at
        shut = calendar_of(state.terms, state.release).closed(now, staged_at)
        if shut is not None:
            when = f"until {shut.opens_at:%Y-%m-%d %H:%M} UTC" if shut.opens_at else "which is not within a year"
            return Wait(step, f"{shut.why}; it waits {when}", shut.opens_at)
    return Do(step, max(seen.attempt, 1))


def _may_try_again(state: State, step: Step) -> bool:
    return state.of(step.key).attempt < step.tries


def _turn_back(state: State, cause: Cause, because: str) -> Decision:
    recovery = way_back(state)
    if recovery:
        return GoBack(rollback(state, recovery), cause, because, tuple(recovery))
    outcome = {"refused": Outcome.REFUSED, "aborted": Outcome.ABORTED, "asked": Outcome.ABORTED}
    return Finish(outcome.get(cause, Outcome.FAILED), f"{because}; no environment was changed")


def _on_the_way_back(state: State) -> Decision:
    step = state.next_step
    if step is None:
        because = state.back.because if state.back else ""
        return Finish(outcome_of_rollback(state), because)
    seen = state.of(step.key)
    if seen.failed is None:
        return Do(step, max(seen.attempt, 1))
    if step.kind == "still_safe":
        return Finish(Outcome.REFUSED, f"{seen.failed.what}; {seen.failed.state}; {seen.failed.remedy}")
    if seen.attempt < step.tries or state.rollback_asked_seq > seen.ended_seq:
        return Do(step, seen.attempt + 1)
    remedy = seen.failed.remedy
    again = "" if RETRY in remedy else f"; {RETRY}"
    return Halt(step, seen.failed.what, seen.failed.state, remedy + again)
