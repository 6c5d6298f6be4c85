"""Progress for people: a live tree on a terminal, plain lines elsewhere. Both go to standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING

from goaround.cli.common import say
from goaround.cli.render import MARKS, mark, span
from goaround.domain.journal import State
from goaround.domain.release import Step
from goaround.engine.loop import Moment, Observer

if TYPE_CHECKING:
    from rich.console import RenderableType

SHOWN = {"opened": "▸", "passed": "✓", "failed": "✗", "waiting": "…", "back": "↩", "halted": "‼", "closed": "■"}


def progress() -> AbstractContextManager[Observer]:
    """An observer that shows what happens, for as long as the context lasts."""
    return _live() if sys.stderr.isatty() else _lines()


@contextmanager
def _lines() -> Iterator[Observer]:
    last = ""

    def observe(moment: Moment, state: State, step: Step | None, says: str) -> None:
        nonlocal last
        if moment not in SHOWN:
            return
        where = f"{step.environment}/{step.name}" if step else state.release.id
        line = f"{SHOWN[moment]} {where:<28} {says.partition(chr(10))[0]}"
        if line != last:
            say(f"{datetime.now(UTC):%H:%M:%S} {line}")
        last = line

    yield observe


@contextmanager
def _live() -> Iterator[Observer]:
    from rich.console import Console
    from rich.live import Live

    seen: list[tuple[State, str]] = []

    def picture() -> RenderableType:
        return tree(*seen[-1]) if seen else ""

    def observe(moment: Moment, state: State, step: Step | None, says: str) -> None:  # noqa: ARG001
        seen[:] = [(state, says if moment in ("waiting", "halted", "closed", "back") else "")]

    with Live(console=Console(stderr=True), get_renderable=picture, refresh_per_second=4):
        yield observe


def tree(state: State, says: str) -> RenderableType:
    """The plan as a tree that fits a terminal: what is done is a line a phase, what is under way is told in full."""
    from rich.markup import escape
    from rich.text import Text
    from rich.tree import Tree

    colours = {"passed": "green", "failed": "red", "running": "blue", "open": "dim"}
    root = Tree(Text(f"{state.release.version}  {state.release.subject}", style="bold"))
    for phase, group in groupby(state.all_steps, key=lambda step: step.phase):
        steps = list(group)
        marks = [mark(state, step) for step in steps]
        if set(marks) == {"passed"} and state.closed is None:
            root.add(f"[green]{MARKS['passed']}[/] {phase}  [dim]{len(steps)} steps[/]")
        elif set(marks) == {"open"}:
            if state.back is None:
                root.add(f"[dim]{MARKS['open']} {phase}[/]")
        else:
            branch = root.add(Text(str(phase), style="bold"))
            for step, how in zip(steps, marks, strict=True):
                told = escape(_told(state, step))
                branch.add(f"[{colours[how]}]{MARKS[how]}[/] {step.environment}/{step.name}  {told}")
    if says:
        root.add(Text(says, style="bold yellow"))
    return root


def _told(state: State, step: Step) -> str:
    seen = state.of(step.key)
    if seen.passed:
        return seen.passed.says
    if seen.failed:
        return seen.failed.what.partition("\n")[0]
    if seen.started_at:
        return f"{step.says} ({span((datetime.now(UTC) - seen.started_at).total_seconds())})"
    return step.says
