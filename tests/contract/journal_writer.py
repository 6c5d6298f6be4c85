"""Writers of a journal, to be run as processes of their own.

python journal_writer.py append FILE RELEASE COUNT    appends so many events, then says ``done``
python journal_writer.py full FILE BYTES              appends until a file may not grow any more, says how it ended
python journal_writer.py read-only FILE               as somebody who may not write there
"""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

from goaround.adapters.sqlite_journal import SqliteJournal
from goaround.domain.errors import GoaroundError
from goaround.domain.events import AbortAsked


def append(file: Path, release: str, count: str) -> None:
    journal = SqliteJournal(file)
    for number in range(int(count)):
        journal.append(release, AbortAsked("owner", f"{number}"))
    print("done")


def full(file: Path, limit: str) -> None:
    """The disk is full for a while: then how many events there are, and that the next is written again."""
    journal = SqliteJournal(file)
    before = journal.verify()
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), resource.RLIM_INFINITY))
    written = 0
    try:
        while True:
            journal.append("v1.0.0", AbortAsked("owner", "x" * 1000))
            written += 1
    except GoaroundError as error:
        print(type(error).__name__, error.state)
    assert journal.verify() == before + written, "what was refused is in the journal"
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    journal.append("v1.0.0", AbortAsked("owner", "there is room again"))
    print(before + written + 1, journal.verify())


def read_only(file: Path) -> None:
    if os.geteuid() == 0:
        os.setgid(65534)
        os.setuid(65534)
    try:
        SqliteJournal(file).append("v1.0.0", AbortAsked("owner", "no"))
    except GoaroundError as error:
        print(type(error).__name__)


def main(kind: str, file: str, *words: str) -> None:
    match kind:
        case "append":
            append(Path(file), *words)
        case "full":
            full(Path(file), *words)
        case "read-only":
            read_only(Path(file))


if __name__ == "__main__":
    main(*sys.argv[1:])
