"""The kinds of values a configuration is made of, each with the sentence that says how to write it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Strict, WithJsonSchema

from goaround.config.duration import PATTERN as DURATION
from goaround.config.duration import parse_duration
from goaround.config.limits import PATTERN as LIMIT
from goaround.config.limits import parse_limit
from goaround.config.placeholders import placeholders
from goaround.config.references import check_reference, is_reference
from goaround.domain.calendar import parse_window
from goaround.domain.gates import Limit


class Table(BaseModel):
    """A TOML table: unknown keys are mistakes, values are of the declared type, nothing changes afterwards."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        validate_by_name=False,
        validate_by_alias=True,
        hide_input_in_errors=True,
    )


def _seconds(minimum: float) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            raise ValueError('a bare number has no unit — write a duration in quotes, such as "15m"')
        if not isinstance(value, str):
            raise ValueError('expected a duration — write it in quotes, such as "15m"')
        seconds = parse_duration(value)
        if seconds < minimum:
            raise ValueError(f"{value!r} is too short — at least 1ms is needed here")
        return seconds

    return read


_DURATION_SCHEMA = WithJsonSchema({"type": "string", "pattern": f"^{DURATION}$", "examples": ["15m"]})
Seconds = Annotated[float, BeforeValidator(_seconds(0.001)), _DURATION_SCHEMA]
"""A duration of at least a millisecond, as seconds."""
SecondsOrNone = Annotated[float, BeforeValidator(_seconds(0.0)), _DURATION_SCHEMA]
"""A duration that may be ``0s``, as seconds."""


def _limit(op: str, unit: str, lasting: bool) -> Callable[[Any], Any]:
    example = {"ratio": f"{op} 1%", "seconds": f"{op} 5s"}[unit]

    def read(value: Any) -> Any:
        if not isinstance(value, str):
            raise ValueError(f'expected a limit — write it in quotes, such as "{example}"')
        limit = parse_limit(value)
        if (limit.op, limit.unit) != (op, unit):
            raise ValueError(f'{value!r} does not fit here — write a limit like "{example}"')
        if limit.for_seconds and not lasting:
            raise ValueError(f"{value!r} has a 'for', which only triggers have — leave it out")
        return limit

    return read


_LIMIT_SCHEMA = WithJsonSchema({"type": "string", "pattern": f"^{LIMIT}$", "examples": ["> 10s for 5m"]})
ShareBelow = Annotated[Limit, BeforeValidator(_limit("<", "ratio", lasting=False)), _LIMIT_SCHEMA]
SecondsBelow = Annotated[Limit, BeforeValidator(_limit("<", "seconds", lasting=False)), _LIMIT_SCHEMA]
ShareAbove = Annotated[Limit, BeforeValidator(_limit(">", "ratio", lasting=True)), _LIMIT_SCHEMA]
SecondsAbove = Annotated[Limit, BeforeValidator(_limit(">", "seconds", lasting=True)), _LIMIT_SCHEMA]


def matching(pattern: str, how: str) -> AfterValidator:
    """A text must match the pattern; ``how`` completes 'write ...'."""
    compiled = re.compile(pattern, re.ASCII)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise ValueError(f"{value!r} does not fit here — write {how}")
        return value

    return AfterValidator(check)


Name = Annotated[str, matching(r"[a-z][a-z0-9-]{0,30}", "1 to 31 of a-z, 0-9 and -, starting with a letter")]
Person = Annotated[str, matching(r"\S(.*\S)?", "the name of a person, not empty")]
EnvName = Annotated[str, matching(r"[A-Za-z_][A-Za-z0-9_]*", "the name of an environment variable: A-Z, 0-9 and _")]
HealthPath = Annotated[str, matching(r"/[^\s#]*", "a path on the service, such as /health")]
Reference = Annotated[str, AfterValidator(check_reference)]
EnvValue = Annotated[str, AfterValidator(lambda value: check_reference(value) if is_reference(value) else value)]

# A TOML array arrives as a list; the tuple is ours, its items stay strict.
EnvNames = Annotated[tuple[EnvName, ...], Strict(False)]
People = Annotated[tuple[Person, ...], Strict(False)]


