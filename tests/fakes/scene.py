"""Everything around a step, out of fakes: what a ``Context`` is made of, with a switch for every way to fail."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from tests.fakes.clock import FakeClock
from tests.fakes.commands import FakeCommands
from tests.fakes.database import FakeDatabase
from tests.fakes.journal import FakeJournal
from tests.fakes.proxy import FakeProxy
from tests.fakes.runtime import FakeRuntime
from tests.fakes.signatures import FakeSignatures
from tests.unit.config_examples import FULL

from goaround.config.load import parse_config
from goaround.domain.errors import GoaroundError, Refused, Unavailable
from goaround.domain.journal import State
from goaround.domain.release import Environment, Step
from goaround.engine.states import States
from goaround.ports import SLOTS, Answer, Commit, ProcessSpec
from goaround.steps.context import Context, Neighbours, Report

ENVIRONMENTS: tuple[Environment, Environment] = ("staging", "production")
PORTS: dict[Environment, tuple[int, int]] = {"staging": (7481, 7482), "production": (7491, 7492)}


class FakeHttp:
    """``ports.Http``. Slots answer 200 while their process runs; ``says`` overrides what an URL answers; ``posted``
    holds ``(url, key)`` of what was posted, ``bodies`` what it said, and ``post_answer`` how that is answered."""

    def __init__(self, runtimes: Mapping[Environment, FakeRuntime]) -> None:
        self._runtimes = runtimes
        self.says: dict[str, Answer] = {}
        self.posted: list[tuple[str, str]] = []
        self.bodies: list[bytes] = []
        self.post_answer = Answer(204, "", 0.01)

    def get(self, url: str, timeout_seconds: float) -> Answer:
        del timeout_seconds
        for environment, ports in PORTS.items():
            for slot, port in zip(SLOTS, ports, strict=True):
                if f":{port}/" not in url:
                    continue
                state = self._runtimes[environment].state(slot)
                if state is None or not state.running:
                    return self.says.get(f"{url} of nobody", Answer(None, "connection refused", 0.0))
        return self.says.get(url, Answer(200, "", 0.01))

    def post(self, url: str, body: bytes, headers: Mapping[str, str], timeout_seconds: float) -> Answer:
        del timeout_seconds
        self.bodies.append(body)
        self.posted.append((url, headers["Idempotency-Key"]))
        return self.post_answer


class FakeArtifacts:
    """``ports.Artifacts``. Digests in ``missing`` are gone or altered; two builds ``differ`` in these paths; ``needed``
    is what each prune was told to leave, unless there is a ``prune_error``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.missing: set[str] = set()
        self.differ: tuple[str, ...] = ()
        self.needed: list[frozenset[str]] = []
        self.prune_error: Exception | None = None

    def export(self, commit: str, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "commit").write_text(commit)

    def keep(self, folder: Path) -> str:
        return "sha256:" + folder.name.encode().hex().ljust(64, "0")

    def path(self, digest: str) -> Path:
        if digest in self.missing:
            raise Unavailable(f"{digest[:19]} is missing", state="nothing was done", remedy="build it again")
        return self._folder / digest[7:19]

    def prune(self, needed: frozenset[str]) -> tuple[str, ...]:
        if self.prune_error is not None:
            raise self.prune_error
        self.needed.append(needed)
        return ("sha256:" + "9" * 64,)

    def differences(self, one: Path, other: Path) -> tuple[str, ...]:
        assert one.exists()
        assert other.exists()
        return self.differ


