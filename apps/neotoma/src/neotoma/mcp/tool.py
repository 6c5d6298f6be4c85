"""What a tool is: its words and schemas for agents, what it may change, and the function that does it."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from neotoma.accounts.caller import Caller
from neotoma.database import Connection
from neotoma.nest import Nest

Schema = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """One call of a tool. ``arguments`` have passed the tool's schema."""

    nest: Nest
    caller: Caller
    arguments: Mapping[str, Any]

    def memory(self) -> AbstractAsyncContextManager[Connection]:
        """The one transaction of this call, in which the caller's memory is all there is."""
        return self.nest.database.of(self.caller.user)


@dataclass(frozen=True)
class Tool:
    """``takes`` are the properties of the arguments, ``gives`` is the schema of the answer.

    ``writes`` needs the scope of that name; ``destroys`` says that something is no longer seen afterwards; ``repeats``
    that the same call twice does no more than once.
    """

    name: str
    title: str
    description: str
    takes: Mapping[str, Schema]
    gives: Schema
    does: Callable[[Call], Awaitable[dict[str, Any]]]
    required: tuple[str, ...] = ()
    writes: bool = False
    destroys: bool = False
    repeats: bool = True

    @property
    def scope(self) -> str:
        """What the caller's credential must allow."""
        return "write" if self.writes else "read"

    @property
    def arguments(self) -> Schema:
        """The schema of the arguments."""
        return {
            "type": "object",
            "properties": dict(self.takes),
            "required": list(self.required),
            "additionalProperties": False,
        }
