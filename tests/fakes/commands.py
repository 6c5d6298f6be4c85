"""Commands that are not run; how they end is scripted."""

from __future__ import annotations

import json
from collections.abc import Callable
from fnmatch import fnmatchcase

from goaround.ports import Command, Ended

OK = Ended(exit_code=0, timed_out=False, seconds=0.1, output="")


class FakeCommands:
    """``ports.Commands``. ``script`` maps patterns of keys to how such commands end, an error to be raised instead,
    or a function that decides (and may have effects); the first that matches counts, and without one all is well.

    ``ran`` holds every command that was started, in order: the list to assert on. A key is started once at most.
    """

    def __init__(self, script: dict[str, Ended | Exception | Callable[[Command], Ended]] | None = None) -> None:
        self.script = script or {}
        self.ran: list[Command] = []
        self.asked_to_end: list[str] = []
        self._ended: dict[str, Ended] = {}

    @property
    def keys(self) -> list[str]:
        """The keys of what was started, in order."""
        return [command.key for command in self.ran]

    def run(self, command: Command, on_output: Callable[[int, str], None]) -> Ended:
        if command.key not in self._ended:
            planned = next((end for pattern, end in self.script.items() if fnmatchcase(command.key, pattern)), OK)
            if isinstance(planned, Exception):
                raise planned
            self.ran.append(command)
            # Recorded before it takes effect: a function that raises was cut off, and nobody knows.
            self._ended[command.key] = Ended(exit_code=None, timed_out=False, seconds=0.0, output="")
            self._ended[command.key] = planned(command) if callable(planned) else planned
        self._show(command.key, on_output)
        return self._ended[command.key]

    def ended(self, key: str, on_output: Callable[[int, str], None] = lambda _offset, _text: None) -> Ended | None:
        if key in self._ended:
            self._show(key, on_output)
        return self._ended.get(key)

    def _show(self, key: str, on_output: Callable[[int, str], None]) -> None:
        at = 0
        for line in self._ended[key].output.splitlines(keepends=True):
            on_output(at, line)
            at += len(line.encode())

    def end(self, key: str) -> None:
        self.asked_to_end.append(key)


def echo(command: Command) -> Ended:
    """For a script: what ``python -c 'print(...)'`` of a literal would print, for tests that also run for real."""
    text = command.argv[-1].removeprefix("print(").removesuffix(")")
    return Ended(exit_code=0, timed_out=False, seconds=0.1, output=f"{json.loads(text)}\n")
