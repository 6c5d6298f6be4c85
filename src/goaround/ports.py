"""What goaround needs of its neighbours. Each port has a handful of methods; adapters implement them,
``wiring.py`` chooses them, and the same contract tests run on every adapter and its fake.

All errors raised are of ``goaround.domain.errors``; all times are aware UTC datetimes; all durations are seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from goaround.domain.bundle import Line
from goaround.domain.events import Event, Record

Slot = Literal["blue", "green"]
SLOTS: tuple[Slot, Slot] = ("blue", "green")


class Clock(Protocol):
    """The time, and the only way to wait. ``wait`` also tells the locks that the controller is alive."""

    def now(self) -> datetime: ...
    def wait(self, seconds: float) -> None: ...


class Journal(Protocol):
    """What happened, append-only and hash-chained; also the audit log."""

    def append(self, release: str, event: Event, after: int | None = None) -> Record:
        """Write one event, durably. With ``after``: only if that is still the last number in the journal, else
        ``Stale``: somebody else wrote in between, so read again."""
        ...

    def read(self, since: int = 0) -> Sequence[Record]:
        """All events with a number above ``since``, in order. Raises ``JournalUnreadable``."""
        ...

    def lines(self) -> Sequence[Line]:
        """All events as they are chained, in order: exactly what their digests are made of."""
        ...

    def write_output(self, key: str, offset: int, text: str) -> None:
        """Keep output of a command; the same key and offset twice is kept once."""
        ...

    def output(self, prefix: str, since: int = 0) -> Sequence[tuple[int, str, str]]:
        """``(number, key, text)`` of output whose key starts so, in order of arrival, above a number."""
        ...

    def verify(self) -> int:
        """Check the whole chain; the number of events. Raises ``JournalUnreadable`` naming the first bad one."""
        ...


# --- commands that run under a shim -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Command:
    """An external command. ``key`` never changes for one try of one step, and names at most one run for ever.

    ``env`` is the whole environment of the command; ``secrets`` are values that are replaced by ``***``
    in whatever the command prints, before it touches a disk.
    """

    key: str
    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str] = field(repr=False)
    timeout_seconds: float
    secrets: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended. ``exit_code`` None: unknown, it was cut off without a record and may have had effects."""

    exit_code: int | None
    timed_out: bool
    seconds: float
    output: str
    """The last 64 KiB of stdout and stderr, in the order of arrival, secrets redacted."""


class Commands(Protocol):
    """Runs external commands so that each has one complete run at most, whatever happens to the controller."""

    def run(self, command: Command, on_output: Callable[[int, str], None]) -> Ended:
        """Run the command, or, if this key was started before, say how that ended and start nothing.

        ``on_output(offset, text)`` gets the output as it comes; offsets are bytes from the start, so what
        a predecessor already took in can be told apart.
        """
        ...

    def ended(self, key: str, on_output: Callable[[int, str], None] = lambda _offset, _text: None) -> Ended | None:
        """How the command with this key ended; None if it was never started. ``on_output`` gets all of its output,
        of which a controller that was killed may have missed some."""
        ...

    def end(self, key: str) -> None:
        """Have a command that still runs end now, in order, with its end recorded; nothing runs: nothing done."""
        ...


# --- ownership ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock: a controller or the shim of one of its commands."""

    pid: int
    what: str
    """``controller of v1.0.0`` or ``command v1.0.0/production/migrate``."""
    alive_at: datetime
    """When it last gave a sign of life."""


class Locks(Protocol):
    """One controller per environment, by OS file locks that commands inherit."""

    def hold(self, environment: str, what: str) -> AbstractContextManager[None]:
        """Hold the environment, or raise ``Locked`` naming the holder. While a command of a dead controller
        still runs, this waits for it to end (a shim enforces its time-out)."""
        ...

    def holder(self, environment: str) -> Holder | None: ...

    def take_over(self, environment: str, hung_after_seconds: float) -> bool:
        """End a controller that holds the environment and gave no sign of life for so long; True if one was ended."""
        ...

    def beat(self) -> None:
        """Give a sign of life for every lock held."""
        ...


