"""Builds of exact commits in a folder, each under the digest of what it holds."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import stat
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from goaround.domain.errors import Unavailable

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_CACHE = "__pycache__"
_WRITE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


class ArtifactStore:
    """``ports.Artifacts`` under ``folder``; ``archive(commit, path)`` writes the tar file of a commit."""

    def __init__(self, folder: Path, archive: Callable[[str, Path], None]) -> None:
        self._folder = folder
        self._archive = archive
        self._verified: dict[str, str] = {}

    def export(self, commit: str, folder: Path) -> None:
        """See the port. Raises ``Unavailable`` if the commit has unsafe paths or the disk is full."""
        packed = folder.with_name(f".{folder.name}.tar")
        with _spoken_of(f"commit {commit[:10]} could not be exported", folder):
            _remove(folder)
            folder.mkdir(parents=True)
            try:
                self._archive(commit, packed)
                with tarfile.open(packed) as tar:
                    tar.extractall(folder, filter="data")
            finally:
                packed.unlink(missing_ok=True)

    def keep(self, folder: Path) -> str:
        """See the port. What is kept is read-only; keeping the same again is fine."""
        with _spoken_of("the build could not be kept", self._folder):
            digest = digest_of(folder)
            kept = self._at(digest)
            if kept.exists() and digest_of(kept) != digest:
                self._discard(kept)  # altered, and here is the real one
            if kept.exists():
                _remove(folder)
            else:
                self._folder.mkdir(parents=True, exist_ok=True)
                self._move(folder, kept)
            _make_read_only(kept)
            os.sync()  # the journal will say that it is there, also after a power cut
        return digest

    def path(self, digest: str) -> Path:
        """See the port. Contents are read again whenever a size, time or inode differs from the last look."""
        kept = self._at(digest)
        if not kept.is_dir():
            raise _unusable(digest, "is missing")
        with _spoken_of(f"artifact {digest} cannot be read", self._folder):
            looks = _looks_of(kept)
            if self._verified.get(digest) != looks:
                if digest_of(kept) != digest:
                    raise _unusable(digest, f"was altered in {kept}")
                self._verified[digest] = looks
        return kept

    def differences(self, one: Path, other: Path) -> tuple[str, ...]:
        """See the port."""
        with _spoken_of("two builds could not be compared", self._folder):
            here, there = ({name: rest for name, *rest in _contents(folder)} for folder in (one, other))
        return tuple(os.fsdecode(name) for name in sorted({*here, *there}) if here.get(name) != there.get(name))

    def prune(self, needed: frozenset[str]) -> tuple[str, ...]:
        """Remove every artifact that is not needed; returns the digests of those that were removed."""
        removed = []
        for kept in sorted(self._folder.iterdir()) if self._folder.is_dir() else ():
            digest = kept.name.replace("-", ":", 1)
            if digest in needed:
                continue
            with _spoken_of(f"artifact {digest} could not be removed", self._folder):
                self._discard(kept)
            if _DIGEST.fullmatch(digest):
                removed.append(digest)
        return tuple(removed)

    def _at(self, digest: str) -> Path:
        if not _DIGEST.fullmatch(digest):
            raise _unusable(digest, "has no digest of the form sha256:…")
        return self._folder / digest.replace(":", "-")

    def _move(self, folder: Path, kept: Path) -> None:
        try:
            folder.rename(kept)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            # Another file system: copied beside first, so that a half copy never has a digest for its name.
            aside = self._folder / f".incoming-{kept.name}"
            _remove(aside)
            shutil.copytree(folder, aside, symlinks=True)
            aside.rename(kept)
            _remove(folder)

    def _discard(self, kept: Path) -> None:
        """Out of the way in one step, and then removed, so that no half artifact has a digest for its name."""
        gone = self._folder / f".gone-{kept.name.removeprefix('.gone-')}"
        if kept != gone:
            _remove(gone)
            kept.rename(gone)
        _remove(gone)


def digest_of(folder: Path) -> str:
    """``sha256:…`` over sorted paths, whether each may be executed, contents, and where links lead."""
    whole = hashlib.sha256()
    for name, kind, content in _contents(folder):
        whole.update(kind + b"\0" + name + b"\0" + content)
    return f"sha256:{whole.hexdigest()}"


def _contents(folder: Path) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Name, kind and digest of everything that counts, sorted by name."""
    for path, name in _files(folder):
        about = path.lstat()
        if stat.S_ISLNK(about.st_mode):
            kind, content = b"link", hashlib.sha256(os.fsencode(path.readlink())).digest()
        elif stat.S_ISREG(about.st_mode):
            kind = b"program" if about.st_mode & stat.S_IXUSR else b"file"
            with path.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").digest()
        else:
            raise Unavailable(
                f"{path} is neither a file, a folder nor a link",
                state="nothing was kept",
                remedy="have the build command leave no sockets, pipes or devices behind",
            )
        yield name, kind, content


def _files(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Every file and link with its name from the folder, sorted by that; caches of Python left out."""
    found = []
    for place, folders, files in os.walk(folder):
        links = [name for name in folders if (Path(place) / name).is_symlink()]
        folders[:] = [name for name in folders if name != _CACHE]
        found += [Path(place) / name for name in (*files, *links)]
    return iter(sorted(((path, os.fsencode(path.relative_to(folder))) for path in found), key=lambda pair: pair[1]))


def _looks_of(folder: Path) -> str:
    """A digest over what can be seen without reading: any change of contents changes the inode's change time."""
    whole = hashlib.sha256()
    for path, name in _files(folder):
        about = path.lstat()
        whole.update(b"%b\0%d %d %d\0" % (name, about.st_ino, about.st_size, about.st_ctime_ns))
    return whole.hexdigest()


def _make_read_only(folder: Path) -> None:
    for place, folders, files in os.walk(folder, topdown=False):
        for path in (Path(place) / name for name in (*folders, *files)):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & ~_WRITE)
    folder.chmod(folder.stat().st_mode & ~_WRITE)


def _remove(folder: Path) -> None:
    """Remove whatever is there, read-only folders included."""
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
    if not folder.exists():
        return
    for place, _, _ in os.walk(folder):  # top down, so that each can be entered
        Path(place).chmod(0o700)
    shutil.rmtree(folder)


@contextmanager
def _spoken_of(what: str, folder: Path) -> Iterator[None]:
    """Says what a failing disk or archive means."""
    try:
        yield
    except (OSError, tarfile.TarError) as error:
        raise Unavailable(
            f"{what}: {error}{_room(folder)}",
            state="no artifact was changed",
            remedy="make room or correct the permissions, then try again"
            if isinstance(error, OSError)
            else "remove the path from the repository: it would be written outside of the build folder",
        ) from error


def _room(folder: Path) -> str:
    there = next((place for place in (folder, *folder.parents) if place.exists()), Path("/"))
    usage = shutil.disk_usage(there)
    return f" ({usage.free / 1e6:.0f} MB of {usage.total / 1e6:.0f} MB are free)"


def _unusable(digest: str, reason: str) -> Unavailable:
    return Unavailable(
        f"artifact {digest[:19]} {reason}",
        state="it was not used",
        remedy="restore the folder from a backup, or release the version again so that it is built again",
    )
