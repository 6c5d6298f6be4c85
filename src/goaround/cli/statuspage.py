"""What goaround knows of a version, for ``status.md``: progress, evidence, timings, sign-offs. Pure.

All attempts at the version are in it, the newest first, and what took it back. Once they have ended it is the same
text for ever.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from goaround.cli.markdown import code, plain, table
from goaround.cli.render import MARKS, found, mark, phases, rollback_seconds, sentence, span, timeline
from goaround.cli.units import p0
from goaround.domain.events import Answered, BrokeGlass, Declined, Event, Signed
from goaround.domain.journal import State
from goaround.domain.release import FeatureUnit, Step
from goaround.domain.signoff import ANYBODY

Said = Mapping[object, datetime]
"""When people gave their words."""
SAID = (Signed, BrokeGlass, Declined, Answered)


def untold(version: str, units: Sequence[FeatureUnit] = ()) -> str:
    """The page of a version that nobody has released yet. ``units`` are those of its manifest."""
    return "\n\n".join((_head(version), f"## {version} has not been released yet", *_units(units)))


def page(version: str, states: Mapping[str, State], said: Said, now: datetime) -> str:
    """The page of a version that has been released, or tried to."""
    told = [state for state in reversed(list(states.values())) if state.release.version == version]
    parts = [part for state in told for part in _release(state, states, said, now)]
    return "\n\n".join((_head(version), *parts))


def _head(version: str) -> str:
    return (
        f"*goaround wrote this from its journal (`goaround status {version} --write`) and replaces it each time; "
        "write outside the two markers.*"
    )


def _release(state: State, states: Mapping[str, State], said: Said, now: datetime) -> Iterator[str]:
    release = state.release
    yield f"## {release.id}"
    yield f"**{plain(sentence(state, states, now))}**"
    yield from _glass(state, said)
    yield table(("", ""), _facts(state, now))
    yield "### Progress\n\n" + table(
        ("", "phase", "took"), [(MARKS[how], plain(name), span(took)) for name, how, took in phases(state)]
    )
    yield from _timings(state)
    yield from _units(release.units)
    yield from _sign_offs(state, said, now)
    yield from _evidence(state)


def _glass(state: State, said: Said) -> Iterator[str]:
    for key, broken in state.broke_glass.items():
        yield (
            f"> **‼ GLASS BROKEN at {plain(_place(key))} by {plain(broken.by)}"
            f"{', ' + _stamp(said[broken]) if broken in said else ''}: {plain(broken.reason)}**"
        )


def _facts(state: State, now: datetime) -> Iterator[tuple[str, str]]:
    release = state.release
    yield "opened", f"{_stamp(state.opened_at)} by {plain(state.opened.by)}"
    yield (
        "ended",
        f"{_stamp(state.closed_at)}: {state.closed.outcome}"
        if state.closed and state.closed_at
        else (f"not yet; this was written {_stamp(now)}"),
    )
    yield "owner", plain(release.owner or state.terms.owner)
    yield "commit", f"{code(release.commit)} {plain(release.subject)}"
    if release.of:
        yield "takes back", release.of
        return
    artifact = state.evidence("staging", "build").get("artifact")
    yield "artifact", code(artifact) if artifact else "none yet"
    yield "replaces", release.previous or "nothing: it is the first release"
    yield "migrations", ", ".join(map(code, release.migrations)) or "none"
    yield "configuration", code(state.opened.config_digest)
    if release.target_date:
        yield "target date", f"{release.target_date}{_against_target(state)}"


def _against_target(state: State) -> str:
    """When production got it, by the clocks of the service."""
    switched = state.of(f"{state.release.id}/production/traffic").ended_at
    if switched is None or state.release.target_date is None:
        return ""
    day = switched.astimezone(ZoneInfo(state.terms.calendar.timezone)).date()
    late = (day - state.release.target_date).days
    days = f"{abs(late)} day{'s' if abs(late) != 1 else ''}"
    return f"; in production on {day}" + (f", {days} {'after' if late > 0 else 'before'} it" if late else "")


def _timings(state: State) -> Iterator[str]:
    times = timeline(state).items()
    rows = [(str(name), span(took), span(due), _kept(took, due)) for name, (took, due) in times]
    back, target = rollback_seconds(state), state.terms.rollback_target_seconds
    if back is not None:
        rows.append(("rollback", span(back), span(target), _kept(back, target)))
    if rows:
        yield "### Timings\n\n" + table(("", "took", "expected", ""), rows)


def _kept(took: float, due: float) -> str:
    return "" if took <= due else f"**{span(took - due)} longer**"


def _units(units: Sequence[FeatureUnit]) -> Iterator[str]:
    rows = [
        (plain(unit.id), plain(unit.name), unit.status.replace("_", " "), ", ".join(map(code, unit.tests)))
        for unit in p0(units)
    ]
    if rows:
        yield "### P0 units\n\n" + table(("id", "unit", "status", "tests"), rows)


def _sign_offs(state: State, said: Said, now: datetime) -> Iterator[str]:
    rows = [
        row for step in state.opened.plan.steps if step.kind == "sign_off" for row in _words(state, step, said, now)
    ]
    if declined := state.declined:
        rows.append(_word(declined.step, declined.by, declined, said, declined.reason, "**refused**"))
    if rows:
        yield "### Sign-offs\n\n" + table(("where", "who", "when", "what they said", "counts"), rows)


def _words(state: State, step: Step, said: Said, now: datetime) -> Iterator[tuple[str, ...]]:
    """Everybody's word under one sign-off, weighed as of when it was used; and who is missing."""
    stands = state.standing(step, state.of(step.key).ended_at or now)
    for signed in stands.counting:
        how = "yes, by key" if signed.signature else "yes, by name"
        yield _word(step.key, _as(signed), signed, said, signed.note, how)
    for signed, why in stands.void:
        yield _word(step.key, _as(signed), signed, said, signed.note, f"**void: {plain(why)}**")
    if broken := state.broke_glass.get(step.key):
        how = "**GLASS BROKEN**" if state.glass_broken(step) else "**GLASS BROKEN; void: things changed since**"
        yield _word(step.key, broken.by, broken, said, broken.reason, how)
    elif step == state.next_step and state.closed is None:
        for missing in stands.missing:
            yield _place(step.key), plain(missing), "", "", "**missing**"


def _as(signed: Signed) -> str:
    return f"{signed.by} ({signed.role})" if signed.role not in ("", ANYBODY) else signed.by


def _word(key: str, by: str, event: Event, said: Said, words: str, counts: str) -> tuple[str, ...]:
    return plain(_place(key)), plain(by), _stamp(said[event]) if event in said else "", plain(words), counts


def _evidence(state: State) -> Iterator[str]:
    rows = []
    for step in state.all_steps:
        seen = state.of(step.key)
        if not seen.attempt:
            continue
        took = span((seen.ended_at - seen.begun_at).total_seconds()) if seen.ended_at and seen.begun_at else ""
        ended = _stamp(seen.ended_at) if seen.ended_at else "under way"
        rows.append((MARKS[mark(state, step)], plain(_place(step.key)), plain(found(state, step)), ended, took))
    if rows:
        yield "### Evidence\n\n" + table(("", "step", "what was found", "when", "took"), rows)


def _place(key: str) -> str:
    """``staging/health`` of a step's key."""
    return "/".join(key.split("/")[-2:])


def _stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
