"""The git repository that holds the service, and its tags, through the ``git`` program.

Works from the folder of ``goaround.toml``: paths are relative to it, and only what is below it counts, so a service
may live in a folder of a larger repository. No hook of the user ever runs.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

from goaround.domain.errors import Refused, Unavailable
from goaround.domain.signoff import CONTROLLER
from goaround.ports import Commit

_COMPLAINTS = ("fatal: ", "error: ", "remote: ", "ssh: ")
_OPTIONS = ("core.hooksPath=/dev/null", "core.fsmonitor=false", "core.quotePath=false", "gc.auto=0", "tar.umask=0022")
_OWN_STATE = ".goaround"
_LIMIT_SECONDS = 120.0
_REMOTE_SECONDS = 60.0
_SSH = ("-c", "gpg.format=ssh", "-c", "gpg.ssh.program=ssh-keygen")


class GitRepository:
    """``ports.Repository`` and ``ports.Tags`` for the working tree at ``folder``; ``wait`` waits for a remote.

    Everything raises ``Unavailable`` if git is missing, refuses, or the folder is in no repository.
    """

    def __init__(self, folder: Path, wait: Callable[[float], None] = time.sleep) -> None:
        self._folder, self._wait = folder, wait

    def commit(self, ref: str) -> Commit:
        """The commit that a branch, tag or (abbreviated) digest means. Raises ``Refused`` if it means none."""
        found = self._ask("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}") if ref[:1] not in ("-", "") else None
        if found is None:
            self._require_repository()
            raise self._unknown(ref)
        digest = found.decode().strip()
        said = self._run("show", "--no-patch", "--no-show-signature", "--format=%s%x00%an <%ae>", digest, "--")
        subject, _, author = said.decode("utf-8", "replace").rstrip("\n").partition("\0")
        return Commit(digest, subject, author)

    def changes(self) -> tuple[str, ...]:
        """See the port. What goaround itself keeps in ``.goaround`` is no change."""
        spec = (".", f":(exclude){_OWN_STATE}")
        said = self._run("status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", "--", *spec)
        # Named from the top of the repository, wherever this was asked.
        prefix = self._run("rev-parse", "--show-prefix").rstrip(b"\n")
        return tuple(os.fsdecode(entry[3:].removeprefix(prefix)) for entry in said.split(b"\0") if entry)

    def read(self, commit: str, path: str) -> bytes | None:
        """The file at that commit; None if there was none."""
        for kind, digest, name in self._entries(commit, path):
            if kind == "blob" and name == path:
                return self._run("cat-file", "blob", digest)
        return None

    def files(self, commit: str, pattern: str) -> Mapping[str, str]:
        """See the port. ``*`` stays within a folder, ``**`` stands for any number of them."""
        entries = self._entries(commit, recursive=True)
        wanted = pattern.split("/")
        return {name: digest for kind, digest, name in entries if kind == "blob" and _matches(name.split("/"), wanted)}

    def tagged(self, name: str) -> str | None:
        """See the port."""
        found = self._ask("rev-parse", "--verify", "--quiet", f"refs/tags/{name}^{{commit}}")
        if found is None:
            self._require_repository()
        return found.decode().strip() if found else None

    def tag(self, name: str, commit: str, message: str, sign: Callable[[bytes], str] | None = None) -> None:
        """See the port."""
        if self.tagged(name) is None:
            text = (message or name).encode()
            options = ("--annotate", "--no-sign", "--cleanup=verbatim", "--file=-")
            try:
                if sign is not None:
                    self._tag_signed(name, self.commit(commit).digest, text, sign)
                else:
                    self._run("tag", *options, "--", name, commit, stdin=text, env=self._identity())
            except Unavailable:
                if self.tagged(name) is None:  # otherwise somebody was quicker; on which commit is looked at below
                    raise
        there = self.tagged(name)
        if there != self.commit(commit).digest:
            raise Refused(
                f"the tag {name} is on commit {(there or '')[:10]} and not on {commit[:10]}",
                state="the tag was not moved",
                remedy="release under a version of its own; a tag that was given is never moved",
            )

    def _tag_signed(self, name: str, commit: str, text: bytes, sign: Callable[[bytes], str]) -> None:
        """What ``git tag --sign`` makes. That gives a tag without a signature, and no error, where ssh-keygen fails
        (2.39.5); so the object is made whole first, and only then has a name."""
        who = self._run("var", "GIT_COMMITTER_IDENT", env=self._identity()).strip()
        head = f"object {commit}\ntype commit\ntag {name}\ntagger ".encode() + who + b"\n\n"
        document = head + text.rstrip(b"\n") + b"\n"  # the signature begins a line of its own
        made = self._run("mktag", stdin=document + sign(document).encode()).decode().strip()
        self._run("update-ref", f"refs/tags/{name}", made, "")

    def signed(self, name: str, key: str) -> bool:
        """See the port. By ``git verify-tag``, and by the name that is signed too: a tag may have been copied."""
        with TemporaryDirectory(prefix="goaround-") as folder:
            allowed = Path(folder, "allowed_signers")
            allowed.write_text(f'{CONTROLLER} namespaces="git" {key}\n')
            options = (*_SSH, "-c", f"gpg.ssh.allowedSignersFile={allowed}")
            if self._ask(*options, "verify-tag", f"refs/tags/{name}") is None:
                return False
        header, _, _ = (self._ask("cat-file", "tag", f"refs/tags/{name}") or b"").partition(b"\n\n")
        return f"tag {name}".encode() in header.split(b"\n")

    def missing(self, remote: str, names: Sequence[str]) -> tuple[str, ...]:
        """See the port. A push that is only tried asks where it would go, which need not be where fetches come from."""
        there = self._push(remote, names, "--dry-run")
        other = [name for name in names if there.get(name, "").startswith("!")]
        if other:
            raise Refused(
                f"{remote} has another {' and '.join(other)} than this repository",
                state="nothing was pushed; a tag is never moved",
                remedy=f"find out who made it: git ls-remote {remote} {' '.join(other)}",
            )
        return tuple(name for name in names if not there.get(name, "").startswith("="))

    def push(self, remote: str, names: Sequence[str]) -> None:
        """See the port."""
        refused = [f"{name}: {flag[1:]}" for name, flag in self._push(remote, names).items() if flag[0] not in "*="]
        if refused:
            raise Unavailable(
                f"{remote} does not take {'; '.join(refused)}",
                state="the tags are in this repository",
                remedy=f"see why, and push by hand: git push {remote} {' '.join(names)}",
            )

    def _push(self, remote: str, names: Sequence[str], *options: str) -> Mapping[str, str]:
        """Tag → git's flag for what became of it and why: ``*`` new, ``=`` there already, ``!`` not taken."""
        config = ("-c", "push.followTags=false", "-c", "push.gpgSign=false")
        exactly = ("--porcelain", "--no-verify", "--no-force", "--recurse-submodules=no", *options)
        refs = [f"refs/tags/{name}:refs/tags/{name}" for name in names]
        code, said, why = self._watched(*config, "push", *exactly, "--", remote, *refs)
        found = (line.split("\t") for line in said.splitlines())
        flags = {f[1].rpartition(":")[2].removeprefix("refs/tags/"): f[0] + f[2] for f in found if len(f) == 3}
        if code != 0 and not any(flag.startswith("!") for flag in flags.values()):
            raise Unavailable(
                f"{remote} could not be reached: {why}",
                state="the tags are in this repository",
                remedy=f"see that it answers, and push by hand: git push {remote} {' '.join(names)}",
            )
        return flags

    def archive(self, commit: str, destination: Path) -> None:
        """Write a tar file of what the commit holds below the folder."""
        self._run("archive", "--format=tar", f"--output={destination}", commit)

    def _entries(self, commit: str, *paths: str, recursive: bool = False) -> Iterator[tuple[str, str, str]]:
        """Kind, digest and path of what a commit holds below the folder."""
        options = ("-r",) if recursive else ()
        for entry in self._run("ls-tree", "-z", *options, commit, "--", *paths).split(b"\0"):
            if entry:
                meta, _, name = entry.partition(b"\t")
                _, kind, digest = meta.decode().split()
                yield kind, digest, os.fsdecode(name)

    def _identity(self) -> dict[str, str]:
        """Whose name is on a tag: the user's, or goaround's where none is configured."""
        if self._ask("-c", "user.useConfigOnly=true", "var", "GIT_COMMITTER_IDENT") is not None:
            return {}
        return {"GIT_COMMITTER_NAME": "goaround", "GIT_COMMITTER_EMAIL": "goaround@localhost"}

    def _require_repository(self) -> None:
        self._run("rev-parse", "--git-dir")

    def _unknown(self, ref: str) -> Refused:
        empty = self._ask("rev-parse", "--verify", "--quiet", "HEAD^{commit}") is None
        return Refused(
            f"{ref!r} means no commit" + (": the repository has none yet" if empty and ref == "HEAD" else ""),
            state="nothing was begun",
            remedy="commit first" if empty else "name a branch, a tag or a commit of this repository (see: git log)",
        )

    def _run(self, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> bytes:
        done = self._git(arguments, stdin, env or {})
        if done.returncode != 0:
            raise _failed(self._folder, arguments, done.stderr.decode("utf-8", "replace").strip())
        return done.stdout

    def _ask(self, *arguments: str) -> bytes | None:
        """The answer, or None where git says no."""
        done = self._git(arguments, b"", {})
        return done.stdout if done.returncode == 0 else None

    def _git(
        self, arguments: tuple[str, ...], stdin: bytes, env: Mapping[str, str]
    ) -> subprocess.CompletedProcess[bytes]:
        options = [word for option in _OPTIONS for word in ("-c", option)]
        try:
            return subprocess.run(
                ("git", *options, *arguments),
                cwd=self._folder,
                env={**_environment(), **env},
                input=stdin,
                capture_output=True,
                timeout=_LIMIT_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired, ValueError) as error:
            raise _failed(self._folder, arguments, str(error)) from error

    def _watched(self, *arguments: str) -> tuple[int, str, str]:
        """Run a git that talks to another machine: nobody is there to type a password, and a sign of life is given
        while it takes its time. Exit code, what it printed, and what it complained of."""
        options = [word for option in _OPTIONS for word in ("-c", option)]
        with TemporaryFile() as said, TemporaryFile() as why:
            try:
                process = subprocess.Popen(
                    ("git", *options, *arguments),
                    cwd=self._folder,
                    env=_environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=why,
                    start_new_session=True,
                )
            except OSError as error:
                raise _failed(self._folder, arguments, str(error)) from error
            until = time.monotonic() + _REMOTE_SECONDS
            try:
                while process.poll() is None and time.monotonic() < until:
                    self._wait(0.05)
                in_time = process.poll() is not None
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
            said.seek(0)
            why.seek(0)
            lines = [
                line for line in why.read().decode("utf-8", "replace").splitlines() if line.startswith(_COMPLAINTS)
            ]
            late = "" if in_time else f"no answer within {_REMOTE_SECONDS:g} s"
            return (
                process.returncode,
                said.read().decode("utf-8", "replace"),
                _unsecret("; ".join(filter(None, [late, *lines]))),
            )


def _unsecret(said: str) -> str:
    """Without the password that an URL may hold."""
    return re.sub(r"://[^/@\s']*@", "://***@", said)


def _environment() -> dict[str, str]:
    """The user's own, so that identity and ``safe.directory`` count, without what would point at another repository."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    identity = {name: value for name, value in os.environ.items() if name.startswith(("GIT_COMMITTER_", "GIT_AUTHOR_"))}
    return {**kept, **identity, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}


def _failed(folder: Path, arguments: tuple[str, ...], said: str) -> Unavailable:
    verb = next((word for word in arguments if not word.startswith("-") and "=" not in word), "")
    return Unavailable(
        f"git {verb} failed in {folder}: {said.removeprefix('fatal: ') or 'no reason given'}",
        state="the repository is as it was",
        remedy="see that git is installed, that this folder is in a repository of yours, and that the disk has room",
    )


def _matches(path: list[str], pattern: list[str]) -> bool:
    if pattern == ["**"]:
        return bool(path)
    if not path or not pattern:
        return not path and not pattern
    if pattern[0] == "**":
        return _matches(path, pattern[1:]) or _matches(path[1:], pattern)
    return fnmatchcase(path[0], pattern[0]) and _matches(path[1:], pattern[1:])
