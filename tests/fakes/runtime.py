"""Processes that are not run; how they fare is scripted."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from goaround.domain.errors import Refused, Unavailable
from goaround.ports import ProcessSpec, ProcessState

_STARTED = datetime(2026, 1, 1, tzinfo=UTC)


class FakeRuntime:
    """``ports.Runtime``. Names or tokens in ``broken`` cannot be started; ``die(name)`` is an exit nobody asked for.

    ``specs`` holds what runs now, ``calls`` every start and stop that had an effect, in order.
    """

    def __init__(self) -> None:
        self.broken: set[str] = set()
        self.specs: dict[str, ProcessSpec] = {}
        self.calls: list[tuple[str, str]] = []
        self.logs: dict[str, str] = {}
        self._states: dict[str, ProcessState] = {}

    def start(self, name: str, spec: ProcessSpec) -> ProcessState:
        running = self._states.get(name)
        if running is not None and running.token != spec.token:
            raise Refused(f"{running.token} runs as {name}", state="it was left alone", remedy="stop it first")
        if running is None:
            if {name, spec.token} & self.broken:
                raise Unavailable(f"{name} could not be started", state="nothing runs", remedy="correct it")
            number = 1000 + 2 * len(self.calls)
            self.calls.append(("start", name))
            self.specs[name] = spec
            self._states[name] = ProcessState(spec.token, True, number, number + 1, 0, None, _STARTED)
        return self._states[name]

    def state(self, name: str) -> ProcessState | None:
        return self._states.get(name)

    def stop(self, name: str) -> None:
        if self._states.pop(name, None) is not None:
            del self.specs[name]
            self.calls.append(("stop", name))

    def log(self, name: str, lines: int = 100) -> str:
        return "".join(self.logs.get(name, "").splitlines(keepends=True)[-lines:])

    def die(self, name: str, code: int = 1, *, comes_back: bool = True) -> None:
        """The process exits by itself; its supervisor restarts it, or does not get it to run."""
        state = self._states[name]
        self._states[name] = replace(
            state, deaths=state.deaths + 1, last_exit=code, running=comes_back, pid=state.pid if comes_back else None
        )

    def kill_supervisor(self, name: str) -> None:
        """Everything under this name is gone without anybody having stopped it."""
        del self._states[name], self.specs[name]
