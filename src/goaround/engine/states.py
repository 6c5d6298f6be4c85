"""All releases of the service, folded from the journal and kept up to date by reading only what is new."""

from __future__ import annotations

from goaround.domain.journal import State, evolve
from goaround.ports import Journal


class States:
    """``of`` and ``all`` give the states as of the last ``refresh``; ``seq`` is the last event they know."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._states: dict[str, State] = {}
        self.head: tuple[int, str] = (0, "")
        """Number and digest of the last event they know; the digest chains it to all before it."""

    def refresh(self) -> States:
        for record in self._journal.read(self.seq):
            self._states[record.release] = evolve(self._states.get(record.release), record)
            self.head = record.seq, record.digest
        return self

    @property
    def seq(self) -> int:
        return self.head[0]

    def of(self, release: str) -> State | None:
        return self._states.get(release)

    def all(self) -> dict[str, State]:
        """Release → state, in the order in which the releases were opened."""
        return self._states
