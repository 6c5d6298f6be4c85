"""Every error says what happened, what state things are in, and what to do; and ends in its own exit code."""

from __future__ import annotations

import pytest

from goaround.domain import errors
from goaround.domain.errors import ConfigurationError, GoaroundError

CODES = {
    "UsageError": 2, "Refused": 9, "Stale": 9, "Locked": 8, "Unavailable": 4, "TimedOut": 124, "UnknownOutcome": 4,
    "JournalUnreadable": 7,
}  # fmt: skip


@pytest.mark.parametrize(("name", "code"), CODES.items())
def test_an_error_says_three_things_and_has_its_exit_code(name: str, code: int) -> None:
    error: GoaroundError = getattr(errors, name)("it broke", state="half-way", remedy="mend it")
    assert str(error) == "it broke; half-way; mend it"
    assert error.exit_code == code
    assert error.as_json() == {"error": name, "what": "it broke", "state": "half-way", "remedy": "mend it"}


def test_every_error_that_there_is_stands_in_the_tree_of_the_docstring() -> None:
    kinds = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, GoaroundError)}
    assert kinds == {*CODES, "GoaroundError", "ConfigurationError"}
    assert all(kind in (errors.__doc__ or "") for kind in kinds)


@pytest.mark.parametrize(
    ("mistakes", "says"), [(("a:1:1: x",), "1 mistake in"), (("a:1:1: x", "a:2:1: y"), "2 mistakes in")]
)
def test_mistakes_in_a_configuration_are_told_all_at_once(mistakes: tuple[str, ...], says: str) -> None:
    error = ConfigurationError(mistakes)
    assert error.what.startswith(says)
    assert all(mistake in error.what for mistake in mistakes)
    assert error.as_json()["mistakes"] == list(mistakes)
    assert error.exit_code == 3
