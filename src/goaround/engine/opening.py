"""Begin a release, or a rollback after completion: everything it will go by, gathered from commit, configuration
and journal into one event. Nothing is written before all of it is known to make sense."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from goaround.config.load import parse_manifest
from goaround.config.manifest import Manifest
from goaround.config.models import Config
from goaround.config.terms import terms_of
from goaround.domain.environments import Serving, occupant, returned_from_production, serving
from goaround.domain.errors import Locked, Refused, Stale
from goaround.domain.events import Opened
from goaround.domain.journal import State
from goaround.domain.release import Environment, Outcome, Plan, Release, Terms
from goaround.domain.signals import MAINTENANCE
from goaround.domain.strategy import staging_first
from goaround.ports import Commit, Repository

NAMES = "names"
"""What a person trusts who does away with keys."""
RULES = {
    "signers": "the signers",
    "roles": "the roles",
    "own_release": "own_release",
    "sign_off_seconds": "how long a signature counts",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person asked for."""

    version: str
    ref: str
    by: str
    trust: str = ""
    """Digest of the ``allowed_signers`` of the candidate itself, which a person looked at, where none are known yet."""


def open_release(
    asked: Asked, config: Config, toml: str, repository: Repository, states: Mapping[str, State]
) -> Opened:
    """The event that opens the release. Raises ``Refused``, ``Stale`` or ``Locked``, and then nothing was begun."""
    commit = repository.commit(asked.ref)
    manifest = _manifest(repository, commit, asked.version)
    now = serving(states.values(), "production")
    refuse_reuse(asked.version, states.values())
    _refuse_occupied(states.values())
    _refuse_other_predecessor(manifest, now)
    attempt = 1 + sum(1 for s in states.values() if s.release.version == asked.version and s.release.kind == "release")
    release = Release(
        id=asked.version if attempt == 1 else f"{asked.version}.{attempt}",
        version=asked.version,
        attempt=attempt,
        commit=commit.digest,
        subject=commit.subject,
        previous=now.version if now else None,
        migrations=_migrations(config, repository, commit.digest, now),
        old_version_works=manifest.migrations.old_version_works,
        way_back=manifest.migrations.rollback,
        author=commit.author,
        name=manifest.name or "",
        owner=manifest.owner or config.owner,
        target_date=manifest.target_date,
        units=tuple(feature.unit for feature in manifest.features),
    )
    terms = terms_of(config)
    plan = staging_first(terms, release)
    serves = states.get(now.release) if now else None
    _refuse_names_for_keys(asked, terms, serves)
    _refuse_other_rules(asked, terms, serves)
    allowed = _allowed_signers(asked, config.sign_off.allowed_signers, repository, commit, now)
    return Opened(release, terms, plan, {"toml": toml}, config.digest, asked.by, allowed_signers=allowed)


def open_rollback(by: str, states: Mapping[str, State], version: str | None = None) -> Opened:
    """The event that opens a rollback of what production serves now. Raises ``Refused`` saying what can be done."""
    now = serving(states.values(), "production")
    state = states.get(now.release) if now else None
    if now is None or state is None or state.release.kind != "release":
        raise Refused(
            f"production serves {now.version if now else 'nothing'}, and what was before it is not known any more",
            state="nothing was changed",
            remedy="release the version that you want, as a new version",
        )
    leads_to = state.release.previous or MAINTENANCE
    if state.release.previous is None and version is None:
        raise Refused(
            f"{now.version} is the first release of {state.terms.service}: there is nothing to go back to",
            state="nothing was changed",
            remedy="mend it and release the next version; or take its traffic off, so that visitors get a maintenance "
            f"answer: goaround rollback --to {MAINTENANCE}",
        )
    if version not in (None, leads_to):
        raise Refused(
            f"the way back from {now.version} leads to {leads_to}, not to {version}",
            state="nothing was changed",
            remedy=f"goaround rollback --to {leads_to}; or release {version} again as a new version",
        )
    held = occupant(states.values(), "production")
    if held is not None:
        raise Locked(
            f"production belongs to {held.release.id}",
            state="nothing was changed",
            remedy=f"end it first: goaround abort {held.release.id} --reason …",
        )
    in_staging = serving(states.values(), "staging")
    both = occupant(states.values(), "staging") is None and in_staging and in_staging.release == now.release
    environments: tuple[Environment, ...] = ("staging", "production") if both else ("production",)
    # One that was refused may be asked for again: it is another one, and has a name of its own.
    before = sum(1 for other in states.values() if other.release.of == state.release.id)
    back = f"{state.release.id}.back" + (f".{before + 1}" if before else "")
    release = replace(state.release, id=back, kind="rollback", of=state.release.id, environments=environments)
    return replace(state.opened, release=release, plan=Plan(()), by=by)


