"""What the journal says. Events are facts in the past; once written, a type keeps its meaning for ever.

A new field gets a default, so that events written before it stay readable; a new type is refused by an older
goaround, which must not guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from goaround.domain.release import Environment, Json, Outcome, Plan, Release, Terms
from goaround.domain.triggers import Severity

Cause = Literal["gate", "error", "timeout", "unknown", "trigger", "migration", "refused", "aborted", "asked"]


@dataclass(frozen=True, slots=True)
class Opened:
    """A release begins: everything it will go by is written down here, so no upgrade or edit changes it."""

    release: Release
    terms: Terms
    plan: Plan
    config: Mapping[str, Json]
    config_digest: str
    by: str
    controller_key: str = ""
    """The public key that seals the journal, in OpenSSH's format. People's signatures vouch for it."""
    allowed_signers: str = ""
    """Whose keys count, in OpenSSH's format: those of the last state that was approved, never the candidate's."""
    type: Literal["opened"] = "opened"


@dataclass(frozen=True, slots=True)
class Started:
    """Written before the act: from here on the step may have had effects."""

    step: str
    attempt: int
    type: Literal["started"] = "started"


@dataclass(frozen=True, slots=True)
class Passed:
    step: str
    attempt: int
    says: str
    evidence: Mapping[str, Json] = field(default_factory=dict)
    type: Literal["passed"] = "passed"


@dataclass(frozen=True, slots=True)
class Failed:
    step: str
    attempt: int
    cause: Cause
    what: str
    state: str
    remedy: str
    evidence: Mapping[str, Json] = field(default_factory=dict)
    type: Literal["failed"] = "failed"


@dataclass(frozen=True, slots=True)
class Signed:
    """A signal: somebody lets the release through. ``digest`` binds it to what it was given for.

    ``statement`` is what was signed, an in-toto Statement as canonical JSON, and ``signature`` the SSH signature of
    exactly these bytes; empty where names are believed.
    """

    step: str
    by: str
    digest: str
    note: str = ""
    role: str = ""
    statement: str = ""
    signature: str = ""
    expires: datetime | None = None
    type: Literal["signed"] = "signed"


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A signal: who signed takes the signature back before it was used."""

    step: str
    by: str
    reason: str
    type: Literal["withdrawn"] = "withdrawn"


@dataclass(frozen=True, slots=True)
class BrokeGlass:
    """A signal: somebody lets the release past a sign-off or a closed window without those who should have signed.

    It has a statement and signature of its own, and is shown for ever.
    """

    step: str
    by: str
    reason: str
    digest: str
    statement: str = ""
    signature: str = ""
    type: Literal["broke_glass"] = "broke_glass"


@dataclass(frozen=True, slots=True)
class Declined:
    """A signal: somebody refuses to sign; this ends the release."""

    step: str
    by: str
    reason: str
    type: Literal["refused"] = "refused"


@dataclass(frozen=True, slots=True)
class Answered:
    """A signal: somebody did a manual check. ``severity`` only where something is wrong."""

    step: str
    by: str
    note: str
    severity: Severity | None = None
    type: Literal["answered"] = "answered"


@dataclass(frozen=True, slots=True)
class AbortAsked:
    by: str
    reason: str
    type: Literal["abort"] = "abort"


@dataclass(frozen=True, slots=True)
class RollbackAsked:
    """A signal: go back now; or, in a rollback that halted, try its failed step again."""

    by: str
    reason: str
    type: Literal["rollback"] = "rollback"


@dataclass(frozen=True, slots=True)
class RollingBack:
    """From here on the plan is this one, and nothing rolls it back."""

    plan: Plan
    cause: Cause
    because: str
    environments: tuple[Environment, ...]
    type: Literal["rolling_back"] = "rolling_back"


@dataclass(frozen=True, slots=True)
class Sealed:
    """The controller's own signature under the journal as it was at the end of a phase, so that nothing before it can
    be taken away or rewritten without its key. ``document`` is what was signed: number and digest of the last event."""

    phase: str
    document: str
    signature: str
    type: Literal["sealed"] = "sealed"


@dataclass(frozen=True, slots=True)
class Closed:
    outcome: Outcome
    says: str
    type: Literal["closed"] = "closed"


Event = (
    Opened
    | Started
    | Passed
    | Failed
    | Signed
    | Withdrawn
    | BrokeGlass
    | Declined
    | Answered
    | AbortAsked
    | RollbackAsked
    | RollingBack
    | Sealed
    | Closed
)


@dataclass(frozen=True, slots=True)
class Record:
    """An event as the journal holds it. ``at`` never goes backwards; ``digest`` chains it to all before it."""

    seq: int
    at: datetime
    release: str
    event: Event
    digest: str
