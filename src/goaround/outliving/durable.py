"""Files that are either the old or the new whole, whatever happens; standard library only."""

# Pathlib takes as long to import as everything else here together.
# ruff: noqa: PTH105, PTH120, PTH123

from __future__ import annotations

import json
import os


def write(path: str, content: bytes, *, synced: bool = True, mode: int = 0o600) -> None:
    """Replace the file in one step. With ``synced`` it has survived a power cut by the time this returns.

    Raises ``OSError`` (disk full and the like); the old content is still there then.
    """
    new = f"{path}.{os.getpid()}.new"
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.fchmod(fd, mode)
        write_all(fd, content)
        if synced:
            os.fsync(fd)
    finally:
        os.close(fd)
    os.replace(new, path)
    if synced:
        sync_folder(os.path.dirname(path))


def write_json(path: str, value: object, *, synced: bool = True) -> None:
    """The same for a value that JSON can hold."""
    write(path, json.dumps(value, indent=1).encode() + b"\n", synced=synced)


def read_json(path: str) -> dict[str, object] | None:
    """The object in a file; None if there is no such file or it holds none."""
    try:
        with open(path, "rb") as file:
            value = json.loads(file.read())
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def write_all(fd: int, content: bytes) -> None:
    """Write everything; a write to a file may take less than it was given when the disk is nearly full."""
    view = memoryview(content)
    while view:
        view = view[os.write(fd, view) :]


def sync_folder(path: str) -> None:
    """Make what was created, renamed or removed in a folder survive a power cut."""
    fd = os.open(path or ".", os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
