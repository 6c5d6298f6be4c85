"""Words and tables. Pure: states in, text out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby

from goaround.cli.units import p0_text
from goaround.domain.decisions import Do, Finish, GoBack, Halt, Wait, decide
from goaround.domain.environments import ENVIRONMENTS, held_by, occupant, serving
from goaround.domain.events import Opened
from goaround.domain.journal import State, as_if_done
from goaround.domain.release import Environment, Outcome, Step
from goaround.domain.strategy import rollback, way_back

RED = "\x1b[31m{}\x1b[0m"
"""Off a terminal it is taken out again by whoever prints."""
MARKS = {"passed": "✓", "failed": "✗", "running": "▸", "waiting": "…", "open": "·"}


def span(seconds: float) -> str:
    """``0.3 s``, ``42 s``, ``3 min 05 s``, ``1 h 02 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def columns(rows: Iterable[Sequence[str]]) -> str:
    """Rows in aligned columns."""
    table = [list(row) for row in rows]
    widths = [max(len(row[i]) for row in table if i < len(row)) for i in range(max(map(len, table), default=0))]
    return "\n".join("  ".join(cell.ljust(widths[i]) for i, cell in enumerate(row)).rstrip() for row in table)


def mark(state: State, step: Step) -> str:
    seen = state.of(step.key)
    if seen.passed:
        return "passed"
    if seen.failed:
        return "failed"
    if seen.attempt and state.next_step == step:
        return "running"
    return "open"


def plan_text(opened: Opened) -> str:
    """The plan and, before anything happens, the way back."""
    release = opened.release
    lines = [
        f"{release.version} ({release.commit[:10]} {release.subject})",
        f"replaces {release.previous or 'nothing: it is the first release'}; "
        f"migrations: {', '.join(release.migrations) or 'none'}",
        f"expected: staging {span(opened.terms.staging_seconds)}, production {span(opened.terms.production_seconds)}, "
        f"a rollback less than {span(opened.terms.rollback_target_seconds)}",
        *filter(None, [p0_text(release.units)]),
        "",
    ]
    for phase, steps in groupby(opened.plan.steps, key=lambda step: step.phase):
        lines.append(f"{phase}")
        lines += [f"  {step.environment + '/' + step.name:<28} {step.says}" for step in steps]
    assumed = as_if_done(State(opened, datetime.now(UTC)))
    recovery = way_back(assumed)
    lines += ["", "the way back, if anything is wrong in production"]
    lines += [f"  {environment}: {found.because}" for environment, found in recovery.items()]
    lines += [f"  {step.environment + '/' + step.name:<28} {step.says}" for step in rollback(assumed, recovery).steps]
    return "\n".join(lines)


def sentence(state: State, states: Mapping[str, State], now: datetime) -> str:
    """The state of a release in one sentence."""
    version = state.release.version
    match decide(state, now, held_by(states.values(), state.release.id)):
        case Finish(outcome, says) if state.closed is not None:
            return f"{version} {outcome.replace('_', ' ')}: {says}"
        case Wait(_, why):
            return f"{version} waits: {why}"
        case Halt(step, what, _, remedy):
            return f"{version} could not be taken back: {step.key}: {what}. A person is needed: {remedy}"
        case Do(step):
            verb = "is being taken back" if state.back else "is under way"
            return f"{version} {verb}: {step.environment}: {step.says}"
        case GoBack(because=because):
            return f"{version} turns back: {because}"
        case _:
            return f"{version} is about to end"


def phases(state: State) -> list[tuple[str, str, float]]:
    """``(phase, mark, seconds)`` in order; a way back is a phase of its own."""
    found = []
    for phase, group in groupby(state.all_steps, key=lambda step: step.phase):
        steps = list(group)
        marks = {mark(state, step) for step in steps}
        if not any(state.of(step.key).attempt for step in steps):
            continue
        verdict = next((name for name in ("failed", "running", "open") if name in marks), "passed")
        took = sum((_took(state, step) for step in steps), 0.0)
        found.append((str(phase), verdict, took))
    return found


def timeline(state: State) -> dict[Environment, tuple[float, float]]:
    """Environment → seconds that its steps took and were expected to take; people's waits are not counted."""
    expected: dict[Environment, float] = {
        "staging": state.terms.staging_seconds,
        "production": state.terms.production_seconds,
    }
    took: dict[Environment, float] = dict.fromkeys(expected, 0.0)
    for step in state.opened.plan.steps:
        if not step.params.get("waits"):
            took[step.environment] += _took(state, step)
    return {name: (took[name], expected[name]) for name in took if took[name]}


def _took(state: State, step: Step) -> float:
    seen = state.of(step.key)
    if seen.begun_at is None:
        return 0.0
    return ((seen.ended_at or state.closed_at or datetime.now(UTC)) - seen.begun_at).total_seconds()


