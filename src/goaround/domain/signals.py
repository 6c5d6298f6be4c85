"""What people may say to a release, and when. Each function gives the event to write, or raises ``Refused``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta

from goaround.domain.errors import GoaroundError, Refused, Stale
from goaround.domain.events import AbortAsked, Answered, BrokeGlass, Declined, RollbackAsked, Signed, Withdrawn
from goaround.domain.journal import State
from goaround.domain.release import Json, Step, Terms
from goaround.domain.signoff import BREAK_GLASS, SIGN_OFF, Word, canonical, digest, in_toto, roles
from goaround.domain.triggers import Severity

_STAYS = "nothing was signed"
_AGAIN = "get a new one: goaround statement"
_TEXTS = ("by", "role", "nonce", "note")
_DECISIONS = {SIGN_OFF: "approve", BREAK_GLASS: "break-glass"}
MAINTENANCE = "maintenance"
"""Where the way back from a first release leads: visitors get a maintenance answer."""


def to_sign(
    state: State, by: str, *, nonce: str, now: datetime, head: tuple[int, str], role: str = "", note: str = ""
) -> bytes:
    """The document for a signature under the sign-off that the release waits at. ``head`` is the journal's last number
    and digest, ``nonce`` a text that was never used. Raises ``Refused`` or ``Stale``."""
    step = _waiting_at(state, "sign_off", "a sign-off", now)
    said = Word(by, _role(state, step, by, role), nonce, now, _expires(state.terms, now), head, note)
    return canonical(in_toto(state.terms.service, state.statement(step), said))


def sign(state: State, document: bytes, signature: str, now: datetime) -> Signed:
    """A signature under that sign-off, if ``document`` is one that ``to_sign`` gave for things as they are. Whether
    the signature is one of these bytes is for the caller to verify."""
    step = _waiting_at(state, "sign_off", "a sign-off", now)
    said = _said(state, step, document, SIGN_OFF)
    if datetime.fromisoformat(said["issued"]) > now:  # it would last longer than any may
        raise _refused(state, "this is no statement of goaround for that: it is of the future", _AGAIN)
    by, role = str(said["by"]), str(said["role"])
    _role(state, step, by, role)
    expires = datetime.fromisoformat(said["expires"]) if said["expires"] else None
    if expires is not None and expires <= now:
        raise Stale(f"the statement expired at {expires:%Y-%m-%d %H:%M} UTC", state=_STAYS, remedy=_AGAIN)
    if any(json.loads(one.statement)["predicate"]["nonce"] == said["nonce"] for one in _given(state) if one.statement):
        raise Stale("this statement has been used", state=_STAYS, remedy=_AGAIN)
    bound = digest(state.statement(step))
    return Signed(step.key, by, bound, str(said["note"]), role, document.decode(), signature, expires)


def withdraw(state: State, by: str, reason: str, now: datetime) -> Withdrawn:
    """A signature taken back before the release went on by it."""
    step = _waiting_at(state, "sign_off", "a sign-off", now, complete_too=True)
    _why(state, reason)
    if by not in {signed.by for signed in state.standing(step, now).counting}:
        raise _refused(state, f"no signature of {by} counts under {step.key}", "see: goaround status")
    return Withdrawn(step.key, by, reason)


def to_break_glass(state: State, by: str, reason: str, *, nonce: str, now: datetime, head: tuple[int, str]) -> bytes:
    """The document for letting the release past the sign-off or closed window that it waits at, in an emergency."""
    step = _at_glass(state)
    _own_roles(state, step, by)
    _why(state, reason)
    said = Word(by, "", nonce, now, None, head, reason, _DECISIONS[BREAK_GLASS], BREAK_GLASS)
    return canonical(in_toto(state.terms.service, state.statement(step), said))


def break_glass(state: State, document: bytes, signature: str) -> BrokeGlass:
    """The event of it, if ``document`` is one that ``to_break_glass`` gave for things as they are."""
    step = _at_glass(state)
    said = _said(state, step, document, BREAK_GLASS)
    _own_roles(state, step, str(said["by"]))
    _why(state, str(said["note"]))
    bound = digest(state.statement(step))
    return BrokeGlass(step.key, str(said["by"]), str(said["note"]), bound, document.decode(), signature)


def refuse(state: State, by: str, reason: str, now: datetime) -> Declined:
    """A refusal to sign; it ends the release. No key is needed for it: stopping is always safe."""
    step = _waiting_at(state, "sign_off", "a sign-off", now)
    _own_roles(state, step, by)
    _why(state, reason)
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
    _why(state, reason)
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


def _why(state: State, reason: str) -> None:
    if not reason.strip():
        raise _refused(state, "no reason is given", "say in a few words why; it is kept")


def _waiting_at(state: State, kind: str, what: str, now: datetime, *, complete_too: bool = False) -> Step:
    _under_way(state)
    step = state.next_step
    if step is None or step.kind != kind:
        at = f"it is at {step.key}" if step else "it is at its end"
        raise _refused(state, f"{state.release.id} does not wait for {what}: {at}", "see: goaround status")
    stands = state.standing(step, now)
    if stands.complete and not complete_too:
        raise Stale(
            f"{step.key} has been signed by {' and '.join(signed.by for signed in stands.counting)}",
            state="that signature stands",
            remedy=f"go on: goaround resume {state.release.id}",
        )
    return step


def _at_glass(state: State) -> Step:
    _under_way(state)
    step = state.next_step
    if step is None or step.kind not in ("sign_off", "window"):
        at = f"it is at {step.key}" if step else "it is at its end"
        what = f"{state.release.id} waits for no sign-off and no window: {at}"
        raise _refused(state, what, "only these can be passed in an emergency; see: goaround status")
    return step


def _own_roles(state: State, step: Step, by: str) -> list[str]:
    """The roles in which somebody may sign. Raises ``Refused`` if there are none."""
    there = roles(state.terms, step.environment)
    own = [role.name for role in there if by in role.people]
    if not own:
        people = ", ".join(dict.fromkeys(person for role in there for person in role.people))
        remedy = f"one of these may: {people}; say who with --by"
        raise _refused(state, f"{by} may not sign for {step.environment}", remedy)
    return own


def _role(state: State, step: Step, by: str, wanted: str) -> str:
    """The role in which somebody signs: the one that is wanted, or the only one."""
    own = _own_roles(state, step, by)
    if wanted and wanted not in own:
        raise _refused(state, f"{by} may not sign as {wanted}", f"{by} may sign as: {', '.join(own)}")
    if not wanted and len(own) > 1:
        raise _refused(state, f"{by} may sign as {' or '.join(own)}", "say as which with --role")
    return wanted or own[0]


def _said(state: State, step: Step, document: bytes, predicate: str) -> Mapping[str, Json]:
    """The predicate of a document that is, to the byte, one that goaround gave, and bound to things as they are."""
    bound = state.statement(step)
    try:
        said = json.loads(document)
        found: Mapping[str, Json] = said["predicate"]
        told, word = {name: found[name] for name in bound}, _word(state.terms, found, predicate)
        given = {**in_toto(state.terms.service, told, word), "subject": said["subject"]}
        if said["predicateType"] != predicate or canonical(given) != document:
            raise ValueError
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise _refused(state, "this is no statement of goaround for that", _AGAIN) from error
    different = [name for name in bound if told[name] != bound[name]]
    if different or said["subject"] != in_toto(state.terms.service, bound, word)["subject"]:
        what = ", ".join(different) or "subject"
        raise Stale(f"the statement is of other things: {what}", state=_STAYS, remedy=_AGAIN)
    return found


def _word(terms: Terms, found: Mapping[str, Json], predicate: str) -> Word:
    """What a person added, from a predicate; what was not theirs to choose is as goaround gives it. Raises
    ``ValueError``, ``KeyError`` or ``TypeError`` for what it never gives."""
    texts, head, issued = [found[name] for name in _TEXTS], found["journal"], datetime.fromisoformat(found["issued"])
    if not all(isinstance(text, str) for text in (*texts, head["digest"])) or type(head["number"]) is not int:
        raise TypeError
    if issued.tzinfo is None:
        raise ValueError
    by, role, nonce, note = texts
    expires = _expires(terms, issued) if predicate == SIGN_OFF else None
    at = (head["number"], head["digest"])
    return Word(by, role, nonce, issued, expires, at, note, _DECISIONS[predicate], predicate)


def _expires(terms: Terms, issued: datetime) -> datetime | None:
    return issued + timedelta(seconds=terms.sign_off_seconds) if terms.sign_off_seconds else None


def _given(state: State) -> list[Signed]:
    return [signed for under in state.signed.values() for signed in under]


def _refused(state: State, what: str, remedy: str) -> GoaroundError:
    return Refused(what, state=f"nothing was changed; {state.release.id} stays as it is", remedy=remedy)
