"""Locks that live in memory; who else holds what is scripted."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime

from goaround.domain.errors import Locked
from goaround.ports import Holder

_STARTED = datetime(2026, 1, 1, tzinfo=UTC)


class FakeLocks:
    """``ports.Locks``. ``others`` holds what somebody else holds, ``hung`` the environments whose holder is silent.

    ``held`` says which environments are held through this object now, ``beats`` how often it gave a sign of life.
    """

    def __init__(self) -> None:
        self.others: dict[str, Holder] = {}
        self.hung: set[str] = set()
        self.held: dict[str, str] = {}
        self.beats = 0

    @contextlib.contextmanager
    def hold(self, environment: str, what: str) -> Iterator[None]:
        if environment in self.others:
            raise Locked(
                f"{environment} is held by {self.others[environment].what}",
                state="nothing was changed",
                remedy="wait for it",
            )
        outermost = environment not in self.held
        self.held.setdefault(environment, what)
        try:
            yield
        finally:
            if outermost:
                del self.held[environment]

    def holder(self, environment: str) -> Holder | None:
        if environment in self.held:
            return Holder(1, self.held[environment], _STARTED)
        return self.others.get(environment)

    def take_over(self, environment: str, hung_after_seconds: float) -> bool:
        del hung_after_seconds
        if environment not in self.hung:
            return False
        self.hung.discard(environment)
        return self.others.pop(environment, None) is not None

    def beat(self) -> None:
        self.beats += 1
