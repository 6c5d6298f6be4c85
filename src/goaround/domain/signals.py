"""What people may say to a release, and when. Each function gives the event to write, or raises ``Refused``."""

from __future__ import annotations

from goaround.domain.errors import GoaroundError, Refused, Stale
from goaround.domain.events import AbortAsked, Answered, Declined, RollbackAsked, Signed
from goaround.domain.journal import State
from goaround.domain.release import Step
from goaround.domain.signoff import digest
from goaround.domain.triggers import Severity

MAINTENANCE = "maintenance"
"""Where the way back from a first release leads: visitors get a maintenance answer."""


def sign(state: State, by: str, note: str) -> Signed:
    """A signature under the sign-off that the release waits at."""
    step = _waiting_at(state, "sign_off", "a sign-off")
    _may_sign(state, step, by)
    return Signed(step.key, by, digest(state.statement(step)), note)


def refuse(state: State, by: str, reason: str) -> Declined:
    """A refusal to sign; it ends the release."""
    step = _waiting_at(state, "sign_off", "a sign-off")
    _may_sign(state, step, by)
    return Declined(step.key, by, reason)


def answer(state: State, item: str, by: str, note: str, severity: Severity | None) -> Answered:
    """An answer to an item of the manual checklist, at any time before the release has passed it."""
    _under_way(state)
    items = [step for step in state.plan.steps if step.kind == "answer"]
    step = next((step for step in items if step.name == f"check-{item}"), None)
    if step is None:
        raise _refused(
            state,
            f"there is no checklist item {item}",
            "the items are: " + (", ".join(step.name.removeprefix("check-") for step in items) or "none"),
        )
    if state.of(step.key).attempt:
        raise Stale(
            f"{item} has been answered",
            state="the first answer stands",
            remedy=f"if it was wrong, end the release: goaround abort {state.release.id} --reason …",
        )
    return Answered(step.key, by, note, severity)


def abort(state: State, by: str, reason: str) -> AbortAsked:
    """An end before its time. A release on its way back is not aborted: nothing rolls back a rollback."""
    _under_way(state)
    if state.back is not None:
        raise _refused(state, f"{state.release.id} is on its way back already", "follow it: goaround status -w")
    return AbortAsked(by, reason)


def ask_rollback(state: State, by: str, reason: str, to: str | None = None) -> RollbackAsked:
    """A rollback now; or, where one halted, another try at the step that failed."""
    _under_way(state)
    leads_to = state.release.previous or MAINTENANCE
    if to not in (None, leads_to):
        raise _refused(
            state,
            f"the way back from {state.release.version} leads to {leads_to}, not to {to}",
            "run goaround rollback without --to",
        )
    return RollbackAsked(by, reason)


def _under_way(state: State) -> None:
    if state.closed is not None:
        raise Stale(
            f"{state.release.id} has ended: {state.closed.outcome}",
            state="nothing was changed",
            remedy="see: goaround history",
        )


def _waiting_at(state: State, kind: str, what: str) -> Step:
    _under_way(state)
    step = state.next_step
    if step is None or step.kind != kind:
        at = f"it is at {step.key}" if step else "it is at its end"
        raise _refused(state, f"{state.release.id} does not wait for {what}: {at}", "see: goaround status")
    if state.signature(step) is not None:
        raise Stale(
            f"{step.key} has been signed by {state.signed[step.key].by}",
            state="that signature stands",
            remedy=f"go on: goaround resume {state.release.id}",
        )
    return step


def _may_sign(state: State, step: Step, by: str) -> None:
    signers = state.terms.signers[step.environment]
    if by not in signers:
        raise _refused(
            state,
            f"{by} may not sign for {step.environment}",
            f"one of these may: {', '.join(signers)}; say who with --by",
        )


def _refused(state: State, what: str, remedy: str) -> GoaroundError:
    return Refused(what, state=f"nothing was changed; {state.release.id} stays as it is", remedy=remedy)
