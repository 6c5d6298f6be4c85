"""Implements ``Proxy`` with HAProxy under a supervisor.

What it is told goes to ``told.map`` first (renamed into place and synced) and to the admin socket second, so at every
instant a HAProxy that dies comes back with what it was told last, and ``ensure`` makes a running one agree.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import pwd
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from goaround.adapters.haproxy import preflight
from goaround.adapters.haproxy.config import Settings, Told
from goaround.adapters.haproxy.log import Log
from goaround.adapters.haproxy.runtime_api import AdminSocket
from goaround.domain.errors import Refused, Unavailable, UnknownOutcome
from goaround.outliving import durable
from goaround.ports import SLOTS, FrontDoor, ProcessSpec, Runtime, Slot, Traffic

ANSWERS_WITHIN_SECONDS = 5.0
UP_WITHIN_SECONDS = 5.0
POLL_SECONDS = 0.02


class HAProxy:
    """The front door of one environment.

    ``folder`` keeps its files, ``log`` is where ``runtime`` puts the current file of its output, ``wait`` sleeps.
    A request that a hold keeps for ``hold_limit_seconds`` is answered 503.
    """

    def __init__(
        self,
        *,
        folder: Path,
        environment: str,
        listen: str,
        slot_ports: Mapping[Slot, int],
        health_path: str,
        hold_limit_seconds: float,
        runtime: Runtime,
        log: Path,
        wait: Callable[[float], None],
    ) -> None:
        self._settings = Settings(listen, slot_ports, health_path, hold_limit_seconds, _unprivileged())
        self._folder = folder
        self._environment = environment
        self._runtime = runtime
        self._wait = wait
        self._admin = AdminSocket(folder)
        self._log = Log(log)

    @property
    def name(self) -> str:
        """Under which the runtime knows it."""
        return f"{self._environment}-front-door"

    # --- Proxy ------------------------------------------------------------------------------------

    def ensure(self) -> FrontDoor:
        self._write_files()
        state = self._runtime.state(self.name)
        if state is None:
            preflight.check_configuration(self._folder)
            if not self.state().running:  # one whose supervisor was killed still has the port
                preflight.check_address(*self._settings.address)
        elif state.token != self._token:
            raise self._runs_otherwise(state.supervisor_pid)
        self._runtime.start(self.name, self._spec())
        try:
            self._await_answer()
        except Unavailable:
            if state is None:
                self._runtime.stop(self.name)
            raise
        self._make_agree(self._told())
        return self.state()

    def state(self) -> FrontDoor:
        try:
            told, servers = self._admin.state()
        except (OSError, ValueError):
            told = self._told() if (self._folder / "haproxy.cfg").exists() else Told()  # never made: told nothing
            return FrontDoor(False, told.serving, told.holding, dict.fromkeys(SLOTS, False), dict.fromkeys(SLOTS, 0))
        return FrontDoor(
            running=True,
            serving=told.serving,
            holding=told.holding,
            up={slot: servers[slot].up for slot in SLOTS},
            in_flight={slot: servers[slot].in_flight for slot in SLOTS},
        )

    def serve(self, slot: Slot | None) -> None:
        self._await_answer()
        if slot is not None:
            self._await_up(slot)
        self._tell(replace(self._told(), serving=slot))

    def hold(self, on: bool) -> None:
        self._await_answer()
        self._tell(replace(self._told(), holding=on))

    def traffic(self, since: datetime, until: datetime) -> Traffic:
        return self._log.traffic(since, until)

    def _runs_otherwise(self, supervisor_pid: int | None) -> Refused:
        return Refused(
            f"the front door of {self._environment} runs with other addresses, health path or hold limit",
            state="it goes on as it is",
            remedy=f"put the old values back, or stop it (SIGTERM to its supervisor, pid {supervisor_pid}), "
            "which cuts off its visitors, and try again",
        )

    # --- what it was told ---------------------------------------------------------------------------

    def _told(self) -> Told:
        path = self._folder / "told.map"
        try:
            return Told.from_map(path.read_text())
        except (OSError, ValueError) as error:
            raise Unavailable(
                f"{path} cannot be read ({error}), so what the front door of {self._environment} was told is not known",
                state="a running proxy goes on as it is",
                remedy="restore the file: two lines, 'serving blue|green|none' and 'holding 0|1'",
            ) from error

    def _tell(self, told: Told) -> None:
        if told != self._told():
            self._write("told.map", told.as_map())
        self._make_agree(told)

    def _make_agree(self, told: Told) -> None:
        """Have the running proxy do what the file says, even if it dies and comes back in the meantime."""

        def agrees() -> bool:
            if self._admin.state()[0] == told:
                return True
            self._admin.tell(told)
            return self._admin.state()[0] == told

        if not self._soon(agrees, ANSWERS_WITHIN_SECONDS):
            raise UnknownOutcome(
                f"the front door of {self._environment} did not confirm what it was told",
                state=f"its configuration says serving {told.serving}, holding {told.holding}, which it will read",
                remedy=f"look at its log: goaround logs {self.name}; then run the same command again",
            )

    # --- waiting for it -----------------------------------------------------------------------------

    def _await_answer(self) -> None:
        if not self._soon(lambda: bool(self._admin.state()), ANSWERS_WITHIN_SECONDS):
            with contextlib.suppress(Unavailable):
                tail = self._runtime.log(self.name, 10)
            raise Unavailable(
                f"the front door of {self._environment} does not answer on its admin socket",
                state=f"nothing was changed; the last lines of its log:\n{tail or '(none)'}",
                remedy="correct what the log names and try again",
            )

    def _await_up(self, slot: Slot) -> None:
        def up() -> bool:
            # HAProxy's word may be half a second old, of a process that is no more; so the slot is asked as well.
            return self._admin.state()[1][slot].up and self._answers_healthy(slot)

        if not self._soon(up, UP_WITHIN_SECONDS):
            state = self.state()
            raise Unavailable(
                f"{self._environment}/{slot} did not pass the proxy's health check within {UP_WITHIN_SECONDS:.0f} s",
                state=f"new requests still go to {state.serving or 'the maintenance page'}",
                remedy=f"look at the service's own log: goaround logs {self._environment}/{slot}",
            )

    def _answers_healthy(self, slot: Slot) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self._settings.slot_ports[slot], timeout=3)
        try:
            connection.request("GET", self._settings.health_path, headers={"Host": "localhost", "Connection": "close"})
            return connection.getresponse().status == 200
        except http.client.HTTPException:
            return False
        finally:
            connection.close()

    def _soon(self, holds: Callable[[], bool], within_seconds: float) -> bool:
        """Whether it comes to hold in time; a proxy that does not answer (yet) means no."""
        deadline = time.monotonic() + within_seconds
        while True:
            with contextlib.suppress(OSError, ValueError):
                if holds():
                    return True
            if time.monotonic() >= deadline:
                return False
            self._wait(POLL_SECONDS)

    # --- its files ----------------------------------------------------------------------------------

    @property
    def _token(self) -> str:
        s = self._settings
        facts = (s.listen, sorted(s.slot_ports.items()), s.health_path, s.hold_limit_seconds)
        return f"haproxy {hashlib.sha256(repr(facts).encode()).hexdigest()[:16]}"

    def _spec(self) -> ProcessSpec:
        return ProcessSpec(
            token=self._token,
            argv=(preflight.binary(), "-db", "-f", "haproxy.cfg"),
            cwd=self._folder,
            env={"PATH": os.defpath},
            stop_grace_seconds=5.0,
            log_max_bytes=32_000_000,
            log_files=16,
            heartbeat_url=self._settings.heartbeat_url,
        )

    def _write_files(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        for name, text in self._settings.files().items():
            self._write(name, text)
        if not (self._folder / "told.map").exists():
            told = Told()
            with contextlib.suppress(OSError, ValueError):  # lost, perhaps, under a proxy that still knows
                told, _ = self._admin.state()
            self._write("told.map", told.as_map())

    def _write(self, name: str, text: str) -> None:
        try:
            durable.write(str(self._folder / name), text.encode())
        except OSError as error:
            raise Unavailable(
                f"cannot write {self._folder / name}: {error.strerror}",
                state=f"the front door of {self._environment} goes on as it is",
                remedy="make room or correct the permissions of the folder and try again",
            ) from error


def _unprivileged() -> str | None:
    """Whom HAProxy should become when started as root: the user that its package brings."""
    if os.geteuid() != 0:
        return None
    with contextlib.suppress(KeyError):
        return pwd.getpwnam("haproxy").pw_name
    return None