class FakeRepository:
    """``ports.Repository`` of one commit, and ``ports.Tags``. ``changed`` are paths that differ from it; tags that are
    ``signed`` map to their key, all of them to their message in ``messages``; ``remote`` has those that were pushed,
    unless it is ``unreachable``."""

    def __init__(self) -> None:
        self.changed: tuple[str, ...] = ()
        self.tags: dict[str, str] = {}
        self.messages: dict[str, str] = {}
        self.keys: dict[str, str] = {}
        self.remote: dict[str, str] = {}
        self.unreachable = False

    def commit(self, ref: str) -> Commit:
        return Commit(ref, "more of it", "owner")

    def changes(self) -> tuple[str, ...]:
        return self.changed

    def read(self, commit: str, path: str) -> bytes | None:
        del commit, path
        return None

    def files(self, commit: str, pattern: str) -> Mapping[str, str]:
        del commit, pattern
        return {}

    def tagged(self, name: str) -> str | None:
        return self.tags.get(name)

    def tag(self, name: str, commit: str, message: str, sign: Callable[[bytes], str] | None = None) -> None:
        if self.tags.setdefault(name, commit) != commit:
            raise Refused(f"{name} is elsewhere", state="it was not moved", remedy="use another version")
        self.messages.setdefault(name, message)
        if sign is not None and sign(message.encode()).startswith("git sealed "):
            self.keys.setdefault(name, FakeSignatures().controller_key())

    def signed(self, name: str, key: str) -> bool:
        return self.keys.get(name) == key

    def missing(self, remote: str, names: Sequence[str]) -> tuple[str, ...]:
        if self.unreachable:
            raise Unavailable(f"{remote} could not be reached", state="the tags are here", remedy="push by hand")
        return tuple(name for name in names if name not in self.remote)

    def push(self, remote: str, names: Sequence[str]) -> None:
        self.missing(remote, names)
        self.remote.update({name: self.tags[name] for name in names})


class Scene:
    """Two environments with front door, slots and database; what is told to them is theirs to remember."""

    def __init__(self, folder: Path, clock: FakeClock | None = None) -> None:
        self.folder = folder / ".goaround"
        self.folder.mkdir()
        self.clock = clock or FakeClock()
        self.config = parse_config(FULL, "goaround.toml")
        self.journal = FakeJournal(self.clock.now)
        self.states = States(self.journal)
        self.commands = FakeCommands()
        self.proxy = {name: FakeProxy() for name in ENVIRONMENTS}
        self.runtime = {name: FakeRuntime() for name in ENVIRONMENTS}
        self.database = {name: FakeDatabase(name) for name in ENVIRONMENTS}
        self.artifacts = FakeArtifacts(folder / "artifacts")
        self.repository = FakeRepository()
        self.http = FakeHttp(self.runtime)
        self.signatures = FakeSignatures()
        self.values: dict[str, dict[str, str] | GoaroundError] = {name: {"NAME": "literal"} for name in ENVIRONMENTS}
        self.others: dict[str, State] = {}
        """Other releases of the service."""
        for proxy in self.proxy.values():
            proxy.ensure()

    def runs(self, environment: Environment, slot: str, token: str = "something") -> None:
        self.runtime[environment].start(slot, ProcessSpec(token, ("serve",), self.folder, {}))

    def context(self, state: State, step: Step, attempt: int = 1) -> Context:
        return Context(
            state=state,
            step=step,
            attempt=attempt,
            config=self.config,
            around={name: self._neighbours(name) for name in ENVIRONMENTS},
            clock=self.clock,
            commands=self.commands,
            repository=self.repository,
            tags=self.repository,
            http=self.http,
            signatures=self.signatures,
            journal=self.journal,
            states=lambda: {**self.others, state.release.id: state},
            head=lambda: (7, "sha256:head"),
            folder=self.folder,
            environ={"PATH": "/usr/bin", "HOME": "/home/owner"},
            resolve=lambda text: f"http://resolved.invalid/{text}",
        )

    def _neighbours(self, name: Environment) -> Neighbours:
        def values() -> Mapping[str, str]:
            found = self.values[name]
            if isinstance(found, GoaroundError):
                raise found
            return found

        return Neighbours(
            proxy=self.proxy[name],
            runtime=self.runtime[name],
            database=self.database[name],
            urls=self.database[name].ensure,
            values=values,
            secrets=lambda: ("hunter2",),
            artifacts=self.artifacts,
        )


def run(kind: ModuleType, ctx: Context) -> Report:
    """Observe, act if need be, observe again, as the engine does."""
    report: Report | None = kind.observe(ctx)
    if report is None:
        kind.act(ctx)
        report = kind.observe(ctx)
    assert report is not None, f"{ctx.step.key} was done, and its effect is not there"
    return report


def with_params(step: Step, **params: object) -> Step:
    return replace(step, params={**step.params, **params})
