"""The folder of a release: its manifest and the documents of the strategy, with the release's own values filled in.
Pure: values in, files out."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from string import Template

from goaround.cli.markdown import between, code, plain
from goaround.cli.statuspage import untold
from goaround.config.duration import format_duration
from goaround.config.load import parse_manifest
from goaround.config.manifest import is_version
from goaround.config.models import Config
from goaround.config.terms import terms_of
from goaround.domain.release import Environment, Terms
from goaround.domain.signoff import roles

DOCUMENTS = (
    "release_plan.md",
    "acceptance_criteria.md",
    "integration_tests.md",
    "pre_mortem.md",
    "monitoring_plan.md",
    "deployment_strategy.md",
    "status.md",
)
TO_FILL = "TO FILL"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is known of a release when its folder is made. ``previous`` None: it is the first."""

    version: str
    previous: str | None
    owner: str
    name: str = ""
    target_date: date | None = None


def files(wanted: Wanted, config: Config) -> dict[str, bytes]:
    """File name → content, the manifest first. Raises ``ConfigurationError`` if what is wanted makes none."""
    manifest = _filled("manifest.toml", _for_manifest(wanted, config))
    parse_manifest(manifest.decode(), f"releases/{wanted.version}/manifest.toml", wanted.version)
    values = _values(wanted, config, terms_of(config))
    return {"manifest.toml": manifest, **{name: _filled(name, values) for name in DOCUMENTS}}


def newest(names: Iterable[str], before: str) -> str | None:
    """The highest of these versions that comes before another one; what is no version is passed over."""
    older = [name for name in names if is_version(name) and _order(name) < _order(before)]
    return max(older, key=_order, default=None)


def _order(version: str) -> tuple[object, ...]:
    """By semantic versioning: numbers by size, and a version before its releases (``-rc.1``) first."""
    numbers, _, suffix = version[1:].partition("-")
    parts = [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"[.-]", suffix) if part]
    return (*map(int, numbers.split(".")), not suffix, parts)


def _filled(name: str, values: Mapping[str, str]) -> bytes:
    template = (Path(__file__).parent / "templates" / name).read_text(encoding="utf-8")
    return Template(template).substitute(values).encode()


def _for_manifest(wanted: Wanted, config: Config) -> Mapping[str, str]:
    suits = f"{wanted.previous or 'the old version'} works on the schema of {wanted.version}"
    migrations = f"""
# How the database goes back. Until a rehearsal proves it, what stands here is believed.
[migrations]
old_version_works = false     # {TO_FILL}: true if {suits}
rollback = "down"             # "keep" only where the old version works
"""
    return {
        "version": wanted.version,
        "service": config.service,
        "previous_line": f'previous = "{wanted.previous}"'
        if wanted.previous
        else "# previous: it is the first release",
        "name_line": f"name = {_toml(wanted.name)}" if wanted.name else f'# name = "..."  # {TO_FILL}',
        "owner_toml": _toml(wanted.owner),
        "target_line": f"target_date = {wanted.target_date}"
        if wanted.target_date
        else f"# target_date = 2026-12-31  # {TO_FILL}",
        "migrations_table": migrations if config.migrations else "",
    }


def _toml(text: str) -> str:
    """JSON's strings are TOML's, for what can be printed."""
    return json.dumps(text, ensure_ascii=False)


def _values(wanted: Wanted, config: Config, terms: Terms) -> Mapping[str, str]:
    watch, triggers, calendar = terms.watch, terms.triggers, terms.calendar
    return {
        "version": wanted.version,
        "title": plain(f"{wanted.version} {wanted.name}" if wanted.name else wanted.version),
        "service": config.service,
        "strategy": config.strategy,
        "previous": wanted.previous or "nothing (it is the first release)",
        "previous_short": wanted.previous or "the version before",
        "owner": plain(wanted.owner),
        "target_date": str(wanted.target_date or TO_FILL),
        "staging_url": config.environments.staging.base_url,
        "production_url": config.environments.production.base_url,
        "integration": _command(config.validation.integration),
        "smoke": _command(config.validation.smoke),
        "test_limit": format_duration(terms.test_seconds),
        "checklist": "\n".join(f"  - {item.id}: {plain(item.ask)}" for item in terms.checklist)
        or "  - nothing is on it",
        "staging_signers": _signers(terms, "staging"),
        "production_signers": _signers(terms, "production"),
        "staging_expected": format_duration(terms.staging_seconds),
        "production_expected": format_duration(terms.production_seconds),
        "watch_for": format_duration(watch.for_seconds),
        "watch_errors": str(watch.errors),
        "watch_p95": str(watch.p95),
        "watch_minimum": str(watch.minimum_requests),
        "watch_extend": format_duration(watch.extend_seconds),
        "after_rollback": format_duration(watch.after_rollback_seconds),
        "trigger_errors": str(triggers.errors),
        "trigger_p95": str(triggers.p95),
        "trigger_window": format_duration(triggers.window_seconds),
        "trigger_minimum": str(triggers.minimum_requests),
        "rollback_target": format_duration(terms.rollback_target_seconds),
        "calendar": plain(calendar.says()) if calendar else "no windows and no freezes are configured",
        "hold": format_duration(terms.hold_seconds) if terms.hold_seconds else "no time at all: no hold is configured",
        "schema_back": _schema_back(config, terms),
        "status": between(untold(wanted.version)),
    }


def _schema_back(config: Config, terms: Terms) -> str:
    if config.migrations is None:
        return "no migrations are configured"
    if terms.can_go_down:
        return "kept if the manifest says so, or taken back by the down migrations of the new version"
    return "kept: no down migrations are configured"


def _command(argv: tuple[str, ...]) -> str:
    return code(shlex.join(argv)) if argv else "none are configured"


def _signers(terms: Terms, environment: Environment) -> str:
    wanted = (
        f"{role.count} of {' or '.join(role.people)}" if role.count > 1 else " or ".join(role.people)
        for role in roles(terms, environment)
    )
    return plain(", and ".join(wanted))
