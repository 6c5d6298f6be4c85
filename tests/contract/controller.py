"""A controller to be killed: holds an environment, runs one command under it, and says how that ended.

    python controller.py FOLDER ENVIRONMENT KEY TIMEOUT ARGV...

Prints ``held``, then ``ended CODE``. Without ARGV it holds until it is killed.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from goaround.adapters.commands import ShimCommands
from goaround.adapters.filelocks import FileLocks
from goaround.ports import Command


def main(folder: Path, environment: str, key: str, timeout: str, *argv: str) -> None:
    def tick(seconds: float) -> None:
        time.sleep(seconds)
        locks.beat()

    locks = FileLocks(folder / "locks", tick)
    commands = ShimCommands(folder / "runs", tick, locks.inherited_fds)
    with locks.hold(environment, "controller of v1.0.0"):
        print("held", flush=True)
        while not argv:
            tick(0.1)
        command = Command(key, argv, folder, {"PATH": "/usr/bin:/bin"}, float(timeout), ("hunter2",))
        ended = commands.run(command, lambda _offset, _text: None)
        print("ended", ended.exit_code, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
