"""What a person lets through, bound by digest: a sign-off given for one thing never counts for another."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

from goaround.domain.release import Json, Release, Step


def canonical(value: Json) -> bytes:
    """The one spelling of a JSON value: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(value: Json) -> str:
    return "sha256:" + hashlib.sha256(canonical(value)).hexdigest()


def statement(
    release: Release, step: Step, config_digest: str, evidence: Sequence[tuple[str, Mapping[str, Json]]]
) -> Mapping[str, Json]:
    """What is signed: the release, its commit and migrations, the configuration, and all evidence so far in order.

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
