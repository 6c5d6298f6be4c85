"""Controllers that are killed, one after the other, until a release has come to its end.

    python controller.py PROJECT RELEASE KILLS boundaries PREFIX...
    python controller.py PROJECT RELEASE KILLS outside SEED MOST
    python controller.py PROJECT RELEASE KILLS front-door STEP...

``boundaries``: each life kills itself with SIGKILL at the first boundary at which none was killed before, of the steps
whose key begins with a PREFIX. ``outside``: each life is killed by its parent after a while, MOST times.
``front-door``: the controller lives; production's HAProxy is killed when each STEP begins, first with its supervisor,
then without, and so on. What was killed where is kept in the file KILLS, a line each: ``<moment>: <step>``.

Each life is a process of its own, forked from one that has read goaround's code and nothing else, so that a hundred of
them do not take long. People say yes to whatever is asked.
"""

from __future__ import annotations

import os
import random
import select
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from tests.polling import until
from tests.shop.people import say_yes

from goaround.adapters.clock import SystemClock
from goaround.adapters.processes import SupervisedProcesses
from goaround.domain.decisions import Wait
from goaround.domain.environments import ENVIRONMENTS
from goaround.domain.journal import State
from goaround.domain.release import Step
from goaround.engine.clock import AttentiveClock
from goaround.engine.loop import Moment, Observer
from goaround.outliving import processid
from goaround.wiring import House

ALONE, TOGETHER, IDLE = "within, its command runs on", "within, with its command", "within"


