"""Commands that outlive the controller that started them, each in one complete run at most.

One folder per key. A run's own lock is inherited by its shim and its command, so an unlocked folder proves that
nothing of the run is alive; together with the files that the shim leaves (see ``shim.py``) this tells *never
started*, *ended so* and *cut off, nobody knows* apart. The caller holds the environment, so nobody else starts it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

from goaround.domain.errors import Unavailable
from goaround.outliving import children, durable, processid
from goaround.outliving.output import GrowingOutput
from goaround.ports import Command, Ended

_LONGEST_NAME = 200
_KILL_AFTER_SECONDS = 10.0
"""How long after its time-out a command may live on when its shim was killed; a living shim needs five."""
_SHIM_ENDS_WITHIN_SECONDS = 8.0
_KILLED_WITHIN_SECONDS = 3.0


class ShimCommands:
    """``ports.Commands`` with one folder per key under ``folder``.

    ``tick(seconds)`` is how it waits; whatever that raises goes through, and the command runs on under its shim.
    ``inherited_fds()`` are the locks that must stay held while anything of a command lives.
    Output comes by the line (a longer one in pieces of 8 KiB), so the offsets are the same whenever it is read.
    """

    def __init__(
        self, folder: Path, tick: Callable[[float], None], inherited_fds: Callable[[], tuple[int, ...]] = tuple
    ) -> None:
        self._folder = folder
        self._tick = tick
        self._inherited_fds = inherited_fds

    def run(self, command: Command, on_output: Callable[[int, str], None]) -> Ended:
        """See the port. Raises ``Unavailable`` if the command could not be started; then it was not."""
        run = _Run(self._folder / _name(command.key), self._tick)
        run.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with run.locked(on_output) as lock:
            if not run.started:
                self._start(run, command, lock)
        # Letting go of this side of the lock has left it to the shim: had again, the command is over.
        with run.locked(on_output):
            if not run.started:
                raise _not_started(command.key, run)
        run.output.show(on_output, complete=True)
        return run.ended()

    def ended(self, key: str, on_output: Callable[[int, str], None] = lambda _offset, _text: None) -> Ended | None:
        """See the port. Waits for the command should it be running."""
        run = _Run(self._folder / _name(key), self._tick)
        if not run.folder.is_dir():
            return None
        with run.locked(on_output):
            if not run.started:
                return None
            run.output.show(on_output, complete=True)
            return run.ended()

    def end(self, key: str) -> None:
        """See the port. Does not tick, so that it cannot be broken off; takes some ten seconds at most.

        Raises ``Unavailable`` if something of the command cannot be ended.
        """
        run = _Run(self._folder / _name(key), self._tick)
        if run.folder.is_dir() and not run.end():
            raise Unavailable(
                f"the command {key} could not be ended",
                state="it may still be having effects, and it keeps the environment locked",
                remedy=f"look at what holds {run.folder / 'lock'} with: fuser -v; end that, then run: goaround resume",
            )

    def _start(self, run: _Run, command: Command, lock: int) -> None:
        # The key is the only thing of it that others may read in the process table.
        argv = children.script("goaround.adapters.shim", str(run.folder), command.key)
        order = {
            "argv": command.argv,
            "cwd": str(command.cwd),
            "timeout_seconds": command.timeout_seconds,
            "env": dict(command.env),
            "secrets": command.secrets,
        }
        try:
            durable.write_json(str(run.folder / "spec.json"), _for_the_eye(command), synced=False)
            with (run.folder / "shim.err").open("wb") as problems:
                shim = subprocess.Popen(
                    argv,
                    stdin=subprocess.PIPE,
                    stdout=problems,
                    stderr=problems,
                    cwd="/",
                    env={},
                    start_new_session=True,
                    pass_fds=(lock, *self._inherited_fds()),
                )
        except OSError as error:
            raise _not_started(command.key, run, str(error)) from error
        run.shim = shim
        assert shim.stdin is not None
        with contextlib.suppress(BrokenPipeError), shim.stdin as pipe:  # a shim that died at once is seen later
            pipe.write(json.dumps(order).encode())


class _Run:
    """The folder of one key."""

    def __init__(self, folder: Path, tick: Callable[[float], None]) -> None:
        self.folder = folder
        self.output = GrowingOutput(folder / "output")
        self.shim: subprocess.Popen[bytes] | None = None
        self._tick = tick

    @property
    def started(self) -> bool:
        return (self.folder / "shim.json").exists()

    @contextlib.contextmanager
    def locked(self, on_output: Callable[[int, str], None]) -> Iterator[int]:
        """The run's lock, which is to be had once nothing of the run lives; shows output while waiting."""
        lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            self._wait_for(lock, on_output)
            yield lock
        finally:
            os.close(lock)  # never LOCK_UN, which would take it from the shim as well

    def _wait_for(self, lock: int, on_output: Callable[[int, str], None]) -> None:
        pause = 0.005
        try:
            while not _had(lock):
                self._tick(pause)
                self.output.show(on_output)
                self._end_if_overdue()
                pause = min(pause * 1.5, 0.1)
        except BaseException:
            if self.shim is not None:
                self.shim.returncode = 0  # it goes on by design when waiting is broken off: no warning about that
            raise
        if self.shim is not None:
            self.shim.wait()

    def end(self) -> bool:
        """SIGTERM to the shim, which ends the command in order and records that; what is left gets SIGKILL."""
        shim = self._living_shim()
        if shim is not None and processid.send(shim, signal.SIGTERM):
            processid.ended_within(shim, _SHIM_ENDS_WITHIN_SECONDS)
        until = time.monotonic() + _KILLED_WITHIN_SECONDS
        while alive := self._alive():  # again and again, as what is ended may just have started another
            for who in alive:
                processid.send(who, signal.SIGKILL)
            if time.monotonic() > until:
                return False
            processid.ended_within(alive[0], 0.1)
        return True

    def _alive(self) -> list[processid.Identity]:
        """Whatever holds the run's lock is the run's."""
        return [who for who in processid.lock_holders(str(self.folder / "lock")) if who.pid != os.getpid()]

    def _living_shim(self) -> processid.Identity | None:
        record = durable.read_json(str(self.folder / "shim.json"))
        who = None if record is None else _identity(record)
        return who if who is not None and processid.alive(who) else None

    def _end_if_overdue(self) -> None:
        """A living shim ends its command in time. If the shim was killed, what it left behind is ended here."""
        spec = durable.read_json(str(self.folder / "spec.json"))
        shim = durable.read_json(str(self.folder / "shim.json"))
        if spec is None or shim is None or self._living_shim() is not None:
            return
        if time.time() < _number(shim["at"]) + _number(spec["timeout_seconds"]) + _KILL_AFTER_SECONDS:
            return
        for left in self._alive():
            processid.send(left, signal.SIGKILL)

    def ended(self) -> Ended:
        exited = durable.read_json(str(self.folder / "exit.json"))
        if exited is None:
            return Ended(exit_code=None, timed_out=False, seconds=self._last_sign_seconds(), output=self.output.tail())
        return Ended(
            exit_code=int(_number(exited["exit_code"])),
            timed_out=bool(exited["timed_out"]),
            seconds=_number(exited["seconds"]),
            output=self.output.tail(),
        )

    def _last_sign_seconds(self) -> float:
        """How long it certainly ran: from the start until it last printed something."""
        try:
            seconds = (self.folder / "output").stat().st_mtime - (self.folder / "shim.json").stat().st_mtime
        except OSError:
            return 0.0
        return round(max(0.0, seconds), 3)


