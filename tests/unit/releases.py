"""A release, its terms, and its story told event by event: what the tests of the domain, steps and words begin with."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from goaround.domain.decisions import GoBack, decide
from goaround.domain.events import Answered, Closed, Event, Failed, Opened, Passed, Record, RollingBack, Signed, Started
from goaround.domain.gates import TriggerLimits, WatchLimits
from goaround.domain.journal import State, evolve
from goaround.domain.release import ChecklistItem, Outcome, Plan, Release, Step, Terms
from goaround.domain.signals import sign, to_sign
from goaround.domain.signoff import digest
from goaround.domain.strategy import staging_first

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
ARTIFACT = "sha256:" + "a" * 64
FULL_TERMS = Terms(
    service="shop",
    owner="owner",
    signers={"staging": ("owner", "second"), "production": ("owner",)},
    watch=WatchLimits(),
    triggers=TriggerLimits(),
    checklist=(ChecklistItem("upload", "do uploads work?"), ChecklistItem("rls", "are users walled off?")),
    can_go_down=True,
    hold_seconds=10,
    integration=True,
    smoke=True,
    announce=True,
    alert=True,
)
BARE_TERMS = replace(
    FULL_TERMS,
    checklist=(),
    can_go_down=False,
    hold_seconds=None,
    integration=False,
    smoke=False,
    announce=False,
    alert=False,
)
RELEASE = Release(
    id="v1.0.0",
    version="v1.0.0",
    attempt=1,
    commit="c0ffee" + "0" * 34,
    subject="more of it",
    previous="v0.9.2",
    migrations=("migrations/0002.sql",),
    old_version_works=True,
    way_back="keep",
)
FIRST = replace(RELEASE, previous=None, old_version_works=False, way_back="down")
PLAIN = replace(RELEASE, migrations=())
HELD = replace(RELEASE, old_version_works=False, way_back="down")
DOWN = replace(RELEASE, way_back="down")


def says_yes(
    state: State, by: str, note: str = "", *, role: str = "", now: datetime = START, head: tuple[int, str] = (0, "")
) -> Signed:
    """A signature as ``goaround sign`` makes one where names are believed."""
    nonce = f"nonce {len(state.signed)}{sum(map(len, state.signed.values()))}"
    return sign(state, to_sign(state, by, nonce=nonce, now=now, head=head, role=role, note=note), "", now)


def opened(release: Release = RELEASE, terms: Terms = FULL_TERMS, by: str = "owner") -> Opened:
    return Opened(release, terms, staging_first(terms, release), {"toml": ""}, "sha256:configuration", by)


def taken_back(of: Opened, by: str = "owner", **changes: Any) -> Opened:
    """A rollback after completion of what that release brought."""
    release = replace(of.release, id=f"{of.release.id}.back", kind="rollback", of=of.release.id, **changes)
    return replace(of, release=release, plan=Plan(()), by=by)


def names(plan: Plan) -> list[str]:
    """``production/back-health`` and so on, in order."""
    return [f"{step.environment}/{step.name}" for step in plan.steps]


def deployed(release: Release, slot: str = "green") -> dict[str, str]:
    return {
        "version": release.version,
        "release": release.id,
        "slot": slot,
        "artifact": ARTIFACT,
        "commit": release.commit,
    }


OLD = {
    "version": "v0.9.2",
    "release": "v0.9.2",
    "slot": "blue",
    "artifact": "sha256:" + "b" * 64,
    "commit": "0" * 40,
}


class Story:
    """One release, told event by event. Each takes a second; ``records`` is what a journal would hold of it."""

    def __init__(self, opening: Opened, seq: int = 0) -> None:
        self.seq, self.now = seq, START + timedelta(seconds=seq)
        self.records: list[Record] = []
        self._state: State | None = None
        self.tell(opening)

    @property
    def state(self) -> State:
        assert self._state is not None
        return self._state

    def tell(self, *events: Event) -> State:
        for event in events:
            self.seq += 1
            self.now += timedelta(seconds=1)
            release = event.release.id if isinstance(event, Opened) else self.state.release.id
            self.records.append(Record(self.seq, self.now, release, event, ""))
            self._state = evolve(self._state, self.records[-1])
        return self.state

    def step(self, name: str | None = None) -> Step:
        """A step of the plan being walked, by ``environment/name``; without a name the next one."""
        steps = self.state.all_steps
        found = self.state.next_step if name is None else next(s for s in steps if f"{s.environment}/{s.name}" == name)
        assert found is not None
        return found

    def start(self) -> State:
        return self.tell(Started(self.step().key, self.state.of(self.step().key).attempt + 1))

    def passes(self, **evidence: Any) -> State:
        """The next step is done and finds what it would find."""
        self.start()
        return self.passes_started(**evidence)

    def passes_started(self, **evidence: Any) -> State:
        """The step under way is done."""
        step = self.step()
        found = evidence or self._evidence(step)
        return self.tell(Passed(step.key, self.state.of(step.key).attempt, f"{step.name} done", found))

    def fails(self, cause: str = "gate", what: str = "it broke") -> State:
        step = self.step()
        self.start()
        attempt = self.state.of(step.key).attempt
        return self.tell(Failed(step.key, attempt, cause, what, "as it was", "mend it"))  # type: ignore[arg-type]

    def until(self, name: str) -> State:
        """Everything before that step is done; people answer and sign on the way."""
        while (step := self.step()) and f"{step.environment}/{step.name}" != name:
            if step.kind == "answer":
                self.tell(Answered(step.key, "owner", "looked"))
            if step.kind == "sign_off":
                self.sign()
            self.passes()
        return self.state

    def sign(self, by: str = "owner") -> State:
        return self.tell(Signed(self.step().key, by, digest(self.state.statement(self.step())), ""))

    def turns_back(self) -> State:
        """The way back begins, as decided."""
        decision = decide(self.state, self.now)
        assert isinstance(decision, GoBack), decision
        return self.tell(RollingBack(decision.plan, decision.cause, decision.because, decision.environments))

    def to_the_end(self) -> State:
        """All that is left of the plan is done."""
        while self.state.next_step is not None:
            if self.step().kind == "answer":
                self.tell(Answered(self.step().key, "owner", "looked"))
            if self.step().kind == "sign_off":
                self.sign()
            self.passes()
        return self.state

    def closes(self, outcome: Outcome, says: str = "so it ended") -> State:
        return self.tell(Closed(outcome, says))

    def released(self) -> State:
        self.to_the_end()
        return self.closes(Outcome.RELEASED, f"{self.state.release.version} serves production")

    def _evidence(self, step: Step) -> dict[str, Any]:
        release = self.state.release
        old = {**OLD, "version": release.previous, "release": release.previous} if release.previous else None
        new = deployed(release)
        match step.kind:
            case "build":
                return {"artifact": ARTIFACT}
            case "deploy":
                return {"new": new, "old": old, "schema_before": "0001"}
            case "traffic":
                return {"serving": {"new": new, "old": old, "nobody": None}[step.params["to"]]}
        return {}
