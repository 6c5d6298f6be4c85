"""Services that outlive the controller, each under a supervisor of its own (see ``supervisor.py``)."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from goaround.domain.errors import Refused, Unavailable
from goaround.outliving import children, durable, processid, rotatedlog
from goaround.outliving.processid import Identity
from goaround.ports import ProcessSpec, ProcessState

_START_SECONDS = 30.0
_KILL_SECONDS = 10.0
_ROUNDS = 200


class SupervisedProcesses:
    """``ports.Runtime`` with one folder per name under ``folder``; ``tick(seconds)`` is how it waits."""

    def __init__(self, folder: Path, tick: Callable[[float], None]) -> None:
        self._folder = folder
        self._tick = tick

    def start(self, name: str, spec: ProcessSpec) -> ProcessState:
        """See the port. What a supervisor that was killed left behind is ended first: never two on one port."""
        state = self.state(name)
        if state is not None:
            if state.token == spec.token:
                return state
            raise Refused(
                f"{name} cannot start {spec.token} because {state.token} runs under this name",
                state=f"{state.token} was left alone",
                remedy="stop it first",
            )
        try:
            self._end_remains(name)
            self._launch(name, spec)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise _not_started(name, str(error)) from error
        state = self.state(name)
        if state is None:
            raise _not_started(name, "its supervisor ended at once")
        return state

    def state(self, name: str) -> ProcessState | None:
        """See the port."""
        record = durable.read_json(str(self._at(name) / "record.json"))
        supervisor = _identity(record and record.get("supervisor"))
        if record is None or supervisor is None or record.get("stopped") or not processid.alive(supervisor):
            return None
        service = _identity(record["service"])
        running = service is not None and processid.alive(service)
        last_exit: Any = record["last_exit"]
        return ProcessState(
            token=str(record["token"]),
            running=running,
            pid=service.pid if service is not None and running else None,
            supervisor_pid=supervisor.pid,
            deaths=int(str(record["deaths"])),
            last_exit=last_exit,
            started_at=datetime.fromtimestamp(float(str(record["started_at"])), UTC),
        )

    def stop(self, name: str) -> None:
        """See the port. Raises ``Unavailable`` if something of it cannot be ended."""
        record = durable.read_json(str(self._at(name) / "record.json"))
        supervisor = _identity(record and record.get("supervisor"))
        if record is not None and supervisor is not None:
            processid.send(supervisor, signal.SIGTERM)
            self._wait_for(supervisor, float(str(record["stop_grace_seconds"])) + _KILL_SECONDS)
        self._end_remains(name)

    def log(self, name: str, lines: int = 100) -> str:
        """The last lines of its output, earlier lives included, and of what the supervisor has to say of it."""
        return rotatedlog.tail(str(self._at(name)), lines)

    def log_path(self, name: str) -> Path:
        """What the paths of its log files begin with; ``.NNNNNN`` follows, rising."""
        return self._at(name) / "log"

    def _launch(self, name: str, spec: ProcessSpec) -> None:
        folder = self._at(name)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        order = {
            "token": spec.token,
            "argv": spec.argv,
            "cwd": str(spec.cwd),
            "env": dict(spec.env),
            "secrets": spec.secrets,
            "stop_grace_seconds": spec.stop_grace_seconds,
            "log_max_bytes": spec.log_max_bytes,
            "log_files": spec.log_files,
            "heartbeat_url": spec.heartbeat_url,
        }
        done = subprocess.run(
            children.script("goaround.adapters.supervisor", str(folder), name),
            input=json.dumps(order).encode(),
            capture_output=True,
            cwd="/",
            env={},
            start_new_session=True,
            timeout=_START_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            said = (done.stdout or done.stderr).decode("utf-8", "replace").strip()
            raise _not_started(name, said.rpartition("\n")[2] or "its supervisor ended at once")

    def _wait_for(self, process: Identity, seconds: float) -> None:
        """Until it is gone, so many seconds at most."""
        waited, pause = 0.0, 0.01
        while processid.alive(process) and waited < seconds:
            self._tick(pause)
            waited += pause
            pause = min(pause * 1.5, 0.1)

    def _end_remains(self, name: str) -> None:
        """End all that holds the folder's lock or belongs to the recorded group: nothing, if all went well."""
        # Each round may uncover children of what was ended in the one before.
        for _ in range(_ROUNDS):
            remains = set(self._remains(name))
            if not remains:
                return
            for process in remains:
                with contextlib.suppress(PermissionError):  # said below if it does not end by itself
                    processid.send(process, signal.SIGKILL)
            self._tick(0.05)
        raise Unavailable(
            f"{name} left process {next(iter(remains)).pid} behind, which cannot be ended",
            state="it may still hold its port, so nothing was started",
            remedy="find out what it waits for (ps -o pid,stat,wchan,args), end it, and try again",
        )

    def _remains(self, name: str) -> Iterator[Identity]:
        yield from processid.lock_holders(str(self._at(name) / "lock"))
        record = durable.read_json(str(self._at(name) / "record.json"))
        service = _identity(record and record.get("service"))
        if service is None or service.boot != processid.boot_id():
            return
        leader = processid.stat(service.pid)
        if leader is not None and leader.start != service.start:
            return  # the number has come to mean another process and its group
        for pid in processid.pids():
            found = processid.stat(pid)
            if found is not None and found.group == service.pid and found.start >= service.start:
                who = processid.identity(pid)
                if who is not None:
                    yield who

    def _at(self, name: str) -> Path:
        return self._folder / (quote(name, safe="") + ".run")


def _identity(value: object) -> Identity | None:
    match value:
        case {"pid": int(pid), "start": int(start), "boot": str(boot)}:
            return Identity(pid, start, boot)
    return None


def _not_started(name: str, reason: str) -> Unavailable:
    return Unavailable(
        f"{name} could not be started: {reason}",
        state="nothing runs under this name",
        remedy="correct the command, its folder or the disk, then try again",
    )
