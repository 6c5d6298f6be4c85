"""A dump with its manifest: what makes it whole, and what tells that it was altered."""

from __future__ import annotations

import hashlib
import json
import os
import re
import zlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from goaround.domain.errors import Unavailable
from goaround.outliving import durable
from goaround.ports import Backup

MANIFEST = "backup.json"
LIST = "backup.list"
_CHUNK = 1 << 20
_DATA = re.compile(r"(\d+); \d+ \d+ TABLE DATA ")


def check_dump(folder: Path, entries: list[str]) -> str | None:
    """What is wrong with the files of a dump, or None. pg_restore --list reads the table of contents only, so a data
    file that is missing or ends early would show up no sooner than in the restore."""
    for entry in entries:
        if (match := _DATA.match(entry)) and not (folder / f"{match[1]}.dat.gz").exists():
            return f"{match[1]}.dat.gz is missing, which holds: {entry}"
    for path in sorted(folder.glob("*.gz")):
        if not _whole(path):
            return f"{path.name} is truncated or damaged"
    return None


def _whole(path: Path) -> bool:
    reader = zlib.decompressobj(wbits=31)
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                while chunk:  # a piece at a time: a little gzip can be a lot of zeros
                    reader.decompress(chunk, _CHUNK)
                    chunk = reader.unconsumed_tail
    except zlib.error:
        return False
    return reader.eof


def seal(folder: Path, seconds: float, server_version: str, entries: int, started_at: datetime) -> Backup:
    """Write the manifest; everything in the folder has survived a power cut by the time this returns."""
    files = _digests(folder)
    for name in files:
        _sync(folder / name)
    size = sum((folder / name).stat().st_size for name in files)
    made = Backup(folder, _digest(files), size, seconds, server_version, entries)
    manifest = {
        "digest": made.digest,
        "size_bytes": size,
        "seconds": seconds,
        "server_version": server_version,
        "entries": entries,
        "started_at": started_at.isoformat(),
        "files": files,
    }
    durable.write_json(str(folder / MANIFEST), manifest)
    return made


def read_sealed(folder: Path) -> Backup | None:
    """The backup in this folder; None if there is no folder. Raises ``Unavailable`` if it was altered, saying where."""
    if not folder.exists():
        return None
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        found = Backup(
            folder,
            str(manifest["digest"]),
            int(manifest["size_bytes"]),
            float(manifest["seconds"]),
            str(manifest["server_version"]),
            int(manifest["entries"]),
        )
        files: Mapping[str, str] = dict(manifest["files"])
    except (OSError, ValueError, KeyError, TypeError):
        raise _altered(folder, f"{MANIFEST} is missing or unreadable") from None
    now = _digests(folder)
    for name in sorted(files.keys() | now.keys()):
        if files.get(name) != now.get(name):
            how = "is missing" if name not in now else "was not there" if name not in files else "was altered"
            raise _altered(folder, f"{name} {how}")
    if found.digest != _digest(now):
        raise _altered(folder, f"{MANIFEST} was altered")
    return found


def fixed(made: Backup, place: Path) -> Backup:
    """The same backup at its final place."""
    return replace(made, path=place)


def _digests(folder: Path) -> dict[str, str]:
    """Name → SHA-256 of each file but the manifest, in order of their names."""
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    return {name: _file_digest(folder / name) for name in names if name != MANIFEST}


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest(files: Mapping[str, str]) -> str:
    """Over lines as ``sha256sum`` writes them, so that anybody can check it by hand."""
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(files.items()))
    return "sha256:" + hashlib.sha256(lines.encode()).hexdigest()


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _altered(folder: Path, what: str) -> Unavailable:
    return Unavailable(
        f"the backup in {folder} is not what was taken: {what}",
        state="it was left as it is, and no other was taken in its place",
        remedy="move it away; whatever relied on it has no backup",
    )
