"""A small world in which plans are flown: environments with traffic, schema and processes, as a step would leave them.

It knows nothing of how a real step does it, only what its effect is; and it checks after every effect that no request
could be served by a version on a schema that does not suit it, and that nothing unsigned has production's traffic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from goaround.domain.decisions import Decision, Do, Finish, GoBack, Halt, Wait, decide
from goaround.domain.events import Cause, Closed, Event, Failed, Opened, Passed, Record, RollingBack, Started
from goaround.domain.journal import State, evolve
from goaround.domain.release import Release, Step

START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Place:
    """One environment. Versions are ``old`` and ``new``; the schema likewise, or ``half``."""

    serving: str | None
    schema: str = "old"
    holding: bool = False
    running: set[str] = field(default_factory=lambda: {"old"})
    migrations: int = 0
    """How often a migration ran to its end."""


@dataclass
class World:
    release: Release
    places: dict[str, Place]
    failing: frozenset[str] = frozenset()
    """Names of steps (``production/migrate``) that fail, each time they are tried."""
    effects: dict[str, int] = field(default_factory=dict)

    def suits(self, version: str, schema: str) -> bool:
        if version == "old":
            return schema == "old" or (schema in ("new", "half") and self.release.old_version_works)
        return schema == "new" or not self.release.migrates

    def check(self, state: State) -> None:
        for name, place in self.places.items():
            if place.serving is None or place.holding:
                continue
            assert place.serving in place.running, f"{name}: {place.serving} has the traffic and does not run"
            assert self.suits(place.serving, place.schema), f"{name}: {place.serving} serves on schema {place.schema}"
            if name == "production" and place.serving == "new" and state.release.kind == "release":
                sign_off = next(s for s in state.opened.plan.steps if s.name == "sign-off")
                assert state.standing(sign_off, state.opened_at).complete, "production serves what nobody signed"

    def observe(self, step: Step) -> bool:
        """Whether the effect is there."""
        place, old = self.places[step.environment], "old" if self.release.previous else None
        match step.kind:
            case "hold":
                return place.holding
            case "release":
                return not place.holding
            case "migrate":
                return place.schema == "new"
            case "down":
                return place.schema == "old"
            case "health":
                who = old if step.params["to"] == "old" else "new"
                return who is None or who in place.running
            case "traffic":
                return place.serving == {"old": old, "new": "new", "nobody": None}[step.params["to"]]
            case "retire":
                return step.params["slot"] not in place.running
        return self.effects.get(step.key, 0) > 0

    def act(self, step: Step) -> bool:
        """Have the effect; False if the step fails, part-way where it can."""
        place = self.places[step.environment]
        fails = f"{step.environment}/{step.name}" in self.failing
        if step.kind == "migrate" and fails:
            place.schema = "half"
        if fails:
            return False
        self.effects[step.key] = self.effects.get(step.key, 0) + 1
        match step.kind:
            case "hold":
                place.holding = True
            case "release":
                place.holding = False
            case "migrate":
                place.schema, place.migrations = "new", place.migrations + 1
            case "down":
                place.schema = "old"
            case "health":
                place.running.add("old" if step.params["to"] == "old" else "new")
            case "traffic":
                to = step.params["to"]
                place.serving = None if to == "nobody" else to
            case "retire":
                place.running.discard(step.params["slot"])
        return True


@dataclass
class Flight:
    """A journal in memory, and a controller that may be killed at any instant."""

    world: World
    opened: Opened
    people: Callable[[State, Wait], Event | None]
    records: list[Record] = field(default_factory=list)
    state: State | None = None
    now: datetime = START

    def write(self, event: Event) -> State:
        self.now += timedelta(seconds=1)
        record = Record(len(self.records) + 1, self.now, self.opened.release.id, event, "")
        self.records.append(record)
        self.state = evolve(self.state, record)
        return self.state

    def instants(self) -> Iterator[str]:
        """Run, stopping at every instant at which a kill makes a difference; to go on is to be run again."""
        state = self.state or self.write(self.opened)
        while True:
            yield "between"
            decision: Decision = decide(state, self.now)
            match decision:
                case Do(step, attempt):
                    state = self.write(Started(step.key, attempt))
                    yield "before the act"
                    good = self.world.observe(step) or self.world.act(step)
                    self.world.check(state)
                    yield "after the act"
                    if good:
                        state = self.write(Passed(step.key, attempt, "done", {"serving": None}))
                    else:
                        cause: Cause = "migration" if step.kind == "migrate" else "gate"
                        state = self.write(Failed(step.key, attempt, cause, "no", "so", "do"))
                case GoBack(plan, cause, because, environments):
                    state = self.write(RollingBack(plan, cause, because, environments))
                case Wait(_, _, until):
                    if until is not None:
                        self.now = max(self.now, until)
                        continue
                    event = self.people(state, decision)
                    if event is None:
                        return
                    state = self.write(event)
                case Halt():
                    return
                case Finish(outcome, says):
                    if state.closed is None:
                        state = self.write(Closed(outcome, says))
                    return

    def fly(self, kills: frozenset[int] = frozenset()) -> State:
        """Run to the end; at each of these instants the controller is killed and another goes on."""
        instant = 0
        alive = True
        while alive:
            alive = False
            for _ in self.instants():
                instant += 1
                if instant in kills:
                    alive = True
                    break
        assert self.state is not None
        return self.state


def fresh(release: Release) -> dict[str, Place]:
    """Both environments as they are before a release."""
    old = "old" if release.previous else None
    running = {"old"} if old else set()
    return {name: Place(old, running=set(running)) for name in ("staging", "production")}


def as_rollback(opened: Opened) -> Opened:
    return replace(opened, release=replace(opened.release, kind="rollback", of=opened.release.id))
