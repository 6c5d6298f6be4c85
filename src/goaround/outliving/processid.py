"""Which process is meant, beyond its number: pids are reused, so a record holds the start time and the boot as well.

Standard library only, and quick to import: the shim and the supervisor load it within a few milliseconds.
"""

# Pathlib takes as long to import as everything else here together.
# ruff: noqa: PTH115, PTH123, PTH208

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterator
from typing import NamedTuple


class Identity(NamedTuple):
    """One process, never mistaken for a later one with the same number. ``start`` is in clock ticks since boot."""

    pid: int
    start: int
    boot: str


class Stat(NamedTuple):
    """What ``/proc/PID/stat`` says, as far as it is needed here."""

    state: str
    parent: int
    group: int
    start: int


def boot_id() -> str:
    """The kernel's name for the time since it was started; another one after every reboot."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def stat(pid: int) -> Stat | None:
    """The process as the kernel sees it, zombies included; None if there is none."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            content = file.read()
    except OSError:
        return None
    # The second field is the name in brackets, which may itself hold spaces and brackets.
    fields = content[content.rindex(b")") + 2 :].split()
    return Stat(fields[0].decode(), int(fields[1]), int(fields[2]), int(fields[19]))


def identity(pid: int) -> Identity | None:
    """The identity of a process that is running; None for a zombie, which holds nothing and does nothing."""
    found = stat(pid)
    return None if found is None or found.state in "ZXx" else Identity(pid, found.start, boot_id())


def myself() -> Identity:
    """The identity of this process."""
    found = identity(os.getpid())
    assert found is not None, "/proc is not mounted"
    return found


def alive(expected: Identity) -> bool:
    """True if exactly this process is running."""
    return identity(expected.pid) == expected


def open_alive(expected: Identity) -> int | None:
    """A pidfd of exactly this process, to be closed by the caller; None if it is gone."""
    try:
        fd = os.pidfd_open(expected.pid)
    except (OSError, OverflowError, ValueError):
        return None
    # Checked after opening: from here on the number cannot come to mean another process.
    if alive(expected):
        return fd
    os.close(fd)
    return None


def send(expected: Identity, number: int) -> bool:
    """Send a signal to exactly this process; False if it is gone. Raises ``PermissionError``."""
    fd = open_alive(expected)
    if fd is None:
        return False
    try:
        signal.pidfd_send_signal(fd, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(fd)
    return True


def ended_within(expected: Identity, seconds: float) -> bool:
    """True as soon as exactly this process is gone, waiting so long at most."""
    fd = open_alive(expected)
    if fd is None:
        return True
    try:
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        return bool(poll.poll(seconds * 1000))
    finally:
        os.close(fd)


def pids() -> Iterator[int]:
    """The numbers of all processes that can be seen."""
    return (int(name) for name in os.listdir("/proc") if name.isdigit())


def lock_holders(path: str) -> list[Identity]:
    """The processes through which a flock on this file is held, as far as they can be seen.

    A process that merely has the file open, such as one that tries for the lock, is none of them.
    """
    path = os.path.realpath(path)
    return [who for pid in pids() if _holds(pid, path) and (who := identity(pid)) is not None]


def _holds(pid: int, path: str) -> bool:
    try:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            if os.readlink(f"/proc/{pid}/fd/{fd}") == path:
                with open(f"/proc/{pid}/fdinfo/{fd}", encoding="ascii") as info:
                    if "FLOCK" in info.read():
                        return True
    except OSError:  # it ended meanwhile, or belongs to somebody else
        return False
    return False
