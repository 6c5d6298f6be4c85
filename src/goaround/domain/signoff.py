"""What a person lets through, bound by digest: a sign-off given for one thing never counts for another.

The statement follows the in-toto attestation framework, Statement v1 (https://in-toto.io/Statement/v1): its subject is
the artifact, its predicate everything else that the signature is bound to.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from goaround.domain.events import Signed
from goaround.domain.release import Json, Release, Role, Step, Terms

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
SIGN_OFF, BREAK_GLASS = "urn:goaround:sign-off:1", "urn:goaround:break-glass:1"
CONTROLLER = "goaround"
"""Whose key seals the journal and signs tags."""
ANYBODY = "signer"
"""The role of those who may sign where no roles are configured."""
_BOUND = ("release", "version", "commit", "artifact", "migrations", "configuration", "evidence", "environment", "step")
CALLED = {
    "commit": "the commit",
    "artifact": "the artifact",
    "migrations": "the migrations",
    "configuration": "the configuration",
    "evidence": "the evidence",
}


def canonical(value: Json) -> bytes:
    """The one spelling of a JSON value: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(value: Json) -> str:
    return "sha256:" + hashlib.sha256(canonical(value)).hexdigest()


def namespace(service: str) -> str:
    """What an SSH signature under a release of this service is made for, and counts for nothing else."""
    return f"release-signoff@{service}"


def journal_namespace(service: str) -> str:
    """What the controller's signature under a journal is made for."""
    return f"journal@{service}"


def seal(service: str, head: tuple[int, str]) -> bytes:
    """What a controller signs at the end of a phase: how many events its journal has, and the digest of the last."""
    return canonical({"service": service, "journal": {"number": head[0], "digest": head[1]}})


def statement(
    release: Release, step: Step, config_digest: str, evidence: Sequence[tuple[str, Mapping[str, Json]]]
) -> Mapping[str, Json]:
    """What a signature is bound to: the release, its commit and migrations, the configuration, and all evidence so
    far in order.

    The artifact is part of the evidence, and named once more because it is what reaches people.
    """
    return {
        "release": release.id,
        "version": release.version,
        "commit": release.commit,
        "artifact": next((str(found["artifact"]) for _, found in evidence if "artifact" in found), ""),
        "migrations": list(release.migrations),
        "configuration": config_digest,
        "evidence": digest([[key, dict(found)] for key, found in evidence]),
        "environment": step.environment,
        "step": step.key,
    }


@dataclass(frozen=True, slots=True)
class Word:
    """What a person adds to the statement. ``head`` is the journal's ``(number, digest)`` at that moment, so that a
    signature also vouches for all that was written before it."""

    by: str
    role: str
    nonce: str
    issued: datetime
    expires: datetime | None
    head: tuple[int, str]
    note: str = ""
    decision: str = "approve"
    predicate: str = SIGN_OFF


def in_toto(service: str, bound: Mapping[str, Json], word: Word) -> Mapping[str, Json]:
    """The document that is signed."""
    return {
        "_type": STATEMENT_TYPE,
        "subject": [
            {
                "name": f"{service} {bound['version']}",
                "digest": {"sha256": str(bound["artifact"]).removeprefix("sha256:")},
            }
        ],
        "predicateType": word.predicate,
        "predicate": {
            **bound,
            "service": service,
            "by": word.by,
            "role": word.role,
            "decision": word.decision,
            "note": word.note,
            "nonce": word.nonce,
            "issued": word.issued.isoformat(),
            "expires": word.expires.isoformat() if word.expires else None,
            "journal": {"number": word.head[0], "digest": word.head[1]},
        },
    }


def meant(document: str) -> tuple[str, Json, Json, Json, datetime | None, str] | None:
    """Kind, by, role, note, expiry of a signed statement, and the digest of what it is bound to: all that an event in
    the journal repeats of it. None if it is no statement."""
    try:
        said = json.loads(document)
        found = said["predicate"]
        expires = datetime.fromisoformat(found["expires"]) if found["expires"] else None
        bound = digest({name: found[name] for name in _BOUND})
        return said["predicateType"], found["by"], found["role"], found["note"], expires, bound
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a sign-off stands: whose word counts, whose does not and why, and who is still missing."""

    counting: tuple[Signed, ...]
    void: tuple[tuple[Signed, str], ...]
    missing: tuple[str, ...]

    @property
    def complete(self) -> bool:
        return not self.missing

    def says(self) -> str:
        """What there is so far, to follow the question; empty if there is nothing."""
        if not self.counting and not self.void:
            return ""
        signed = f"; signed by {', '.join(one.by for one in self.counting)}" if self.counting else ""
        void = "".join(f"; the signature of {one.by} is void: {why}" for one, why in self.void)
        return f"{signed}{void}; missing: {', '.join(self.missing) or 'nobody'}"


def roles(terms: Terms, environment: str) -> tuple[Role, ...]:
    """Who has to sign there."""
    return terms.roles.get(environment) or (Role(ANYBODY, tuple(terms.signers[environment])),)


def standing(
    terms: Terms,
    own: frozenset[str],
    bound: Mapping[str, Json],
    given: Sequence[Signed],
    withdrawn: Mapping[str, str],
    now: datetime,
) -> Standing:
    """Weigh the signatures under one sign-off. ``own`` are the names of who asked for the release or wrote it;
    ``withdrawn`` says who took a signature back, and why. Of one person the last signature counts."""
    environment = str(bound["environment"])
    latest = {signed.by: signed for signed in given}
    void = [(signed, why) for signed in latest.values() if (why := _void(terms, bound, signed, withdrawn, now))]
    counting = [signed for signed in latest.values() if signed not in [one for one, _ in void]]
    missing = []
    for role in roles(terms, environment):
        lacking = role.count - sum(1 for signed in counting if (signed.role or ANYBODY) == role.name)
        if lacking > 0:
            missing.append(f"{lacking} of {' or '.join(role.people)}" if role.count > 1 else " or ".join(role.people))
    if not terms.own_release and not missing and all(signed.by in own for signed in counting):
        missing.append("somebody who neither asked for this release nor wrote its commit")
    return Standing(tuple(counting), tuple(void), tuple(missing))


def _void(
    terms: Terms, bound: Mapping[str, Json], signed: Signed, withdrawn: Mapping[str, str], now: datetime
) -> str | None:
    """Why a signature does not count; None if it does."""
    role = next((r for r in roles(terms, str(bound["environment"])) if r.name == (signed.role or ANYBODY)), None)
    if role is None or signed.by not in role.people:
        return f"{signed.by} may not sign as {signed.role or ANYBODY}"
    if signed.by in withdrawn:
        return f"{signed.by} took it back: {withdrawn[signed.by]}"
    if signed.digest != digest(bound):
        return f"{_changed(bound, signed)} changed"
    if signed.expires is not None and signed.expires <= now:
        return f"it expired at {signed.expires:%Y-%m-%d %H:%M} UTC"
    if terms.proven and not signed.signature:
        return "it is a name without a signature"
    return None


def _changed(bound: Mapping[str, Json], signed: Signed) -> str:
    """What is not as it was when that was signed."""
    if not signed.statement:
        return "what it was given for"
    before = json.loads(signed.statement)["predicate"]
    differs = [word for name, word in CALLED.items() if before.get(name) != bound[name]]
    return " and ".join(differs) or "what it was given for"