# --- processes that outlive the controller --------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """What is to run. ``token`` says what it is (release, artifact, environment digest): the same name with the
    same token is the same process, with another token it is another one."""

    token: str
    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str] = field(repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    stop_grace_seconds: float = 10.0
    log_max_bytes: int = 10_000_000
    log_files: int = 5
    heartbeat_url: str | None = None
    """If set, the supervisor GETs it every second: a sign of life that the process itself may log."""


@dataclass(frozen=True, slots=True)
class ProcessState:
    """A supervised process as it is now. ``deaths`` counts exits that nobody asked for since its start."""

    token: str
    running: bool
    pid: int | None
    supervisor_pid: int | None
    deaths: int
    last_exit: int | None
    started_at: datetime


class Runtime(Protocol):
    """Processes in their own sessions, each under a small supervisor that restarts it with back-off."""

    def start(self, name: str, spec: ProcessSpec) -> ProcessState:
        """Have the process run; the same token already under supervision is left alone. Raises ``Refused`` if
        another token runs under this name, ``Unavailable`` if it cannot be started at all."""
        ...

    def state(self, name: str) -> ProcessState | None:
        """None if nothing is under supervision under this name. Checks pid *and* start time *and* boot *and* token."""
        ...

    def stop(self, name: str) -> None:
        """SIGTERM, the grace, SIGKILL of the whole group, supervisor included. Nothing there: nothing done."""
        ...

    def log(self, name: str, lines: int = 100) -> str: ...


# --- the front door -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FrontDoor:
    """The proxy as it is now. ``serving`` None: visitors get the maintenance answer."""

    running: bool
    serving: Slot | None
    holding: bool
    up: Mapping[Slot, bool]
    in_flight: Mapping[Slot, int]


@dataclass(frozen=True, slots=True)
class Bucket:
    """What the front door logged in one second of one slot and route. ``requests`` counts those that ended in it.

    ``errors`` are answers of 5xx and connections that the server side cut; ``held`` waited at the door and were
    answered; ``held_too_long`` got 503 because the limit of a hold was exceeded (they are in ``errors`` too).
    ``latency_ms`` holds the total time, without the time held, of each request that was not an event stream or upgrade.
    """

    at: datetime
    slot: Slot | None
    requests: int
    errors: int
    held: int
    held_too_long: int
    latency_ms: tuple[int, ...]
    route: str = "other"
    """Method and first segment of the path, ``GET /documents``; few enough to be counted one by one."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """Buckets in order of time, and the gaps: spans without proof that the log was complete."""

    buckets: tuple[Bucket, ...]
    gaps: tuple[tuple[datetime, datetime], ...]
    """A gap starts after the last heartbeat and ends at the next; shorter than 3 seconds is none, unless the proxy
    died in it or could not write lines of its log."""


class Proxy(Protocol):
    """The front door of one environment. It outlives the controller and comes back right after its own death."""

    def ensure(self) -> FrontDoor:
        """Have it run with what it was last told. Raises ``Unavailable`` (port taken, cannot start)."""
        ...

    def state(self) -> FrontDoor: ...

    def serve(self, slot: Slot | None) -> None:
        """Send all new requests to this slot (which must be up, else ``Unavailable`` and nothing changes), or None:
        answer 503 with Retry-After and a maintenance page. What is in flight finishes where it is."""
        ...

    def hold(self, on: bool) -> None:
        """Let all new requests wait with body untouched, each up to the configured limit; or let them go."""
        ...

    def traffic(self, since: datetime, until: datetime) -> Traffic: ...


# --- the database -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Backup:
    """A verified dump. ``digest`` is over all its files; it is not proven by a restore."""

    path: Path
    digest: str
    size_bytes: int
    seconds: float
    server_version: str
    entries: int
    """Lines of ``pg_restore --list``: things that the dump holds."""


@dataclass(frozen=True, slots=True)
class DatabaseUrls:
    """``service`` for the running application, ``migration`` for the owner of the schema."""

    service: str = field(repr=False)
    migration: str = field(repr=False)
    service_role: str = ""
    passwords: tuple[str, ...] = field(default=(), repr=False)
    """Those in the URLs, for whoever prints one without the rest."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What nobody may see of it."""
        return (self.service, self.migration, *self.passwords)


