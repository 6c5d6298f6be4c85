"""One controller per environment, by a flock that its commands inherit.

Beside ``<environment>.lock`` a record says which controller holds it, and the age of a beat file how long ago that
gave a sign of life. The lock is the truth, the record only names it: a lock without a living controller belongs to
commands of a dead one, and these are waited for.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from goaround.domain.errors import Locked, Unavailable
from goaround.outliving import durable, processid
from goaround.outliving.processid import Identity
from goaround.ports import Holder

SHIM = "goaround.adapters.shim"
_CONFIRM_SECONDS = 1.2
"""A beat comes every second, so one that does not change for longer than this really is missing."""
_UNSEEN_SECONDS = 5.0
_SAY_AFTER_SECONDS = 0.5
_SAY_EVERY_SECONDS = 10.0


@dataclass(slots=True)
class _Held:
    lock: int
    depth: int = 1


@dataclass(frozen=True, slots=True)
class _Record:
    who: Identity
    what: str
    silent_seconds: float


class FileLocks:
    """``ports.Locks`` in a folder of one machine.

    ``tick(seconds)`` is how it waits, ``on_wait(sentence)`` hears what for. Processes that a command left behind
    when its shim was killed have nobody who enforces a time-out; they get ``orphan_seconds`` and are then ended.
    """

    def __init__(
        self,
        folder: Path,
        tick: Callable[[float], None],
        on_wait: Callable[[str], None] = lambda _sentence: None,
        orphan_seconds: float = 30.0,
    ) -> None:
        self._folder = folder
        self._tick = tick
        self._on_wait = on_wait
        self._orphan_seconds = orphan_seconds
        self._held: dict[str, _Held] = {}

    @contextlib.contextmanager
    def hold(self, environment: str, what: str) -> Iterator[None]:
        """See the port. Holding again what this object holds already is fine."""
        held = self._held.get(environment)
        if held is not None:
            held.depth += 1
        else:
            held = self._held[environment] = _Held(self._acquire(environment))
            self._sign(environment, what)
        try:
            yield
        finally:
            held.depth -= 1
            if held.depth == 0:
                self._let_go(environment, held)

    def holder(self, environment: str) -> Holder | None:
        """See the port. Raises nothing: a holder that cannot be seen has the pid 0."""
        with self._open(environment) as lock:
            if _had(lock, fcntl.LOCK_SH):
                return None
        if (record := self._record(environment)) is not None:
            alive_at = datetime.now(UTC) - timedelta(seconds=record.silent_seconds)
            return Holder(record.who.pid, record.what, alive_at)
        runs = self._left_behind(environment)
        shims = [(who, what) for who, what in runs if what.startswith("command ")]
        who, what = (shims or runs or [(Identity(0, 0, ""), "a process that cannot be seen")])[0]
        return Holder(who.pid, what, datetime.now(UTC))

    def take_over(self, environment: str, hung_after_seconds: float) -> bool:
        """See the port. Commands of the ended controller run on; ``hold`` waits for them."""
        record = self._record(environment)
        if record is None or record.silent_seconds < hung_after_seconds or record.who == processid.myself():
            return False
        with self._open(environment) as lock:
            if _had(lock, fcntl.LOCK_SH):
                return False
        self._tick(_CONFIRM_SECONDS)  # it may just have been woken up, as the whole machine may
        again = self._record(environment)
        if again is None or again.who != record.who or again.silent_seconds < hung_after_seconds:
            return False
        return _end(record)

    def beat(self) -> None:
        """See the port."""
        for environment in self._held:
            # Seconds since boot instead of the time of day: setting the clock must not make anyone look hung.
            now = time.monotonic_ns()
            with contextlib.suppress(FileNotFoundError):
                os.utime(self._path(environment, "beat"), ns=(now, now))

    def inherited_fds(self) -> tuple[int, ...]:
        """The locks held now, for commands to inherit."""
        return tuple(held.lock for held in self._held.values())

    def _acquire(self, environment: str) -> int:
        began, say_at = time.monotonic(), _SAY_AFTER_SECONDS
        while True:
            with self._open(environment) as lock:
                if _had(lock, fcntl.LOCK_EX):
                    return os.dup(lock)  # the same lock; the one that is closed here does not let go of it
            if (record := self._record(environment)) is not None:
                raise _locked(environment, record)
            waited = time.monotonic() - began
            runs = self._left_behind(environment)
            if not runs and waited > _UNSEEN_SECONDS:
                raise _unseen(environment, self._path(environment, "lock"))
            if runs and waited >= say_at:
                say_at = waited + _SAY_EVERY_SECONDS
                self._on_wait(f"{environment}: waiting for {', '.join(what for _, what in runs)} of a dead controller")
            if waited > self._orphan_seconds and not any(what.startswith("command ") for _, what in runs):
                for who, _ in runs:
                    processid.send(who, signal.SIGKILL)
            self._tick(0.05)

    def _sign(self, environment: str, what: str) -> None:
        try:
            self._path(environment, "beat").touch(mode=0o600)
            self.beat()
            record = {**processid.myself()._asdict(), "what": what}
            durable.write_json(str(self._path(environment, "json")), record, synced=False)
        except OSError as error:
            self._let_go(environment, self._held[environment])
            raise Unavailable(
                f"the lock of {environment} could not be signed: {error}",
                state="nothing was changed",
                remedy=f"make room or set the permissions of {self._folder}, then try again",
            ) from error

    def _let_go(self, environment: str, held: _Held) -> None:
        del self._held[environment]
        with contextlib.suppress(OSError):  # without the lock the record says nothing, so it may stay
            self._path(environment, "json").unlink()
        os.close(held.lock)  # never LOCK_UN: a command that still runs keeps holding it

    def _record(self, environment: str) -> _Record | None:
        """The controller that signed for the environment, if it is alive."""
        found = durable.read_json(str(self._path(environment, "json")))
        try:
            assert found is not None
            who = Identity(int(str(found["pid"])), int(str(found["start"])), str(found["boot"]))
            beat = self._path(environment, "beat").stat().st_mtime_ns
        except (AssertionError, KeyError, ValueError, FileNotFoundError):
            return None
        silent_seconds = max(0.0, (time.monotonic_ns() - beat) / 1e9)
        return _Record(who, str(found.get("what", "")), silent_seconds) if processid.alive(who) else None

    def _left_behind(self, environment: str) -> list[tuple[Identity, str]]:
        """What holds the lock apart from a controller: shims, as ``command <key>``, and commands."""
        holders = processid.lock_holders(str(self._path(environment, "lock")))
        return [(who, _in_words(who.pid)) for who in holders if who != processid.myself()]

    @contextlib.contextmanager
    def _open(self, environment: str) -> Iterator[int]:
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = os.open(self._path(environment, "lock"), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise Unavailable(
                f"the lock of {environment} cannot be opened: {error}",
                state="nothing was changed",
                remedy=f"make room or set the permissions of {self._folder}, then try again",
            ) from error
        try:
            yield lock
        finally:
            os.close(lock)

    def _path(self, environment: str, suffix: str) -> Path:
        return self._folder / f"{environment}.{suffix}"


def _had(lock: int, kind: int) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _in_words(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")[:-1]
    except OSError:
        words = []
    if SHIM in words:
        return f"command {words[-1]}"
    return f"process {pid} ({Path(words[0]).name if words else 'unknown'}), left behind by a command"


def _end(record: _Record) -> bool:
    try:
        ended = processid.send(record.who, signal.SIGKILL) and processid.ended_within(record.who, 10)
    except PermissionError as error:
        raise Unavailable(
            f"{record.what} (pid {record.who.pid}) hangs and belongs to another user, so it cannot be ended",
            state="it still holds the environment",
            remedy=f"end it as its user with: kill -9 {record.who.pid}; then run: goaround resume",
        ) from error
    return ended


def _locked(environment: str, record: _Record) -> Locked:
    return Locked(
        f"{environment} is held by {record.what} (pid {record.who.pid}, last sign of life "
        f"{record.silent_seconds:.0f} s ago)",
        state="nothing was changed",
        remedy=f"follow it with: goaround status -w; if it hangs, kill -9 {record.who.pid} and run: goaround resume",
    )


def _unseen(environment: str, path: Path) -> Locked:
    return Locked(
        f"{environment} is held by a process that cannot be seen from here",
        state="nothing was changed",
        remedy=f"as the user of that process or as root, look with: fuser -v {path}",
    )
