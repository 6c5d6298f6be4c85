"""Ports that tests in other processes do not take at the same time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

RANGE = range(10000, 20000)  # below what systems take for outgoing connections and what the database chooses from
BLOCK = 8


@contextmanager
def block_of_ports() -> Iterator[range]:
    """Eight neighbouring ports of which nobody uses any, reserved while this lasts."""
    folder = Path(tempfile.gettempdir()) / "goaround-test-ports"
    folder.mkdir(exist_ok=True)
    starts = list(RANGE[::BLOCK])
    random.shuffle(starts)
    for start in starts:
        with ExitStack() as held:
            ports = range(start, start + BLOCK)
            if _reserved(folder / str(start), held) and all(map(_free, ports)):
                yield ports
                return
    raise AssertionError(f"no {BLOCK} neighbouring ports are free from {RANGE.start} to {RANGE.stop - 1}")


def _reserved(path: Path, held: ExitStack) -> bool:
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    held.callback(os.close, lock)
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _free(port: int) -> bool:
    with socket.socket() as probe, contextlib.suppress(OSError):
        probe.bind(("127.0.0.1", port))
        return True
    return False
