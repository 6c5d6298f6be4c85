"""What the words and tables say, for programs. Pure: states in, JSON values out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from goaround.cli.render import found, mark, phases, rollback_seconds, sentence, timeline
from goaround.cli.units import units_json
from goaround.domain.events import Opened
from goaround.domain.journal import State, as_if_done
from goaround.domain.release import Step
from goaround.domain.strategy import rollback, way_back


def plan_json(opened: Opened) -> Mapping[str, object]:
    release = opened.release
    assumed = as_if_done(State(opened, datetime.now(UTC)))
    return {
        "release": release.id,
        "version": release.version,
        "commit": release.commit,
        "previous": release.previous,
        "migrations": list(release.migrations),
        "expected_seconds": {
            "staging": opened.terms.staging_seconds,
            "production": opened.terms.production_seconds,
            "rollback": opened.terms.rollback_target_seconds,
        },
        "units": units_json(release.units),
        "steps": [_step_json(step) for step in opened.plan.steps],
        "rollback": {
            "environments": {
                name: {"to": r.to, "schema": r.schema, "hold": r.hold, "because": r.because}
                for name, r in way_back(assumed).items()
            },
            "steps": [_step_json(step) for step in rollback(assumed, way_back(assumed)).steps],
        },
    }


def _step_json(step: Step) -> Mapping[str, object]:
    return {"key": step.key, "phase": str(step.phase), "environment": step.environment, "says": step.says}


def result_json(state: State, states: Mapping[str, State], code: int | None) -> Mapping[str, object]:
    """How a release stands, for programs."""
    now = datetime.now(UTC)
    back = rollback_seconds(state)
    return {
        "release": state.release.id,
        "version": state.release.version,
        "outcome": str(state.closed.outcome) if state.closed else None,
        "says": sentence(state, states, now),
        "exit_code": code,
        "seconds": round(((state.closed_at or now) - state.opened_at).total_seconds(), 3),
        "rollback_seconds": round(back, 3) if back is not None else None,
        "rollback_target_seconds": state.terms.rollback_target_seconds,
        "broke_glass": [
            {"step": key, "by": broken.by, "reason": broken.reason} for key, broken in state.broke_glass.items()
        ],
        "signatures": _signatures(state, now),
        "timeline": {
            name: {"seconds": round(took, 3), "expected_seconds": due} for name, (took, due) in timeline(state).items()
        },
        "phases": [
            {"phase": name, "result": verdict, "seconds": round(took, 3)} for name, verdict, took in phases(state)
        ],
        "units": units_json(state.release.units),
        "steps": [
            {
                **_step_json(step),
                "result": mark(state, step),
                "says": found(state, step),
                "evidence": dict(seen.passed.evidence) if (seen := state.of(step.key)).passed else None,
            }
            for step in state.all_steps
        ],
    }


def _signatures(state: State, now: datetime) -> list[Mapping[str, object]]:
    """Every signature under every sign-off, with why it does not count if it does not."""
    found: list[Mapping[str, object]] = []
    for step in state.opened.plan.steps:
        if step.key not in state.signed:
            continue
        void = {signed.by: why for signed, why in state.standing(step, state.of(step.key).ended_at or now).void}
        for signed in {one.by: one for one in state.signed[step.key]}.values():
            expires = signed.expires.isoformat() if signed.expires else None
            word = {"step": step.key, "by": signed.by, "role": signed.role, "note": signed.note, "expires": expires}
            found.append({**word, "proven": bool(signed.signature), "void": void.get(signed.by)})
    return found
