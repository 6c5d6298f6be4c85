"""A shop with releases to make: ``shop(folder, "v1.0.0", "v1.1.0")``."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.shop.ports import block_of_ports
from tests.shop.shop import Shop
from tests.shop.terms import Terms
from tests.shop.versions import Version


@contextmanager
def shop(folder: Path, *versions: str, replaces: Mapping[str, str] | None = None, **terms: Any) -> Iterator[Shop]:
    """A repository with a commit for each version, on branch ``release/<version>``, and nothing running yet.

    Each version replaces the good one before it in the list, unless ``replaces`` names another. ``terms`` are those of
    ``Terms``. Whatever runs is ended, and the databases are gone, when this is left.
    """
    with block_of_ports() as ports:
        wanted = Terms(ports[0], ports[4], folder / "told", **terms)
        there = Shop(folder, wanted, _made(versions, replaces or {}, wanted))
        _build(there.project, there.versions)
        try:
            yield there
        finally:
            there.end()


def _made(names: tuple[str, ...], replaces: Mapping[str, str], terms: Terms) -> dict[str, Version]:
    made: dict[str, Version] = {}
    last: Version | None = None
    for name in names:
        made[name] = Version(name, made[replaces[name]] if name in replaces else last, terms)
        last = made[name] if made[name].good else last
    return made


def _build(project: Path, versions: Mapping[str, Version]) -> None:
    project.mkdir(parents=True)
    _git(project, "init", "--quiet", "--template=", "--initial-branch=main")
    for version in versions.values():
        for path in _git(project, "ls-files").split():
            (project / path).unlink()
        for path, content in version.tree.items():
            (project / path).parent.mkdir(parents=True, exist_ok=True)
            (project / path).write_text(content)
        _git(project, "add", "--all")
        _git(project, "commit", "--quiet", f"--message={version.name}")
        _git(project, "branch", f"release/{version.name}")
    _git(project, "config", "user.name", "owner")
    _git(project, "config", "user.email", "owner@example.org")


def _git(project: Path, *arguments: str) -> str:
    settings = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "PATH": os.environ["PATH"]}
    people = ["-c", "user.name=owner", "-c", "user.email=owner@example.org"]
    done = subprocess.run(
        ["git", *people, *arguments], cwd=project, env=settings, check=True, capture_output=True, text=True
    )
    return done.stdout
