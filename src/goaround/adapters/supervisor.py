"""The process that keeps one service running: restarts it with back-off, keeps its log, ends it on SIGTERM.

Run as ``supervisor FOLDER NAME`` with an order as JSON on standard input: token, argv, cwd, env, secrets,
stop_grace_seconds, log_max_bytes, log_files, heartbeat_url. The order exists in memory only. It detaches, and says
``started`` or what is wrong on standard output as soon as the process has been started for the first time.

In the folder: ``lock``, held by this process and inherited by the service, so that what was left behind can be
found; ``record.json``, replaced whenever something changes; ``log.NNNNNN``; ``supervisor.err``, normally empty.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import sys
import time
from collections.abc import Sequence
from typing import Any

from goaround.outliving import children, durable, processid
from goaround.outliving.heartbeat import Heartbeat
from goaround.outliving.redaction import Redactor
from goaround.outliving.rotatedlog import RotatedLog

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0
STEADY_AFTER_SECONDS = 30.0
_PIPE_BYTES = 1 << 20


def main(arguments: Sequence[str]) -> None:
    """Detach, and supervise until asked to stop."""
    folder, name = arguments
    order: dict[str, Any] = json.load(sys.stdin)
    told, telling = os.pipe()
    if os.fork():
        os.close(telling)
        with open(told, "rb") as answer:  # noqa: PTH123 (pathlib is slow to import)
            said = answer.read()
        sys.stdout.buffer.write(said)
        sys.exit(0 if said == b"started" else 1)
    os.close(told)
    _detach(folder)
    Supervisor(folder, name, order).run(telling)


def _detach(folder: str) -> None:
    os.chdir("/")
    problems = os.open(f"{folder}/supervisor.err", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for fd, target in ((nothing, 0), (problems, 1), (problems, 2)):
        os.dup2(fd, target)


def next_pause(pause_seconds: float, lived_seconds: float) -> float:
    """How long to wait before the next start, after the last pause and a life of so many seconds."""
    if pause_seconds <= 0 or lived_seconds >= STEADY_AFTER_SECONDS:
        return FIRST_PAUSE_SECONDS
    return min(pause_seconds * 2, LONGEST_PAUSE_SECONDS)


class Supervisor:
    """One service and what is known of it."""

    def __init__(self, folder: str, name: str, order: dict[str, Any]) -> None:
        self._folder = folder
        self._name = name
        self._order = order
        self._main: int | None = None
        self._ended_fd = -1
        self._born_at = self._start_at = self._kill_at = 0.0
        self._pause_seconds = 0.0
        self._stopping = False
        self._recorded = False
        self._record: dict[str, object] = {
            "token": order["token"],
            "stop_grace_seconds": order["stop_grace_seconds"],
            "supervisor": processid.myself()._asdict(),
            "service": None,
            "deaths": 0,
            "last_exit": None,
            "started_at": time.time(),
            "stopped": False,
        }

    def run(self, telling: int) -> None:
        """Start the service for the first time, say how that went, and then keep it running until SIGTERM."""
        try:
            self._prepare()
            self._start()
            durable.write_json(f"{self._folder}/record.json", self._record, synced=False)
        except (OSError, children.CannotStart) as error:
            os.write(telling, str(error).encode("utf-8", "replace"))
            children.end_all()
            return
        os.write(telling, b"started")
        os.close(telling)
        while not (self._stopping and self._main is None):
            self._turn()
        self._change(stopped=True)
        self._take_output()
        self._log.write(self._redactor.finish())
        self._log.say(f"{self._name} was stopped")

    def _prepare(self) -> None:
        self._hold_folder()
        children.adopt_orphans()
        self._log = RotatedLog(self._folder, self._order["log_max_bytes"], self._order["log_files"])
        self._redactor = Redactor(self._order["secrets"])
        # One pipe for all lives of the service; kept open here, so it never ends.
        self._reading, self._writing = os.pipe()
        with contextlib.suppress(OSError):  # a smaller pipe only means that it may have to wait for us sooner
            fcntl.fcntl(self._writing, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        os.set_blocking(self._reading, False)
        self._poll = select.poll()
        self._poll.register(self._reading, select.POLLIN)
        self._listen()
        url = self._order["heartbeat_url"]
        self._heartbeat = Heartbeat(url, self._poll) if url else None

    def _hold_folder(self) -> None:
        self._lock = os.open(f"{self._folder}/lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OSError("another supervisor, or what one left behind, is still alive") from None
        os.set_inheritable(self._lock, True)

    def _listen(self) -> None:
        def stop(_number: int, _frame: object) -> None:
            self._stopping = True

        waking, waker = os.pipe()
        for fd in (waking, waker):
            os.set_blocking(fd, False)
        signal.set_wakeup_fd(waker)
        signal.signal(signal.SIGTERM, stop)
        self._poll.register(waking, select.POLLIN)
        self._waking = waking

    def _turn(self) -> None:
        now = time.monotonic()
        if self._stopping:
            self._stop(now)
        elif self._main is None and now >= self._start_at:
            self._start_again()
        if not self._recorded:
            self._change()
        if self._heartbeat is not None:
            self._heartbeat.step(now)
        ready = dict(self._poll.poll(self._patience(now) * 1000 + 1))
        self._take_output()
        if self._waking in ready:
            os.read(self._waking, 4096)
        if self._heartbeat is not None:
            self._heartbeat.answer(ready)
        if self._main is not None:
            children.reap_others(self._main)
            if self._ended_fd in ready:
                self._bury()

    def _patience(self, now: float) -> float:
        """How long nothing needs to be done unless something happens."""
        due = [now + 1.0]
        if self._stopping:
            due.append(self._kill_at)
        elif self._main is None:
            due.append(self._start_at)
        if self._heartbeat is not None:
            due.append(self._heartbeat.due_at)
        return max(0.0, min(due) - now)

    def _start(self) -> None:
        order = self._order
        self._born_at = time.monotonic()
        self._main = children.spawn(order["argv"], order["cwd"], order["env"], self._writing)
        self._ended_fd = os.pidfd_open(self._main)
        self._poll.register(self._ended_fd, select.POLLIN)
        found = processid.identity(self._main)
        self._record["service"] = None if found is None else found._asdict()

    def _start_again(self) -> None:
        try:
            self._start()
        except (OSError, children.CannotStart) as error:
            self._log.say(str(error))
            self._count_death(127)
        self._change()

    def _bury(self) -> None:
        """The service ended: end what it left behind, which may still have its port, before anything else."""
        assert self._main is not None
        _, status = os.waitpid(self._main, 0)
        children.end_all()
        self._poll.unregister(self._ended_fd)
        os.close(self._ended_fd)
        self._main, self._ended_fd, self._record["service"] = None, -1, None
        self._take_output()
        if self._stopping:
            self._change(last_exit=children.exit_code(status))
        else:
            self._count_death(children.exit_code(status))

    def _count_death(self, code: int) -> None:
        now = time.monotonic()
        lived = now - self._born_at
        self._pause_seconds = next_pause(self._pause_seconds, lived)
        self._start_at = now + self._pause_seconds
        self._log.say(f"{self._name} died with {code} after {lived:.1f} s; next start in {self._pause_seconds:g} s")
        self._change(deaths=int(str(self._record["deaths"])) + 1, last_exit=code)

    def _stop(self, now: float) -> None:
        if self._main is None:
            return
        if not self._kill_at:
            self._kill_at = now + self._order["stop_grace_seconds"]
            os.kill(self._main, signal.SIGTERM)  # not reaped yet, so it cannot be anybody else
        elif now >= self._kill_at:
            children.end_group(self._main)
            self._kill_at = now + 1.0

    def _take_output(self) -> None:
        for _ in range(32):  # at most 2 MiB before anything else gets its turn
            try:
                chunk = os.read(self._reading, 65536)
            except BlockingIOError:
                return
            self._log.write(self._redactor.feed(chunk))

    def _change(self, **facts: object) -> None:
        """Record; if the disk does not take it now, the next turn tries again."""
        self._record.update(facts)
        try:
            durable.write_json(f"{self._folder}/record.json", self._record, synced=False)
        except OSError:
            self._recorded = False
        else:
            self._recorded = True