class Kills:
    """Where somebody was killed; it outlives everybody."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.there = set(path.read_text().splitlines()) if path.exists() else set[str]()

    def add(self, moment: str, step: str) -> None:
        with self._path.open("a") as file:
            file.write(f"{moment}: {step}\n")

    def had(self, moment: str, step: str) -> bool:
        return f"{moment}: {step}" in self.there


class Fate:
    """Kills this process at the first boundary where nobody was killed before."""

    def __init__(self, house: House, kills: Kills, prefixes: tuple[str, ...]) -> None:
        self._house, self._kills, self._prefixes = house, kills, prefixes
        self._step: Step | None = None

    def observe(self, moment: Moment, state: State, step: Step | None, says: str) -> None:  # noqa: ARG002
        self._step = step if moment in ("started", "acting") else None
        if step is not None:
            self._meet(moment, step.key)
        elif self._prefixes:
            self._meet(moment, state.release.id)

    def tick(self) -> None:
        """Called whenever it waits."""
        if self._step is None or not self._step.key.startswith(self._prefixes):
            return
        if not self._commanding(self._step):
            self._meet(IDLE, self._step.key)
        else:
            # A command that runs on is adopted by observing, so in staging the boundary after the act is met instead.
            if self._step.environment == "production":
                self._meet(ALONE, self._step.key)
            self._meet(TOGETHER, self._step.key)

    def _meet(self, moment: str, key: str) -> None:
        if not key.startswith(self._prefixes) or self._kills.had(moment, key):
            return
        self._kills.add(moment, key)
        if moment == TOGETHER:
            kill_commands(self._house)
        os.kill(os.getpid(), signal.SIGKILL)

    def _commanding(self, step: Step) -> bool:
        runs = (self._house.folder / "commands").glob(f"{quote(step.key, safe='')}*.run")
        return any((run / "spec.json").exists() and not (run / "exit.json").exists() for run in runs)


def kill_commands(house: House, besides: int = 0) -> None:
    """Every shim and command that holds the lock of an environment."""
    for environment in ENVIRONMENTS:
        for who in processid.lock_holders(str(house.folder / "locks" / f"{environment}.lock")):
            if who.pid not in (os.getpid(), besides):
                processid.send(who, signal.SIGKILL)


class FatefulClock(AttentiveClock):
    """Waiting is where a process may be killed within an act."""

    def __init__(self, house: House, tick: Callable[[], None]) -> None:
        super().__init__(SystemClock(on_beat=lambda: house.locks.beat()))
        self._on_tick = tick

    def wait(self, seconds: float) -> None:
        super().wait(seconds)
        self._on_tick()


def live(house: House, release: str, observer: Observer) -> None:
    """One controller, until the release ends or it is killed."""
    engine = house.engine(observer)
    while isinstance(decision := (ending := engine.run(release, wait_for_people=False)).decision, Wait):
        assert decision.on_person
        say_yes(house, ending.state)


def blind(moment: Moment, state: State, step: Step | None, says: str) -> None:
    """Sees nothing."""


def born(life: Callable[[], None]) -> int:
    """The pid of a new process that lives this life."""
    pid = os.fork()
    if pid == 0:
        try:
            life()
        except BaseException:  # noqa: BLE001 (whatever it is, it is told and the process ends here)
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)
        os._exit(0)
    return pid


def until_killed(pid: int) -> bool:
    """Whether it was killed; exits if it ended by itself."""
    _, status = os.waitpid(pid, 0)
    if os.WIFEXITED(status):
        sys.exit(os.WEXITSTATUS(status))
    assert os.WTERMSIG(status) == signal.SIGKILL, f"ended by signal {os.WTERMSIG(status)}"
    return True


def boundaries(project: Path, release: str, kills: Path, *prefixes: str) -> None:
    def life() -> None:
        house = House(project)
        fate = Fate(house, Kills(kills), prefixes)
        house.clock = FatefulClock(house, fate.tick)
        live(house, release, fate.observe)

    while until_killed(born(life)):
        pass


def outside(project: Path, release: str, kills: Path, seed: str, most: str) -> None:
    dice = random.Random(seed)
    for _ in range(int(most)):
        pid = born(lambda: live(House(project), release, blind))
        # Long enough to get somewhere, short enough to hit something: aimed at what takes long.
        if not ended_within(pid, dice.uniform(0.05, 1.2)):
            together = dice.random() < 0.5
            os.kill(pid, signal.SIGKILL)
            if together:
                kill_commands(House(project), besides=pid)
            Kills(kills).add("any time, with its command" if together else "any time", under_way(project, release))
        until_killed(pid)
    until_killed(born(lambda: live(House(project), release, blind)))


def front_door(project: Path, release: str, kills: Path, *steps: str) -> None:
    house = House(project)

    def observe(moment: Moment, state: State, step: Step | None, says: str) -> None:  # noqa: ARG001
        if moment == "started" and step is not None and step.key in steps:
            with_supervisor = steps.index(step.key) % 2 == 0
            Kills(kills).add("the front door and its supervisor" if with_supervisor else "the front door", step.key)
            kill_front_door(house, with_supervisor=with_supervisor)

    live(house, release, observe)


def kill_front_door(house: House, *, with_supervisor: bool) -> None:
    processes = SupervisedProcesses(house.folder / "environments" / "production" / "processes", house.clock.wait)

    def pids() -> list[int | None]:
        state = processes.state("production-front-door")
        return [state.supervisor_pid, state.pid] if state and state.pid else []

    for pid in until(pids, what="the front door runs")[not with_supervisor :]:
        assert pid is not None
        os.kill(pid, signal.SIGKILL)


def under_way(project: Path, release: str) -> str:
    """The step that the release is at."""
    house = House(project)
    step = house.states.refresh().all()[release].next_step
    house.journal.close()  # forked processes must not have it
    return step.key if step else release


def ended_within(pid: int, seconds: float) -> bool:
    fd = os.pidfd_open(pid)
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    ended = bool(poll.poll(seconds * 1000))
    os.close(fd)
    return ended


if __name__ == "__main__":
    _, where, what, memory, how, *rest = sys.argv
    if how == "boundaries":
        boundaries(Path(where), what, Path(memory), *rest)
    elif how == "front-door":
        front_door(Path(where), what, Path(memory), *rest)
    else:
        outside(Path(where), what, Path(memory), *rest)