class Database(Protocol):
    """The PostgreSQL of one environment."""

    def ensure(self) -> DatabaseUrls:
        """Have it answer. Raises ``Unavailable`` saying whether it is down, refuses the password, or is too old."""
        ...

    def backup(self, destination: Path, key: str, commands: Commands, on_output: Callable[[int, str], None]) -> Backup:
        """One complete backup at ``destination``; if it is there already and intact, say so and take none.
        ``key`` is the command key prefix for what it runs."""
        ...

    def size_bytes(self) -> int: ...


# --- sources and artifacts ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Commit:
    digest: str
    subject: str
    author: str


class Repository(Protocol):
    """The git repository that holds the service."""

    def commit(self, ref: str) -> Commit: ...
    def changes(self) -> tuple[str, ...]:
        """Paths that differ from HEAD in the working tree, untracked ones included; empty: clean."""
        ...

    def read(self, commit: str, path: str) -> bytes | None: ...
    def files(self, commit: str, pattern: str) -> Mapping[str, str]:
        """Path → blob digest of the files at that commit that match the glob."""
        ...


class Tags(Protocol):
    """The tags of that repository. None is ever moved, here or elsewhere."""

    def tagged(self, name: str) -> str | None:
        """The commit that the tag is on; None if there is no such tag."""
        ...

    def tag(self, name: str, commit: str, message: str, sign: Callable[[bytes], str] | None = None) -> None:
        """Have the annotated tag on this commit; on another commit raises ``Refused``. ``sign`` gives the SSH
        signature of exactly these bytes in namespace ``git``; if it raises there is no tag."""
        ...

    def signed(self, name: str, key: str) -> bool:
        """Whether the tag is signed, under this name, with this public key: ``ssh-ed25519 AAAA…``."""
        ...

    def missing(self, remote: str, names: Sequence[str]) -> tuple[str, ...]:
        """Those of these tags that the remote does not have. Raises ``Unavailable`` if it does not answer, ``Refused``
        if it has another tag under such a name."""
        ...

    def push(self, remote: str, names: Sequence[str]) -> None:
        """Give the remote exactly these tags, never by force. Raises ``Unavailable`` with what git said."""
        ...


class Artifacts(Protocol):
    """Builds of exact commits, content-addressed."""

    def export(self, commit: str, folder: Path) -> None:
        """``git archive`` of the commit into a new, empty folder; whatever was there is removed first."""
        ...

    def keep(self, folder: Path) -> str:
        """Move a built folder into the store; returns its digest ``sha256:…`` over names, modes and contents."""
        ...

    def path(self, digest: str) -> Path:
        """Where the artifact is. Raises ``Unavailable`` if it is missing or was altered."""
        ...

    def differences(self, one: Path, other: Path) -> tuple[str, ...]:
        """Names of what is not the same in two built folders, in order; empty: they have the same digest."""
        ...

    def prune(self, needed: frozenset[str]) -> tuple[str, ...]:
        """Remove every artifact that is not needed; the digests of those removed. Raises ``Unavailable`` where one
        cannot be; what is left of it is no artifact any more."""
        ...


# --- who signed --------------------------------------------------------------------------------


class Signatures(Protocol):
    """Signatures of people, made with keys that goaround never holds."""

    def sign(self, document: bytes, namespace: str, by: str, key: Path | None, allowed_signers: str) -> str:
        """Sign with the key in this file; None: with a key of the agent that ``allowed_signers`` names for ``by``.
        Raises ``Refused`` saying why there is no signature."""
        ...

    def seal(self, document: bytes, namespace: str) -> str:
        """Sign with the controller's own key, which is made when it is first needed."""
        ...

    def controller_key(self) -> str:
        """Its public half, ``ssh-ed25519 AAAA…``; it is made when it is first needed."""
        ...

    def verify(self, document: bytes, signature: str, namespace: str, by: str, allowed_signers: str) -> None:
        """Raise ``Refused`` unless this is ``by``'s signature of exactly these bytes, with a key that is allowed."""
        ...


# --- what a health check saw -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, or why there was none. Redirects are not followed: a redirect is not health."""

    status: int | None
    detail: str
    seconds: float


class Http(Protocol):
    def get(self, url: str, timeout_seconds: float) -> Answer: ...
    def post(self, url: str, body: bytes, headers: Mapping[str, str], timeout_seconds: float) -> Answer: ...
