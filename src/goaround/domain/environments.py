"""What serves where, and who holds what, folded from all releases of the service."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from goaround.domain.journal import State, touched_production
from goaround.domain.release import Environment, Outcome

KEPT_RELEASES = 3
"""So many of the last released versions keep their artifacts, needed or not."""
ENVIRONMENTS: tuple[Environment, Environment] = ("staging", "production")


@dataclass(frozen=True, slots=True)
class Serving:
    """The version that an environment was last given over to."""

    version: str
    release: str
    slot: str
    artifact: str
    commit: str
    seq: int


def serving(states: Iterable[State], environment: Environment) -> Serving | None:
    """What has the traffic of the environment, by the last switch on record; None: nothing, or maintenance."""
    last: Serving | None = None
    last_seq = 0
    for state in states:
        for step in state.all_steps:
            seen = state.of(step.key)
            if step.kind != "traffic" or step.environment != environment or seen.passed is None:
                continue
            if seen.ended_seq > last_seq:
                last_seq = seen.ended_seq
                found = seen.passed.evidence
                last = Serving(**found["serving"], seq=last_seq) if found.get("serving") else None
    return last


def occupant(states: Iterable[State], environment: Environment) -> State | None:
    """The release that the environment belongs to: from its opening until its outcome, waiting included.

    Production belongs to a release only from its first production step on, so that what serves there can be taken
    back while another release is still in staging.
    """
    for state in states:
        if state.closed is not None or environment not in state.release.environments:
            continue
        if environment == "staging" or _in_production(state):
            return state
    return None


def held_by(states: Iterable[State], release: str) -> str | None:
    """Another release that is rolling back production now: every other release waits for it. A rollback after
    completion holds them from its opening on: its controller may be killed before it comes to its first step."""
    for state in states:
        goes_back = state.back is not None or state.release.kind == "rollback"
        if state.release.id != release and state.closed is None and goes_back and touched_production(state):
            return state.release.id
    return None


def returned_from_production(states: Iterable[State], version: str) -> bool:
    """Whether this version was ever rolled back from production; such a version is never used again."""
    return any(
        state.release.version == version and state.closed and state.closed.outcome is Outcome.ROLLED_BACK
        for state in states
    )


def needed(states: Iterable[State]) -> frozenset[str]:
    """The artifacts that any environment may still need: of what serves and what its rollback would go back to, of
    every release under way, and of the last that were released and never came back."""
    every = {state.release.id: state for state in states}
    found: set[str] = set()
    for environment in ENVIRONMENTS:
        now = serving(every.values(), environment)
        if now is not None:
            found |= {now.artifact, *_artifacts(every.get(now.release))}
    for state in every.values():
        if state.closed is None:
            found |= {*_artifacts(state), *_artifacts(every.get(state.release.of or ""))}
    released = [
        state
        for state in every.values()
        if state.release.kind == "release" and state.closed and state.closed.outcome is Outcome.RELEASED
        and not returned_from_production(every.values(), state.release.version)
    ]  # fmt: skip
    for state in sorted(released, key=lambda state: state.closed_at or state.opened_at)[-KEPT_RELEASES:]:
        found |= _built(state)
    return frozenset(found)


def building(states: Iterable[State]) -> str | None:
    """A release whose build is not in the journal yet, so that nobody can tell which artifact it needs."""
    for state in states:
        if state.closed is None and state.release.kind == "release" and not _built(state):
            return state.release.id
    return None


def _built(state: State) -> set[str]:
    artifact = state.evidence("staging", "build").get("artifact")
    return {str(artifact)} if artifact else set()


def _artifacts(state: State | None) -> set[str]:
    """What a release built, placed, and found there before."""
    if state is None:
        return set()
    placed = (
        state.evidence(environment, "deploy").get(which) for environment in ENVIRONMENTS for which in ("new", "old")
    )
    return _built(state) | {str(there["artifact"]) for there in placed if there}


def _in_production(state: State) -> bool:
    return state.release.kind == "rollback" or any(
        state.of(step.key).attempt for step in state.all_steps if step.environment == "production"
    )