def _remote(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", value):  # not quoted: an URL may hold a password
        raise ValueError('this is not the name of a remote of the repository — write one such as "origin"')
    return value


Remote = Annotated[str, AfterValidator(_remote)]


def _command(declared: tuple[str, ...], needed: tuple[str, ...]) -> AfterValidator:
    known = ", ".join(f"{{{name}}}" for name in declared) or "none"

    def check(argv: tuple[str, ...]) -> tuple[str, ...]:
        if not argv or not argv[0].strip():
            raise ValueError('an empty command — write a list such as ["program", "argument"], or leave the key out')
        if any("\0" in word for word in argv):
            raise ValueError("a word of the command holds a NUL character — no program can be given that")
        used = placeholders(argv)
        if unknown := sorted(used.difference(declared)):
            raise ValueError(f"unknown variable {{{unknown[0]}}} in the command — known here: {known}")
        if missing := sorted(set(needed) - used):
            raise ValueError(f"the command never says {{{missing[0]}}} — pass it on, each slot has its own")
        return argv

    return AfterValidator(check)


Command = Annotated[tuple[str, ...], Strict(False), _command((), ())]
"""A command without variables."""
DownCommand = Annotated[tuple[str, ...], Strict(False), _command(("schema",), ())]
RunCommand = Annotated[tuple[str, ...], Strict(False), _command(("port",), ("port",))]
ProbeCommand = Annotated[tuple[str, ...], Strict(False), _command(("base_url",), ())]


@dataclass(frozen=True, slots=True)
class Listen:
    """Where a front door listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def base_url(self) -> str:
        """How to reach it from this machine: a wildcard address is reached through loopback."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        return f"http://{Listen(host, self.port)}"


_ADDRESS = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})", re.ASCII)


def parse_listen(value: Any) -> Listen:
    """``127.0.0.1:7480`` or ``[::1]:7480``. Raises ``ValueError`` saying how to write it."""
    match = _ADDRESS.fullmatch(value) if isinstance(value, str) else None
    if match is None or not 1 <= int(match[3]) <= 65535:
        raise ValueError(f'{value!r} is no address — write host:port in quotes, such as "127.0.0.1:7480"')
    return Listen(match[1] or match[2], int(match[3]))


ListenAddress = Annotated[
    Listen, BeforeValidator(parse_listen), WithJsonSchema({"type": "string", "examples": ["127.0.0.1:7480"]})
]


def parse_slot_ports(value: Any) -> tuple[int, int]:
    """Two different ports. Raises ``ValueError`` saying how to write them."""
    match value:
        case [int(blue), int(green)] if blue != green and all(
            not isinstance(port, bool) and 1 <= port <= 65535 for port in (blue, green)
        ):
            return blue, green
    raise ValueError(f"{value!r} is no pair of ports — write two different ones of 1 to 65535, such as [7481, 7482]")


def _window(value: str) -> str:
    parse_window(value)
    return value


def _timezone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (OSError, ValueError, KeyError):  # a folder, a path, a name that is none
        raise ValueError(f'{value!r} is no time zone that is known here — write one such as "Europe/Madrid"') from None
    return value


_AFTER_STAGING = re.compile(r"(\d{1,3}) days? after staging", re.ASCII)


def _after_staging(value: Any) -> Any:
    match = _AFTER_STAGING.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f'{value!r} does not fit here — write it like "3 days after staging"')
    return int(match[1])


Windows = Annotated[tuple[Annotated[str, AfterValidator(_window)], ...], Strict(False)]
TimeZone = Annotated[str, AfterValidator(_timezone)]
DaysAfterStaging = Annotated[
    int, BeforeValidator(_after_staging), WithJsonSchema({"type": "string", "examples": ["3 days after staging"]})
]

SlotPorts = Annotated[tuple[int, int], BeforeValidator(parse_slot_ports)]
DatabaseSource = Annotated[str, AfterValidator(lambda value: value if value == "embedded" else check_reference(value))]
Strategy = Literal["staging_first"]
