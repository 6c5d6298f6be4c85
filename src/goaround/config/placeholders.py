"""``{port}`` and its like in commands: each command declares the variables it may use, and no others are known."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

# ``${HOME}`` belongs to a shell and ``{"json": 1}`` to nobody: neither is ours.
_PLACEHOLDER = re.compile(r"(?<!\$)\{([A-Za-z_][A-Za-z0-9_]*)\}")


def placeholders(argv: Iterable[str]) -> frozenset[str]:
    """The names of all variables that the command uses."""
    return frozenset(name for word in argv for name in _PLACEHOLDER.findall(word))


def fill(argv: Iterable[str], variables: Mapping[str, str]) -> tuple[str, ...]:
    """The command with its variables filled in. Raises ``KeyError`` for a variable without a value."""
    return tuple(_PLACEHOLDER.sub(lambda match: variables[match[1]], word) for word in argv)
