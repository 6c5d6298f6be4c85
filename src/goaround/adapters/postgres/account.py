"""Who runs the server. PostgreSQL refuses root, so there it is an unprivileged user that exists already."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from goaround.domain.errors import Unavailable

_CANDIDATES = ("postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Account:
    """``switch`` False: the user that goaround itself runs as."""

    name: str
    uid: int
    gid: int
    switch: bool

    def run(
        self, argv: Sequence[str | Path], *, env: dict[str, str], timeout_seconds: float, pass_fds: Iterable[int] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run a program of PostgreSQL in a session of its own. Raises ``OSError`` or ``TimeoutExpired``."""
        return subprocess.run(
            argv,
            env=env,
            cwd="/",
            user=self.uid if self.switch else None,
            group=self.gid if self.switch else None,
            extra_groups=[] if self.switch else None,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=timeout_seconds,
            pass_fds=tuple(pass_fds),
            start_new_session=True,
            umask=0o077,
            check=False,
        )

    def reaches(self, path: Path) -> bool:
        """Whether this user may pass through all folders up to this one, or run this program. Asked of the system
        in that user's name, so access lists and mounts count too."""
        if not self.switch:
            return True
        return self.run(("test", "-x", path), env={"PATH": os.defpath}, timeout_seconds=30).returncode == 0

    def own(self, path: Path) -> None:
        """Give a file or folder to this user."""
        if self.switch:
            os.chown(path, self.uid, self.gid)


def passable(folder: Path) -> Path:
    """The same folder, made if need be, with anybody allowed to pass through whatever the umask says."""
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    return folder


def server_account() -> Account:
    """The current user, or as root the first of ``postgres`` and ``nobody`` there is. Raises ``Unavailable``."""
    if os.geteuid() != 0:
        return Account(str(os.geteuid()), os.geteuid(), os.getegid(), switch=False)
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    for name in _CANDIDATES:
        if name in known:
            return Account(name, known[name].pw_uid, known[name].pw_gid, switch=True)
    raise Unavailable(
        "PostgreSQL does not run as root, and there is neither a user postgres nor nobody",
        state="no database was started",
        remedy="create one: useradd --system postgres",
    )
