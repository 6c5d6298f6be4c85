"""A release flown by controllers that are killed, and everything that must be true of it afterwards."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tests.shop.people import OWNER
from tests.shop.shop import Shop
from tests.shop.traffic import Traffic

from goaround.adapters.postgres.sealed import read_sealed
from goaround.domain.environments import ENVIRONMENTS, serving
from goaround.domain.events import Failed, Passed, Started
from goaround.domain.journal import State
from goaround.domain.release import Outcome
from goaround.engine.opening import Asked, open_release, open_rollback
from goaround.outliving import durable
from goaround.wiring import read_config

ROOT = Path(__file__).parents[2]
LONGEST_SECONDS = 240.0


@dataclass
class Flight:
    """Releases of one shop, one after the other."""

    shop: Shop
    kills: Counter[str] = field(default_factory=Counter)
    """Step without its release and environment → how often somebody was killed at it."""

    def release(self, version: str, *how: str) -> State:
        """Release it, killing controllers as ``controller.py`` says."""
        house, states = self.shop.house, self.shop.house.states.refresh()
        config, toml = read_config(self.shop.project / "goaround.toml")
        asked = Asked(version, f"release/{version}", OWNER)
        opened = open_release(asked, config, toml, house.repository, states.all())
        house.journal.append(opened.release.id, opened)
        return self.fly(opened.release.id, *how)

    def rollback(self, *how: str) -> State:
        """Roll back what production serves, killing controllers."""
        opened = open_rollback(OWNER, self.shop.house.states.refresh().all())
        self.shop.house.journal.append(opened.release.id, opened)
        return self.fly(opened.release.id, *how)

    def fly(self, release: str, *how: str) -> State:
        memory = self.shop.folder / f"{release}.kills"
        words = [sys.executable, "-m", "tests.crash.controller", str(self.shop.project), release, str(memory), *how]
        done = subprocess.run(
            words,
            cwd=ROOT,
            env=self.shop.environ,
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        for line in memory.read_text().splitlines() if memory.exists() else ():
            self.kills[line.rpartition("/")[2]] += 1
        return self.shop.state(release)


def outcome(state: State) -> str:
    return str(state.closed.outcome) if state.closed else "still under way"


def moments(shop: Shop, release: str) -> set[str]:
    """``<moment>: <step>`` of every kill at a boundary."""
    return set((shop.folder / f"{release}.kills").read_text().splitlines())


# --- what must be true ----------------------------------------------------------------------------


def assert_flown_as_planned(state: State, *, failing_at: str | None = None) -> None:
    """Every step of the plan passed once, in its order, at the first attempt; up to the one that was to fail, and
    from there every step of the way back."""
    passed = sorted((seen.ended_seq, key) for key, seen in state.steps.items() if seen.passed)
    planned = [step.key for step in state.opened.plan.steps]
    if failing_at is not None:
        planned = planned[: planned.index(failing_at)]
    planned += [step.key for step in state.back.plan.steps] if state.back else []
    assert [key for _, key in passed] == planned
    assert {key: seen.attempt for key, seen in state.steps.items() if seen.attempt != 1} == {}
    assert [key for key, seen in state.steps.items() if seen.failed] == ([failing_at] if failing_at else [])


def assert_each_effect_once(shop: Shop) -> None:
    """Over all releases of the shop so far."""
    states = tuple(shop.house.states.refresh().all().values())
    _assert_one_passed_event_a_step(shop)
    _assert_tags(shop, states)
    _assert_backups(shop, states)
    _assert_commands_ran_once(shop)
    _assert_nothing_happened_beside_a_command(shop)
    _assert_notices(shop, states)
    _assert_incidents(shop, states)
    assert shop.house.journal.verify() > 0


def assert_migrated(shop: Shop, *log: tuple[str, str]) -> None:
    """What took effect on each database, in this order, each of them once."""
    for environment in ENVIRONMENTS:
        assert shop.migration_log(environment) == list(log), environment


def assert_visitors_content(shop: Shop, traffic: Traffic, label: str, expected: str = "no problem") -> None:
    """Nobody met a problem but the ``expected`` one, and every item that was acknowledged is there."""
    assert traffic.on_wrong_schema == []
    assert [visit for visit in traffic.failed if visit.problem != expected] == []
    rows = dict(shop.query("production", f"SELECT id, {label} FROM items"))
    assert {number: name for number, name in traffic.acknowledged.items() if rows.get(number) != name} == {}


def assert_serves(shop: Shop, traffic: Traffic, version: str, ended_at: float) -> None:
    """Everybody who came after the end was served by this version, which runs once, and nothing else of it runs."""
    late = traffic.since(ended_at)
    assert late
    assert {visit.version for visit in late} == {version}
    assert_nothing_left_running(shop)
    states = shop.house.states.refresh().all()
    for environment in ENVIRONMENTS:
        neighbours = shop.house.neighbours(shop.config, environment)
        now = serving(states.values(), environment)
        assert now is not None
        front = neighbours.proxy.state()
        assert (now.version, front.serving, front.holding) == (version, now.slot, False)
        running = {slot: neighbours.runtime.state(slot) for slot in ("blue", "green")}
        here = running.pop(now.slot)
        assert here is not None
        assert (here.running, here.deaths) == (True, 0)
        assert here.token.startswith(f"{version}@")
        assert list(running.values()) == [None]


def assert_nothing_left_running(shop: Shop) -> None:
    """Two front doors, two versions that serve, two databases; no controller, no command."""
    own = ("haproxy -db", "service.py", "goaround.adapters.supervisor")
    running = [words for _, words in shop.running() if "postgres" not in words.partition(" ")[0]]
    counted = {name: sum(name in words for words in running) for name in own}
    assert counted == {"haproxy -db": 2, "service.py": 2, "goaround.adapters.supervisor": 4}
    # The supervisor of a service has the service's command line nowhere in its own.
    assert [words for words in running if not any(name in words for name in own)] == []
    assert all(shop.house.locks.holder(environment) is None for environment in ENVIRONMENTS)


def _assert_one_passed_event_a_step(shop: Shop) -> None:
    passed = Counter(record.event.step for record in shop.house.journal.read() if isinstance(record.event, Passed))
    assert {step: count for step, count in passed.items() if count > 1} == {}


def _assert_tags(shop: Shop, states: Iterable[State]) -> None:
    expected: dict[str, str] = {}
    for state in states:
        if state.release.kind == "release":
            for step in state.opened.plan.steps:
                if step.kind == "tag" and state.of(step.key).passed:
                    expected[str(step.params["tag"])] = state.release.commit
    names = shop.git("tag").split()
    assert {name: shop.git("rev-parse", f"{name}^{{commit}}") for name in names} == expected


def _assert_backups(shop: Shop, states: Iterable[State]) -> None:
    expected = {state.release.id for state in states if state.evidence("production", "backup")}
    folder = shop.house.folder / "backups" / "production"
    assert {path.name for path in folder.iterdir()} == expected
    for state in states:
        found = state.evidence("production", "backup")
        if found:
            sealed = read_sealed(folder / state.release.id)
            assert sealed is not None
            assert sealed.digest == found["digest"]


def _assert_commands_ran_once(shop: Shop) -> None:
    """Of each command that has an effect, one run came to its end, and no step began a second attempt."""
    ended: Counter[str] = Counter()
    for path in (shop.house.folder / "commands").glob("*.run"):
        spec = durable.read_json(str(path / "spec.json"))
        if spec is None or not (path / "exit.json").exists():
            continue
        key, _, attempt = str(spec["key"]).partition("#")
        assert attempt.partition(".")[0].partition("/")[0] == "1"
        ended[key + "/" + attempt.partition("/")[2].partition("#")[0]] += 1
    looks = ("/current/", "/pg_restore")  # these only look, and do so whenever somebody wants to know
    assert {key: count for key, count in ended.items() if count > 1 and not key.endswith(looks)} == {}


def _assert_nothing_happened_beside_a_command(shop: Shop) -> None:
    """While a command of an environment ran, nobody began or ended a step there: successors waited for it."""
    steps = [record for record in shop.house.journal.read() if isinstance(record.event, Started | Passed | Failed)]
    for path in (shop.house.folder / "commands").glob("*.run"):
        shim = durable.read_json(str(path / "shim.json"))
        if shim is None or not (path / "exit.json").exists():
            continue
        environment = str(shim["key"]).split("/")[1]
        began, ended = float(str(shim["at"])), (path / "exit.json").stat().st_mtime
        beside = [
            record.event
            for record in steps
            if isinstance(record.event, Started | Passed | Failed)
            and record.event.step.split("/")[1] == environment
            and began < record.at.timestamp() < ended
        ]
        assert beside == [], shim["key"]


def _assert_notices(shop: Shop, states: Iterable[State]) -> None:
    """Each that was to be sent arrived, at least once, under its one key."""
    expected = {
        f"{step.key}/0"
        for state in states
        for step in state.all_steps
        if step.kind == "notify" and state.of(step.key).passed
    }
    assert set(shop.told) == expected


def _assert_incidents(shop: Shop, states: Iterable[State]) -> None:
    expected = {state.release.id for state in states if state.closed and state.closed.outcome is Outcome.ROLLED_BACK}
    folder = shop.house.folder / "incidents"
    there = {path.stem: json.loads(path.read_text()) for path in folder.iterdir()} if folder.exists() else {}
    assert set(there) == expected
    assert all(facts["release"] == release for release, facts in there.items())
