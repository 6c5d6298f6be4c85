"""Builds a git repository of neotoma's releases: ``python apps/neotoma/history/build.py DEST [VERSION ...]``.

``apps/neotoma`` is CURRENT. Every other version has a folder beside this file, holding in full the files that differ
from the version named in its ``history.toml``:

    based_on = "v1.0.0"          the version whose files all others are
    message  = "..."             the commit message
    schema   = "0001"            what ``migrate up`` brings an empty database to, or the version it stops at
    absent   = ["pattern", ...]  files that this version does not have; * is any part of a path, and a pattern
                                 after a ! names those that it has all the same

The repository has one commit a version, in the order asked for, each also on the branch ``release/VERSION``; ``main``
is at the last. Commits depend on nothing but the files and that order: not on the clock, the user or git's settings.
"""

import os
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

HISTORY = Path(__file__).resolve().parent
CURRENT = "v1.0.0"
GOOD = ("v0.9.0", "v1.0.0", "v1.1.0")
RELEASED = (
    ".gitignore",
    "goaround.toml",
    "migrations",
    "pyproject.toml",
    "releases",
    "requirements.lock",
    "src/neotoma",
    "validation",
)
FIRST_COMMIT = 1_767_614_400  # 2026-01-05 12:00 UTC, and one day later each
Tree = Mapping[str, bytes]


@dataclass(frozen=True)
class Version:
    """One version of neotoma."""

    name: str
    message: str
    schema: str
    tree: Tree


def versions() -> tuple[str, ...]:
    """Every version there is, sorted by name."""
    return tuple(sorted([CURRENT, *(path.parent.name for path in HISTORY.glob("*/history.toml"))]))


def version(name: str) -> Version:
    """One version with all its files. Raises ValueError for a version there is not."""
    if name == CURRENT:
        message = "Each user a memory, with a timeline and full-text search"
        return Version(name, message, "0008", _files(HISTORY.parent, RELEASED))
    folder = HISTORY / name
    if not (folder / "history.toml").exists():
        raise ValueError(f"There is no {name}. There are: {', '.join(versions())}")
    told = tomllib.loads((folder / "history.toml").read_text(encoding="utf-8"))
    own = _files(folder, [path.name for path in folder.iterdir() if path.name != "history.toml"])
    absent: list[str] = told.get("absent", [])
    inherited = version(told["based_on"]).tree.items()
    kept = {path: content for path, content in inherited if not _matches(path, absent)}
    return Version(name, told["message"], told["schema"], kept | own)


def _matches(path: str, patterns: Sequence[str]) -> bool:
    """Whether the last pattern that fits says so."""
    fitting = [pattern for pattern in patterns if fnmatchcase(path, pattern.removeprefix("!"))]
    return bool(fitting) and not fitting[-1].startswith("!")


def _files(root: Path, names: Sequence[str]) -> dict[str, bytes]:
    paths = [path for name in names for path in [root / name, *(root / name).rglob("*")] if path.is_file()]
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths if path.suffix != ".pyc"}


def build_repository(destination: Path, names: Sequence[str] = GOOD) -> dict[str, str]:
    """Make a repository of these versions at ``destination``, which must be empty or not there.

    Returns the commit of each version. Later trees keep the manifests of the releases before them. Raises ValueError
    for an unknown version or a full destination, before anything is written.
    """
    releases = [version(name) for name in names]
    if destination.exists() and any(destination.iterdir()):
        raise ValueError(f"{destination} is not empty. Name another folder.")
    destination.mkdir(parents=True, exist_ok=True)
    _git(destination, FIRST_COMMIT, "init", "--quiet", "--template=", "--initial-branch=main")
    commits: dict[str, str] = {}
    manifests: Tree = {}
    for number, release in enumerate(releases):
        tree = {**manifests, **release.tree}
        commits[release.name] = _commit(destination, FIRST_COMMIT + number * 86_400, release, tree)
        manifests = {path: content for path, content in tree.items() if path.startswith("releases/")}
    return commits


def _commit(repository: Path, at: int, release: Version, tree: Tree) -> str:
    for path in _git(repository, at, "ls-files", "-z").split("\0"):
        (repository / path).unlink() if path else None
    for path, content in tree.items():
        (repository / path).parent.mkdir(parents=True, exist_ok=True)
        (repository / path).write_bytes(content)
    _git(repository, at, "add", "--all", "--force")
    _git(repository, at, "commit", "--quiet", "--allow-empty", f"--message={release.name}: {release.message}")
    _git(repository, at, "branch", f"release/{release.name}")
    return _git(repository, at, "rev-parse", "HEAD").strip()


def _git(repository: Path, at: int, *arguments: str) -> str:
    """Run git as nobody in particular: a fixed author and date, and no settings of the user or the machine."""
    settings = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    for role in ("AUTHOR", "COMMITTER"):
        settings |= {f"GIT_{role}_NAME": "neotoma", f"GIT_{role}_EMAIL": "neotoma@example.org"}
        settings |= {f"GIT_{role}_DATE": f"{at} +0000"}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "-c", "core.autocrlf=false", "-c", "core.fileMode=false", *arguments]
    done = subprocess.run(command, cwd=repository, env=inherited | settings, check=True, capture_output=True, text=True)
    return done.stdout


def main(arguments: Sequence[str]) -> int:
    """Build what the command line asks for; print each version with its commit."""
    if not arguments or arguments[0].startswith("-"):
        print(f"{__doc__}\nVersions: {' '.join(versions())}", file=sys.stderr)
        return 2
    try:
        commits = build_repository(Path(arguments[0]), arguments[1:] or GOOD)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    for name, commit in commits.items():
        print(name, commit)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