def _had(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _name(key: str) -> str:
    """A folder name for the key, another one for every key."""
    name = quote(key, safe="")
    if len(name) > _LONGEST_NAME:
        name = name[: _LONGEST_NAME - 65] + "-" + hashlib.sha256(key.encode()).hexdigest()
    return name + ".run"


def _for_the_eye(command: Command) -> dict[str, object]:
    """What may be on disk of a command: no value of a variable, no secret."""
    argv = list(command.argv)
    for secret in filter(None, command.secrets):
        argv = [word.replace(secret, "***") for word in argv]
    return {
        "key": command.key,
        "argv": argv,
        "cwd": str(command.cwd),
        "timeout_seconds": command.timeout_seconds,
        "env_names": sorted(command.env),
    }


def _identity(record: dict[str, object]) -> processid.Identity:
    return processid.Identity(int(_number(record["pid"])), int(_number(record["start"])), str(record["boot"]))


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _not_started(key: str, run: _Run, reason: str = "") -> Unavailable:
    with contextlib.suppress(OSError):
        reason = reason or (run.folder / "shim.err").read_text("utf-8", "replace").strip().rpartition("\n")[2]
    return Unavailable(
        f"the command {key} could not be started: {reason or 'its shim ended at once'}",
        state="nothing of it was run",
        remedy="correct the cause (disk full, no permission, too many processes) and go on with: goaround resume",
    )
