"""Walks a plan. Decide, write the intent, observe, act, observe, write the finding; again until it is over.

Everything it knows is in the journal and in the world, nothing in memory: killed at any instant, the next one goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from importlib import import_module
from typing import Literal, Protocol

from goaround.domain.decisions import Decision, Do, Finish, GoBack, Halt, Wait, decide
from goaround.domain.environments import held_by
from goaround.domain.errors import GoaroundError, Refused, Stale, TimedOut, UnknownOutcome
from goaround.domain.events import Cause, Closed, Failed, Passed, RollingBack, Sealed, Started
from goaround.domain.journal import State
from goaround.domain.release import Environment, Step
from goaround.domain.signoff import journal_namespace, seal
from goaround.domain.strategy import NOTICE_SECONDS
from goaround.engine.clock import AttentiveClock
from goaround.engine.states import States
from goaround.ports import Journal, Locks, Signatures
from goaround.steps import notify
from goaround.steps.context import Context, GateFailed, Interrupted, Kind, Report

Moment = Literal["opened", "started", "acting", "acted", "passed", "failed", "waiting", "back", "halted", "closed"]
LOOK_FOR_SIGNALS_SECONDS = 0.5
GRACE_SECONDS = 15.0
"""A command's time-out is enforced beside the command; the engine's own comes a little later, for all else."""


class Observer(Protocol):
    """Is told what happens, for people to see. It must not raise."""

    def __call__(self, moment: Moment, state: State, step: Step | None, says: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Ending:
    """Why the engine stopped: the outcome; or it waits for a person; or the rollback halted."""

    state: State
    decision: Finish | Wait | Halt


def kind_of(name: str) -> Kind:
    """The module in ``goaround.steps`` that knows how."""
    return import_module(f"goaround.steps.{name}")


@dataclass
class Engine:
    """Runs one release at a time. ``context_of`` builds what a step is given; ``kind_of`` finds who knows how."""

    journal: Journal
    states: States
    locks: Locks
    clock: AttentiveClock
    signatures: Signatures
    context_of: Callable[[State, Step, int], Context]
    observer: Observer
    kind_of: Callable[[str], Kind] = kind_of

    def run(self, release: str, *, wait_for_people: bool) -> Ending:
        """Go on with this release until it ends, halts, or (unless told to wait) needs a person.

        Raises ``Locked`` if another controller has its environment.
        """
        with ExitStack() as locks:
            held: set[Environment] = set()
            while True:
                state = self._state(release)
                if state.unsealed is not None and self._sealed(state, state.unsealed):
                    continue
                decision = decide(state, self.clock.now(), held_by(self.states.all().values(), release))
                where = _environment_changed_by(decision, state)
                if where is not None and where not in held:
                    locks.enter_context(self.locks.hold(where, f"controller of {release}"))
                    held.add(where)
                    continue  # somebody else may have gone on with it before the lock was ours
                match decision:
                    case Do(step, attempt):
                        self._do(state, step, attempt)
                    case GoBack() as back:
                        event = RollingBack(back.plan, back.cause, back.because, back.environments)
                        if self._decided(release, event):
                            self.observer("back", self._state(release), None, back.because)
                    case Finish(outcome, says) as finish:
                        if state.closed is not None:
                            return Ending(state, finish)
                        if self._decided(release, Closed(outcome, says)):
                            self.observer("closed", self._state(release), None, says)
                    case Halt(step, what, now, remedy) as halt:
                        self.observer("halted", state, step, f"{what}; {now}; {remedy}")
                        self._call_a_person(state, halt)
                        return Ending(state, halt)
                    case Wait(step, why, until, on_person) as wait:
                        self.observer("waiting", state, step, why)
                        if on_person and not wait_for_people:
                            return Ending(state, wait)
                        # While people think, only the journal holds the environment; and a release that is held by a
                        # rollback must not keep from it what it needs.
                        if until is None or on_person:
                            locks.close()
                            held.clear()
                        self._wait(until)

    def _do(self, state: State, step: Step, attempt: int) -> None:
        release = state.release.id
        self.journal.append(release, Started(step.key, attempt))
        state = self._state(release)
        self.observer("started", state, step, step.says)
        try:
            kind = self.kind_of(step.kind)
            with self.clock.attending(self._attention(release, step)):
                report = self._observe_act_observe(kind, self.context_of(state, step, attempt))
        except Interrupted:
            return
        except Exception as error:  # noqa: BLE001  # a bug in a step must end in the journal, not leave the plan hanging
            failed = _failed(step, attempt, error)
            self.journal.append(release, failed)
            self.observer("failed", self._state(release), step, f"{failed.what}; {failed.state}; {failed.remedy}")
            return
        self.journal.append(release, Passed(step.key, attempt, report.says, report.facts))
        self.observer("passed", self._state(release), step, report.says)

    def _observe_act_observe(self, kind: Kind, ctx: Context) -> Report:
        report: Report | None = kind.observe(ctx)
        if report is None:
            self.observer("acting", ctx.state, ctx.step, ctx.step.says)
            kind.act(ctx)
            self.observer("acted", ctx.state, ctx.step, ctx.step.says)
            report = kind.observe(ctx)
        if report is None:
            raise GateFailed(
                f"{ctx.step.key} was done, and its effect is not there",
                state=f"{ctx.environment} may be part-way through: {ctx.step.says}",
                remedy=f"see: goaround logs {ctx.release.id} {ctx.environment}/{ctx.step.name}",
                cause="error",
            )
        return report

    def _sealed(self, state: State, phase: str) -> bool:
        """Put the controller's signature under the journal as it is. A rollback is not kept from going on by it."""
        document = seal(state.terms.service, self.states.head)
        try:
            if self.signatures.controller_key() != state.opened.controller_key:
                raise Refused(
                    "the controller's key is another one than when this release was opened",
                    state="the journal was not sealed",
                    remedy="put .goaround/keys back from a backup; or go back: goaround rollback",
                )
            signature = self.signatures.seal(document, journal_namespace(state.terms.service))
            self.journal.append(state.release.id, Sealed(phase, document.decode(), signature), after=self.states.seq)
        except Stale:
            return True
        except GoaroundError as error:
            if state.back is None:
                raise
            self.observer("failed", state, None, f"the journal could not be sealed: {error}")
            return False
        return True

    def _decided(self, release: str, event: RollingBack | Closed) -> bool:
        """Write down what was decided, unless something was written since: then decide anew."""
        try:
            self.journal.append(release, event, after=self.states.seq)
        except Stale:
            return False
        return True

    def _call_a_person(self, state: State, halt: Halt) -> None:
        """Alert, once for each failure, that a rollback stands still. If even that fails there is the exit code."""
        if not state.terms.alert:
            return
        says = f"{state.release.id} could not be taken back: {halt.what}; {halt.state}; {halt.remedy}"
        number = state.of(halt.step.key).ended_seq
        step = replace(
            halt.step,
            key=f"{halt.step.key}/halted-{number}",
            kind="notify",
            says=says,
            timeout_seconds=NOTICE_SECONDS,
            params={"notice": "alert"},
        )
        try:
            ctx = self.context_of(state, step, 1)
            if notify.observe(ctx) is None:
                notify.act(ctx)
        except Exception as error:  # noqa: BLE001  # whatever it is, the rollback stands still and says so
            self.observer("failed", state, step, f"the alert could not be sent: {error}")

    def _wait(self, until: datetime | None) -> None:
        """Until the time has come, or the journal has something new."""
        seen = self.states.seq
        while self.states.refresh().seq == seen and (until is None or self.clock.now() < until):
            self.clock.wait(LOOK_FOR_SIGNALS_SECONDS)

    def _attention(self, release: str, step: Step) -> Callable[[], None]:
        """What a step under way heeds while it waits: a person's word, and its own time-out."""
        deadline = self.clock.now().timestamp() + step.timeout_seconds + GRACE_SECONDS

        def attend() -> None:
            state = self._state(release)
            if step.interruptible and state.back is None and (state.abort or state.rollback_asked or state.declined):
                raise Interrupted
            if self.clock.now().timestamp() > deadline:
                raise TimedOut(
                    f"{step.key} did not end within {step.timeout_seconds:g} s",
                    state=f"{step.environment} may be part-way through: {step.says}",
                    remedy=f"see: goaround logs {release} {step.environment}/{step.name}",
                )

        return attend

    def _state(self, release: str) -> State:
        state = self.states.refresh().of(release)
        if state is None:
            raise Refused(f"there is no release {release}", state="nothing was done", remedy="see: goaround history")
        return state


def _environment_changed_by(decision: Decision, state: State) -> Environment | None:
    """Whose lock the decision needs: that of the step under way, which another controller may be in the middle of.

    It has to end there before anybody turns back, or what it finds could not follow in the journal.
    """
    step = state.next_step
    if step is None or state.closed is not None or not isinstance(decision, Do | GoBack | Finish):
        return None
    return step.environment


def _failed(step: Step, attempt: int, error: Exception) -> Failed:
    cause: Cause = "error"
    match error:
        case GateFailed():
            cause = error.cause
        case TimedOut():
            cause = "timeout"
        case UnknownOutcome():
            cause = "unknown"
    if isinstance(error, GoaroundError):
        facts = error.facts if isinstance(error, GateFailed) else {}
        return Failed(step.key, attempt, cause, error.what, error.state, error.remedy, facts)
    return Failed(
        step.key,
        attempt,
        cause,
        f"{step.key} met an error that goaround does not know: {type(error).__name__}: {error}",
        f"{step.environment} may be part-way through: {step.says}",
        "please report it, with the output of: goaround logs",
    )
