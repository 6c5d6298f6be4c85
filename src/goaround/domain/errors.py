"""Every error that goaround raises on purpose. Each says what happened, what state things are in, and what to do.

    GoaroundError                     exit code
    ├── UsageError                        2   the call itself makes no sense
    ├── ConfigurationError                3   goaround.toml or a release manifest is wrong; lists every mistake
    ├── Refused                           9   asked for something that the rules do not allow now
    │   └── Stale                         9   the thing asked about has changed in the meantime
    ├── Locked                            8   somebody else holds the environment
    ├── Unavailable                       4   a neighbour (database, proxy, git, disk) does not do what is needed
    │   ├── TimedOut                    124   it did not do it in time
    │   └── UnknownOutcome                4   it may have happened or not; nobody can tell without looking
    └── JournalUnreadable                 7   the journal is damaged or from a newer goaround

Exit codes of outcomes: 0 done · 4 gate failed · 5 awaiting sign-off · 6 rolled back and healthy ·
7 rollback incomplete, a person is needed · 130 detached.
"""

from __future__ import annotations


class GoaroundError(Exception):
    """What happened, what state things are in now, what to do next; three sentences a person can act on."""

    exit_code = 1

    def __init__(self, what: str, *, state: str, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.state = state
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.what}; {self.state}; {self.remedy}"

    def as_json(self) -> dict[str, object]:
        """The error as a JSON object for ``--json``."""
        return {"error": type(self).__name__, "what": self.what, "state": self.state, "remedy": self.remedy}


class UsageError(GoaroundError):
    """The call itself makes no sense."""

    exit_code = 2


class ConfigurationError(GoaroundError):
    """Configuration is wrong. ``mistakes`` holds all of them, each as ``file:line:col: sentence``."""

    exit_code = 3

    def __init__(self, mistakes: tuple[str, ...]) -> None:
        count = len(mistakes)
        super().__init__(
            f"{count} mistake{'s' if count != 1 else ''} in the configuration:\n  " + "\n  ".join(mistakes),
            state="nothing was started",
            remedy="correct them and run: goaround check",
        )
        self.mistakes = mistakes

    def as_json(self) -> dict[str, object]:
        return super().as_json() | {"mistakes": list(self.mistakes)}


class Refused(GoaroundError):
    """The rules do not allow this now."""

    exit_code = 9


class Stale(Refused):
    """What was asked about has changed in the meantime."""


class Locked(GoaroundError):
    """Another process or release holds the environment."""

    exit_code = 8


class Unavailable(GoaroundError):
    """A neighbour does not do what is needed."""

    exit_code = 4


class TimedOut(Unavailable):
    """A neighbour did not do what is needed in time."""

    exit_code = 124


class UnknownOutcome(Unavailable):
    """An act may have taken effect or not."""


class JournalUnreadable(GoaroundError):
    """The journal is damaged, or was written by a newer goaround."""

    exit_code = 7
