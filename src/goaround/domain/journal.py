"""The state of a release is a fold of its events, and what to do next is a function of the state.

``evolve`` and ``decide`` are total and pure: no I/O, no clock, no randomness. A controller that is killed at any
instant is followed by one that folds the same events and decides the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import reduce

from goaround.domain.errors import JournalUnreadable
from goaround.domain.events import (
    AbortAsked,
    Answered,
    BrokeGlass,
    Closed,
    Declined,
    Failed,
    Opened,
    Passed,
    Record,
    RollbackAsked,
    RollingBack,
    Sealed,
    Signed,
    Started,
    Withdrawn,
)
from goaround.domain.recovery import Touched
from goaround.domain.release import Environment, Json, Outcome, Plan, Release, Step, Terms
from goaround.domain.signoff import Standing, digest, standing, statement

CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class StepState:
    """What the journal knows of one step. ``attempt`` counts from 1; 0: not begun."""

    attempt: int = 0
    begun_at: datetime | None = None
    """When it was first started, over all attempts and restarts."""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    passed: Passed | None = None
    failed: Failed | None = None
    ended_seq: int = 0
    """The journal's number of the event that ended it."""


@dataclass(frozen=True, slots=True)
class State:
    """One release, as its events tell it."""

    opened: Opened
    opened_at: datetime
    steps: Mapping[str, StepState] = field(default_factory=dict)
    signed: Mapping[str, tuple[Signed, ...]] = field(default_factory=dict)
    """Step → signatures under it, in the order they were given, void ones too."""
    withdrawn: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Step → who took a signature back → why."""
    broke_glass: Mapping[str, BrokeGlass] = field(default_factory=dict)
    sealed: Mapping[str, Sealed] = field(default_factory=dict)
    """Phase → the seal at its end; ``closed`` for the end of all."""
    declined: Declined | None = None
    answers: Mapping[str, Answered] = field(default_factory=dict)
    abort: AbortAsked | None = None
    rollback_asked: RollbackAsked | None = None
    rollback_asked_seq: int = 0
    back: RollingBack | None = None
    back_at: datetime | None = None
    closed: Closed | None = None
    closed_at: datetime | None = None

    @property
    def release(self) -> Release:
        return self.opened.release

    @property
    def terms(self) -> Terms:
        return self.opened.terms

    @property
    def plan(self) -> Plan:
        """The plan that is being walked: the way forward, or the way back once that began."""
        return self.back.plan if self.back else self.opened.plan

    @property
    def next_step(self) -> Step | None:
        return next((step for step in self.plan.steps if not self.is_over(step)), None)

    @property
    def unsealed(self) -> str | None:
        """The phase that has ended and whose end is not sealed yet; None if there is none, or no seals are wanted."""
        if not self.opened.controller_key:
            return None
        if self.closed is not None:
            ended: str | None = CLOSED
        else:
            steps, following = self.plan.steps, self.next_step
            at = steps.index(following) if following else len(steps)
            before = steps[at - 1].phase if at else None
            ended = str(before) if before and (following is None or following.phase != before) else None
        return ended if ended not in self.sealed else None

    def is_over(self, step: Step) -> bool:
        """Whether the plan goes on after it: it passed, or the release can do without it and its tries are used up."""
        seen = self.of(step.key)
        return seen.passed is not None or (step.optional and seen.failed is not None and seen.attempt >= step.tries)

    @property
    def all_steps(self) -> tuple[Step, ...]:
        return self.opened.plan.steps + (self.back.plan.steps if self.back else ())

    def of(self, key: str) -> StepState:
        return self.steps.get(key, StepState())

    def evidence(self, environment: Environment, name: str) -> Mapping[str, Json]:
        """What a step that passed found; empty if it did not pass."""
        passed = self.of(f"{self.release.id}/{environment}/{name}").passed
        return passed.evidence if passed else {}

    def touched(self, environment: Environment) -> Touched:
        """How far the release got there, by intent. A rollback after completion finds everything done."""
        if self.release.kind == "rollback":
            if environment not in self.release.environments:
                return Touched()
            return Touched(placed=True, migrating=self.release.migrates, serving=True)

        def begun(name: str) -> StepState:
            return self.of(f"{self.release.id}/{environment}/{name}")

        return Touched(
            placed=begun("deploy").attempt > 0,
            migrating=begun("migrate").attempt > 0,
            migration_failed=begun("migrate").attempt > 0 and begun("migrate").passed is None,
            serving=begun("traffic").attempt > 0,
        )

    def statement(self, step: Step) -> Mapping[str, Json]:
        """What a signature under this step stands for, from all that had passed before it."""
        before: list[tuple[str, Mapping[str, Json]]] = []
        for earlier in self.opened.plan.steps:
            if earlier.key == step.key:
                break
            passed = self.of(earlier.key).passed
            if passed is not None:
                before.append((earlier.key, passed.evidence))
        return statement(self.release, step, self.opened.config_digest, before)

    def standing(self, step: Step, now: datetime) -> Standing:
        """How the sign-off of this step stands, for things as they are."""
        name, _, address = self.release.author.rstrip(">").partition(" <")
        own = frozenset(filter(None, (self.opened.by, name, address)))
        given, withdrawn = self.signed.get(step.key, ()), self.withdrawn.get(step.key, {})
        return standing(self.terms, own, self.statement(step), given, withdrawn, now)

    def glass_broken(self, step: Step) -> BrokeGlass | None:
        """Who let the release past this step in an emergency, if things are as they were then."""
        broken = self.broke_glass.get(step.key)
        return broken if broken is not None and broken.digest == digest(self.statement(step)) else None


def fold(records: Iterable[Record]) -> State | None:
    """The state after these events; None if there are none."""
    return reduce(evolve, records, None)


def evolve(state: State | None, record: Record) -> State:
    """The state after one more event. Raises ``JournalUnreadable`` naming both where the event cannot follow."""
    event, at = record.event, record.at
    if isinstance(event, Opened):
        if state is not None:
            raise _impossible(state, record)
        return State(opened=event, opened_at=at)
    if state is None:
        raise _impossible(state, record)
    match event:
        case AbortAsked():
            return replace(state, abort=event)
        case RollbackAsked():
            return replace(state, rollback_asked=event, rollback_asked_seq=record.seq)
        case Signed():
            # Who signs again after taking a signature back means it.
            gone = {by: why for by, why in state.withdrawn.get(event.step, {}).items() if by != event.by}
            given = (*state.signed.get(event.step, ()), event)
            return replace(
                state,
                signed={**state.signed, event.step: given},
                withdrawn={**state.withdrawn, event.step: gone},
            )
        case Withdrawn():
            gone = {**state.withdrawn.get(event.step, {}), event.by: event.reason}
            return replace(state, withdrawn={**state.withdrawn, event.step: gone})
        case BrokeGlass():
            return replace(state, broke_glass={**state.broke_glass, event.step: event})
        case Declined():
            return replace(state, declined=event)
        case Answered():
            return replace(state, answers={**state.answers, event.step: event})
    if isinstance(event, Sealed):
        return replace(state, sealed={**state.sealed, event.phase: event})
    if state.closed is not None:
        raise _impossible(state, record)
    match event:
        case RollingBack():
            if state.back is not None:
                raise _impossible(state, record)
            return replace(state, back=event, back_at=at)
        case Closed():
            return replace(state, closed=event, closed_at=at)
    return _evolve_step(state, record, event)


def _evolve_step(state: State, record: Record, event: Started | Passed | Failed) -> State:
    """Only the next step of the plan moves: it starts, or a crash makes it start again, or it ends once."""
    before, following = state.of(event.step), state.next_step
    ended, begun = before.failed is not None, before.attempt > 0
    if following is None or following.key != event.step:
        raise _impossible(state, record)
    if isinstance(event, Started):
        if event.attempt != before.attempt + (ended or not begun):
            raise _impossible(state, record)
        started_at = record.at if ended else before.started_at
        after = StepState(event.attempt, before.begun_at or record.at, started_at or record.at)
    else:
        if ended or not begun or event.attempt != before.attempt:
            raise _impossible(state, record)
        after = replace(before, ended_at=record.at, ended_seq=record.seq)
        after = replace(after, passed=event) if isinstance(event, Passed) else replace(after, failed=event)
    return replace(state, steps={**state.steps, event.step: after})


def _impossible(state: State | None, record: Record) -> JournalUnreadable:
    where = "nothing" if state is None else f"release {state.release.id} at {state.next_step and state.next_step.key}"
    return JournalUnreadable(
        f"event {record.seq} ({record.event.type} of {record.release}) cannot follow {where}",
        state="nothing was done; whatever served goes on serving",
        remedy="look at: goaround logs --journal; restore the journal from its backup",
    )


def as_if_done(state: State) -> State:
    """The state of a release that went all the way, to show what its rollback would be."""
    return replace(state, opened=replace(state.opened, release=replace(state.release, kind="rollback")))


def touched_production(state: State) -> bool:
    """Whether production may differ from how it was found."""
    return state.release.kind == "rollback" or state.touched("production").anything


def outcome_of_rollback(state: State) -> Outcome:
    """What a completed way back amounts to."""
    if touched_production(state):
        return Outcome.ROLLED_BACK
    cause = state.back.cause if state.back else "aborted"
    return {"refused": Outcome.REFUSED, "aborted": Outcome.ABORTED, "asked": Outcome.ABORTED}.get(cause, Outcome.FAILED)
