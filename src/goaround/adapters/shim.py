"""The process between a controller and its command: outlives the one, watches the other, and records how it ended.

Run as ``shim FOLDER KEY`` with an order as JSON on standard input: argv, cwd, env, timeout_seconds, secrets.
The order exists in memory only. File descriptors of locks are inherited and passed on to the command, so the
locks stay held while anything of it lives. Files in the folder, in the order in which they appear:

    spec.json   what was asked for, without values of variables (written by the controller)
    shim.json   this process; from here on the command may have been started, and not before
    output      what the command printed, secrets redacted
    exit.json   how it ended; without it nobody knows
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
import time
from collections.abc import Sequence
from typing import Any

from goaround.outliving import children, durable, processid
from goaround.outliving.redaction import Redactor

GRACE_SECONDS = 5.0
OUTPUT_LIMIT_BYTES = 64 * 1024 * 1024


def main(arguments: Sequence[str]) -> None:
    """Run the one command of this folder, from the record of the start to the record of its end."""
    folder, key = arguments
    order: dict[str, Any] = json.load(sys.stdin)  # cut off when the controller died meanwhile: nothing is started
    children.adopt_orphans()
    durable.write_json(f"{folder}/shim.json", {**processid.myself()._asdict(), "key": key, "at": time.time()})
    began = time.monotonic()
    output = Output(f"{folder}/output", Redactor(order["secrets"]))
    code, timed_out = Watch(output).run(order)
    output.close()
    # If this cannot be written, the outcome is unknown, which is the truth.
    seconds = round(time.monotonic() - began, 3)
    durable.write_json(f"{folder}/exit.json", {"exit_code": code, "timed_out": timed_out, "seconds": seconds})


class Output:
    """What the command prints, redacted before it touches the disk. A full disk does not stop the command."""

    def __init__(self, path: str, redactor: Redactor) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._redactor = redactor
        self._room = OUTPUT_LIMIT_BYTES
        self._line_is_open = False

    def take(self, chunk: bytes) -> None:
        self._write(self._redactor.feed(chunk))

    def say(self, line: str) -> None:
        """A line of the shim's own."""
        self._write(self._redactor.finish())
        start = "\n" if self._line_is_open else ""
        self._write(f"{start}goaround: {line}\n".encode("utf-8", "replace"))

    def close(self) -> None:
        self._write(self._redactor.finish())
        with contextlib.suppress(OSError):  # a full disk may cost output, not the record of the end
            os.fsync(self._fd)
        os.close(self._fd)

    def _write(self, content: bytes) -> None:
        if self._room <= 0 or not content:
            return
        self._line_is_open = not content.endswith(b"\n")
        self._room -= len(content)
        if self._room <= 0:
            content = b"\ngoaround: the command printed more than 64 MiB; the rest is dropped\n"
        try:
            durable.write_all(self._fd, content)
        except OSError:
            self._room = 0


class Watch:
    """Follows the command to its end, its time-out or a request to stop."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._asked_to_stop = False
        self._timed_out = False

    def run(self, order: dict[str, Any]) -> tuple[int, bool]:
        """The exit code, and whether the time-out ended it. Nothing of the command lives when this returns."""
        self._listen_for_stop()
        reading, writing = os.pipe()
        try:
            main = children.spawn(order["argv"], order["cwd"], order["env"], writing)
        except children.CannotStart as error:
            self._output.say(str(error))
            return 127, False
        finally:
            os.close(writing)
        os.set_blocking(reading, False)
        self._until_ended(main, reading, time.monotonic() + order["timeout_seconds"])
        _, status = os.waitpid(main, 0)
        children.end_all()
        self._drain(reading)
        if self._timed_out:
            self._output.say(f"timed out after {order['timeout_seconds']:g} s and was ended")
        return children.exit_code(status), self._timed_out

    def _listen_for_stop(self) -> None:
        """SIGTERM (the machine goes down) ends the command in order, and how it ended is still recorded."""

        def stop(_number: int, _frame: object) -> None:
            self._asked_to_stop = True

        signal.signal(signal.SIGTERM, stop)

    def _until_ended(self, main: int, reading: int, deadline: float) -> None:
        ended = os.pidfd_open(main)
        poll = select.poll()
        poll.register(reading, select.POLLIN)
        poll.register(ended, select.POLLIN)
        harder = iter((signal.SIGTERM, signal.SIGKILL))
        next_at = deadline
        while True:
            now = time.monotonic()
            if self._asked_to_stop and next_at == deadline:
                next_at = now
            if now >= next_at:
                self._timed_out = now >= deadline and not self._asked_to_stop
                children.end_group(main, next(harder, signal.SIGKILL))
                next_at = now + GRACE_SECONDS
            ready = dict(poll.poll(min(0.5, next_at - now) * 1000 + 1))
            if reading in ready and not self._drain(reading):
                poll.unregister(reading)  # everybody closed it; the command itself may go on
            if ended in ready:
                return
            children.reap_others(main)

    def _drain(self, reading: int) -> bool:
        """Take what is there now; False when nothing can follow."""
        for _ in range(64):  # at most 4 MiB before the clock is looked at again
            try:
                chunk = os.read(reading, 65536)
            except BlockingIOError:
                return True
            if not chunk:
                return False
            self._output.take(chunk)
        return True
