"""Claims about what is kept: nothing that a step of any release may still ask for was ever called unneeded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.releases import DOWN, Story, opened

from goaround.domain.environments import ENVIRONMENTS, building, needed, occupant, serving
from goaround.domain.errors import GoaroundError
from goaround.domain.events import Answered, Opened
from goaround.domain.journal import State, as_if_done, outcome_of_rollback
from goaround.domain.release import Environment, Outcome, Step
from goaround.engine.opening import open_rollback

FATES = ("released", "fails in staging", "fails in production", "taken back")
STOPS = {"fails in staging": "staging/health", "fails in production": "production/watch"}
MOST_BACK = 3
"""So often in a row production can go back: as many releases keep their artifacts."""


class Tale(Story):
    """A story in the journal of all, whose steps find what serves, and are given only artifacts that are there."""

    def __init__(self, opening: Opened, service: Service) -> None:
        self.service = service
        super().__init__(opening, service.seq)
        service.tales[opening.release.id] = self

    def goes_on(self) -> None:
        """The next step is done, or the way back begins, or it ends."""
        self.seq = self.service.seq
        if self.state.release.kind == "rollback" and self.state.back is None:
            self.turns_back()
        elif self.state.next_step is None:
            self.closes(outcome_of_rollback(self.state) if self.state.back else Outcome.RELEASED)
        else:
            if self.step().kind == "answer":
                self.tell(Answered(self.step().key, "owner", "looked"))
            if self.step().kind == "sign_off":
                self.sign()
            self.passes()
        self.service.seq = self.seq

    def goes_wrong(self) -> None:
        self.seq = self.service.seq
        self.fails("trigger")
        self.turns_back()
        self.service.seq = self.seq

    def _evidence(self, step: Step) -> dict[str, Any]:
        artifact = f"artifact of {self.state.release.version}"
        match step.kind:
            case "build":
                self.service.store.add(artifact)
                return {"artifact": artifact}
            case "deploy":
                now = serving(self.service.states, step.environment)
                new = {"version": self.state.release.version, "release": self.state.release.id, "slot": "blue"}
                return {
                    "new": {**new, "artifact": artifact, "commit": ""},
                    "old": {name: getattr(now, name) for name in ("version", "release", "slot", "artifact", "commit")}
                    if now
                    else None,
                }
            case "traffic" | "health" | "down" | "tests":
                place = step.environment
                which = str(step.params.get("to", "new" if step.kind == "down" else "old"))
                found = self.service.deployed(self.state, place, which)
                if found is not None:
                    assert found["artifact"] in self.service.store, f"{step.key} needs {found['artifact']}"
                return {"serving": found}
            case "tidy" if building(self.service.states) is None:
                self.service.store &= needed(self.service.states)
        return {"done": True}


@dataclass
class Service:
    """All its releases in one journal, and the artifacts that are there."""

    tales: dict[str, Tale] = field(default_factory=dict)
    store: set[str] = field(default_factory=set)
    seq: int = 0

    @property
    def states(self) -> list[State]:
        return [tale.state for tale in self.tales.values()]

    def deployed(self, state: State, environment: Environment, which: str) -> dict[str, Any] | None:
        """What a step is given, by the rule of ``steps.context``."""
        origin = self.tales[state.release.of].state if state.release.of else state
        found: dict[str, Any] | None = origin.evidence(environment, "deploy").get(which)
        return found

    def begins(self, number: int) -> Tale:
        now = serving(self.states, "production")
        release = replace(DOWN, id=f"v{number}", version=f"v{number}", previous=now.version if now else None)
        return Tale(opened(release), self)

    def asked_for(self) -> Iterator[str]:
        """Every artifact that is asked for by what is under way, or would be by a rollback that begins now."""
        states = [state for state in self.states if state.closed is None]
        try:
            after = open_rollback("owner", {state.release.id: state for state in self.states})
            states.append(as_if_done(State(after, self.states[0].opened_at)))
        except GoaroundError:
            pass
        for state in states:
            yield from (str(found) for found in [state.evidence("staging", "build").get("artifact")] if found)
            for environment in state.release.environments:
                places = [self.deployed(state, environment, which) for which in ("new", "old")]
                yield from (str(place["artifact"]) for place in places if place)
        for environment in ENVIRONMENTS:
            now = serving(self.states, environment)
            if now is not None:
                yield now.artifact


def may_go_back(service: Service) -> Opened | None:
    try:
        return open_rollback("owner", {state.release.id: state for state in service.states})
    except GoaroundError:
        return None


@given(st.lists(st.sampled_from(FATES), min_size=1, max_size=7), st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_nothing_that_may_still_be_asked_for_is_called_unneeded(fates: list[str], chance: Any) -> None:
    service, forward, back, in_a_row = Service(), None, None, 0
    queue = list(enumerate(fates, start=1))
    fate = ""
    while queue or forward is not None or back is not None:
        if forward is None and queue and occupant(service.states, "staging") is None:
            number, fate = queue.pop(0)
            if fate != "taken back":
                forward = service.begins(number)
        opening = may_go_back(service) if back is None and in_a_row < MOST_BACK else None
        if opening is not None and (fate == "taken back" or chance.random() < 0.02):
            back, in_a_row = Tale(opening, service), in_a_row + 1
        if fate == "taken back":
            fate = ""
        # While production goes back, everybody else is held.
        under_way = back or forward
        if under_way is None:
            continue
        here = under_way.state.next_step
        if under_way is forward and here is not None and f"{here.environment}/{here.name}" == STOPS.get(fate):
            forward.goes_wrong()
            fate = ""
        else:
            under_way.goes_on()
        if here is not None and here.kind == "traffic" and under_way is forward and here.environment == "production":
            in_a_row = 0
        forward = forward if forward is not None and forward.state.closed is None else None
        back = back if back is not None and back.state.closed is None else None
        keep = needed(service.states)
        assert set(service.asked_for()) <= keep
        assert keep <= {f"artifact of v{number}" for number in range(1, len(fates) + 1)}


@given(st.lists(st.sampled_from(FATES[:3]), min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_when_nothing_is_under_way_only_what_serves_and_the_last_released_are_kept(fates: list[str]) -> None:
    service, good = Service(), []
    for number, fate in enumerate(fates, start=1):
        tale = service.begins(number)
        while tale.state.closed is None:
            here = tale.state.next_step
            if tale.state.back is None and here and f"{here.environment}/{here.name}" == STOPS.get(fate):
                tale.goes_wrong()
            else:
                tale.goes_on()
        good += [f"artifact of v{number}"] if fate == "released" else []
    assert needed(service.states) == set(good[-3:])