def _manifest(repository: Repository, commit: Commit, version: str) -> Manifest:
    path = str(PurePosixPath("releases") / version / "manifest.toml")
    content = repository.read(commit.digest, path)
    if content is None:
        there = [
            PurePosixPath(found).parent.name for found in repository.files(commit.digest, "releases/*/manifest.toml")
        ]
        raise Refused(
            f"{path} is not in commit {commit.digest[:10]}, "
            f"which has manifests of: {', '.join(sorted(there)) or 'none'}",
            state="nothing was started",
            remedy=f'write it (at least: version = "{version}"), commit it, and release again',
        )
    return parse_manifest(content.decode("utf-8", "replace"), path, version)


def _allowed_signers(asked: Asked, path: str, repository: Repository, commit: Commit, now: Serving | None) -> str:
    """Whose keys count: as they stand in the release that serves production, which people let through. Where that
    has none, those of the candidate, if somebody says that they looked at them. Raises ``Refused``."""
    if not path:
        return ""
    approved = repository.read(now.commit, path) if now else None
    if approved is not None:
        return approved.decode("utf-8", "replace")
    candidate = repository.read(commit.digest, path)
    if candidate is None:
        raise Refused(
            f"{path} is not in commit {commit.digest[:10]}, so nobody could sign",
            state="nothing was started",
            remedy=f"write it as ssh-keygen describes ALLOWED SIGNERS, commit it, and release {asked.version} again",
        )
    found = "sha256:" + hashlib.sha256(candidate).hexdigest()
    if asked.trust != found:
        raise Refused(
            f"nothing that serves production says whose keys count, and {path} comes with the candidate itself",
            state="nothing was started",
            remedy=f"look at it, and if it names the right people and keys: --trust {found}",
        )
    return candidate.decode("utf-8", "replace")


def _refuse_names_for_keys(asked: Asked, terms: Terms, serves: State | None) -> None:
    """Raise ``Refused`` if what serves was let through by keys, and this would be by names that anybody can type."""
    if serves is not None and serves.terms.proven and not terms.proven and asked.trust != NAMES:
        raise Refused(
            f"{serves.release.version} was let through by keys, and this goaround.toml asks for no keys",
            state="nothing was started",
            remedy=f"put [sign_off] allowed_signers back; or, if names shall do from now on: --trust {NAMES}",
        )


def _refuse_other_rules(asked: Asked, terms: Terms, serves: State | None) -> None:
    """Raise ``Refused`` if what serves was let through by keys under other rules than this would be: who may sign, in
    which roles, how many, for how long. A candidate does not choose its own judges."""
    if serves is None or not (serves.terms.proven and terms.proven):
        return
    before, after = ({name: getattr(one, name) for name in RULES} for one in (serves.terms, terms))
    differ = [name for name in RULES if before[name] != after[name]]
    found = "sha256:" + hashlib.sha256(repr(after).encode()).hexdigest()
    if differ and asked.trust != found:
        raise Refused(
            f"{serves.release.version} was let through under other rules of who signs: "
            f"{', '.join(RULES[name] for name in differ)} changed",
            state="nothing was started",
            remedy=f"look at what goaround.toml says of it now, and if that is meant: --trust {found}",
        )


def refuse_reuse(version: str, states: Iterable[State]) -> None:
    """Raise ``Refused`` if a version has been in production: its name means what was there, for ever."""
    states = list(states)
    if returned_from_production(states, version):
        raise Refused(
            f"{version} was rolled back from production; such a version is never used again",
            state="nothing was started",
            remedy="mend what was wrong and release it under the next version",
        )
    done = [s for s in states if s.release.version == version and s.closed and s.closed.outcome is Outcome.RELEASED]
    if any(state.release.kind == "release" for state in done):
        raise Refused(
            f"{version} has been released",
            state="nothing was started",
            remedy="release the next version; goaround history shows what there was",
        )


def _refuse_occupied(states: Iterable[State]) -> None:
    held = occupant(states, "staging")
    if held is not None:
        raise Locked(
            f"staging belongs to {held.release.id} until its outcome",
            state="nothing was started",
            remedy=f"finish it (goaround resume {held.release.id}) "
            f"or end it (goaround abort {held.release.id} --reason …)",
        )


def _refuse_other_predecessor(manifest: Manifest, now: Serving | None) -> None:
    """What a manifest declares of the old version counts for that version only. Where nothing serves yet, there is
    no old version to be wrong about."""
    declares = manifest.previous is not None or manifest.migrations.old_version_works
    if now is None or manifest.previous == now.version or not declares:
        return
    raise Stale(
        f"{manifest.version} was made to replace {manifest.previous or 'nothing'}, and production serves {now.version}",
        state="nothing was started",
        remedy=f"correct previous in releases/{manifest.version}/manifest.toml, or release what it expects first",
    )


def _migrations(config: Config, repository: Repository, commit: str, now: Serving | None) -> tuple[str, ...]:
    if config.migrations is None:
        return ()
    there = repository.files(commit, config.migrations.files)
    before = repository.files(now.commit, config.migrations.files) if now else {}
    return tuple(sorted(path for path in there if before.get(path) != there[path]))