def rollback_seconds(state: State) -> float | None:
    """From the decision to go back to the last switch of production's traffic; None without a completed one."""
    if state.back is None or state.back_at is None:
        return None
    ends = [
        state.of(step.key).ended_at
        for step in state.back.plan.steps
        if step.environment == "production" and step.kind in ("traffic", "release") and state.of(step.key).passed
    ]
    times = [end for end in ends if end is not None]
    return (max(times) - state.back_at).total_seconds() if times else None


def found(state: State, step: Step) -> str:
    seen = state.of(step.key)
    if seen.passed:
        return seen.passed.says
    return f"{seen.failed.what}; {seen.failed.state}; {seen.failed.remedy}" if seen.failed else step.says


def _in_short(state: State, step: Step) -> str:
    failed = state.of(step.key).failed
    return (failed.what if failed else found(state, step)).partition("\n")[0]


def error_text(what: str, state: str, remedy: str) -> str:
    """What happened, what state things are in, and what to do."""
    return f"error: {what}\n  now: {state}\n  do:  {remedy}"


def release_text(state: State, states: Mapping[str, State]) -> str:
    """One release, step by step, and in full what went wrong."""
    rows = [
        (MARKS[mark(state, step)], f"{step.environment}/{step.name}", _in_short(state, step))
        for step in state.all_steps
        if state.of(step.key).attempt or step == state.next_step
    ]
    text = sentence(state, states, datetime.now(UTC)) + glass(state) + "\n" + columns(rows)
    for step in state.all_steps:
        if failed := state.of(step.key).failed:
            text += "\n" + error_text(failed.what, failed.state, failed.remedy)
    if state.closed is not None and state.back is None and (times := timeline(state)):
        text += "\n" + "; ".join(f"{name} took {span(took)} of {span(due)}" for name, (took, due) in times.items())
    if units := p0_text(state.release.units):
        text += "\n" + units
    back = rollback_seconds(state)
    if back is not None:
        target = state.terms.rollback_target_seconds
        text += f"\nrolled back in {span(back)}; target {span(target)}{'' if back <= target else ': MISSED'}"
    return text


def overview(states: Mapping[str, State]) -> str:
    """What serves where, and what is under way."""
    rows = [("ENVIRONMENT", "SERVES", "SLOT", "BELONGS TO")]
    for environment in ENVIRONMENTS:
        now, held = serving(states.values(), environment), occupant(states.values(), environment)
        serves = (now.version, now.slot) if now else ("nothing", "-")
        rows.append((environment, *serves, held.release.id if held else "nobody"))
    text = columns(rows)
    for state in states.values():
        if state.closed is None:
            text += "\n\n" + release_text(state, states)
    return text


def glass(state: State) -> str:
    """Where somebody let the release past those who should have signed, in red, for ever; empty if nobody did."""
    places = {step.key: f"{step.environment}/{step.name}" for step in state.opened.plan.steps}
    return "".join(
        "\n" + RED.format(f"‼ GLASS BROKEN at {places.get(key, key)} by {broken.by}: {broken.reason}")
        for key, broken in state.broke_glass.items()
    )


def history(states: Iterable[State]) -> str:
    rows = [("RELEASE", "OPENED", "OUTCOME", "TOOK", "BY", "WHY")]
    for state in states:
        took = span((state.closed_at - state.opened_at).total_seconds()) if state.closed_at else "-"
        outcome = str(state.closed.outcome) if state.closed else "under way"
        outcome += " ‼ GLASS BROKEN" if state.broke_glass else ""
        says = state.closed.says.partition("\n")[0] if state.closed else ""
        rows.append((state.release.id, f"{state.opened_at:%Y-%m-%d %H:%M:%S}Z", outcome, took, state.opened.by, says))
    return columns(rows)


EXIT_CODES = {
    Outcome.RELEASED: 0,
    Outcome.ROLLED_BACK: 6,
    Outcome.FAILED: 4,
    Outcome.REFUSED: 9,
    Outcome.ABORTED: 9,
}


def standing_code(state: State, states: Mapping[str, State]) -> int | None:
    """The exit code of a release as it stands; None while it is on its way."""
    decision = decide(state, datetime.now(UTC), held_by(states.values(), state.release.id))
    if state.closed is not None or isinstance(decision, Halt) or (isinstance(decision, Wait) and decision.on_person):
        assert isinstance(decision, Finish | Halt | Wait)
        return exit_code(state, decision)
    return None


def exit_code(state: State, decision: Finish | Wait | Halt) -> int:
    """The exit code of a release that ended, waits or halted."""
    match decision:
        case Halt():
            return 7
        case Wait():
            return 5
        case Finish(outcome):
            failures = [seen.failed.cause for seen in state.steps.values() if seen.failed]
            return 124 if outcome is Outcome.FAILED and "timeout" in failures else EXIT_CODES[outcome]
