"""The local storage keeps whole files or none, whoever is killed when."""

import asyncio
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from apps.neotoma.tests.support_arrival import HERE, files_in, pieces

from neotoma.storage import LEFT_BEHIND_SECONDS, LocalStorage

pytestmark = pytest.mark.anyio
USER = UUID("00000000-0000-4000-8000-000000000002")
DIGEST = hashlib.sha256(b"hello").hexdigest()
STAGES_FOR_EVER = """
import asyncio, sys
from pathlib import Path
from neotoma.storage import LocalStorage
async def chunks():
    yield b"half"
    print("half", flush=True)
    await asyncio.sleep(600)
asyncio.run(LocalStorage(Path(sys.argv[1])).stage(chunks()))
"""


def grown_old(folder: Path) -> None:
    """Let time pass for every file."""
    past = time.time() - LEFT_BEHIND_SECONDS - 1
    for path in folder.rglob("*"):
        os.utime(path, (past, past))


async def swept(storage: LocalStorage) -> list[tuple[UUID, str]]:
    return [doubt async for doubt in storage.sweep()]


async def test_what_is_kept_is_what_came_and_nothing_else_stays(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    staged = await storage.stage(pieces(b"hel", b"", b"lo"))
    assert (staged.sha256, staged.bytes, staged.path.read_bytes()) == (DIGEST, 5, b"hello")
    kept = await storage.keep(USER, staged)
    assert kept == storage.path(USER, DIGEST)
    assert staged.path.exists(), "who reads it may go on"
    await storage.discard(staged)
    await storage.discard(staged)
    assert files_in(tmp_path) == [f"files/{USER}/{DIGEST}"]
    assert kept.read_bytes() == b"hello"
    assert (kept.stat().st_mode & 0o077, kept.parent.stat().st_mode & 0o077) == (0, 0)


async def test_the_bytes_then_the_folders_that_name_them_are_given_to_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    really = os.fsync

    def spied(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        really(descriptor)

    (tmp_path / "root").mkdir()
    monkeypatch.setattr(os, "fsync", spied)
    storage = LocalStorage(tmp_path / "root")
    staged = await storage.stage(pieces(b"hello"))
    assert synced == [staged.path.name]
    await storage.keep(USER, staged)
    assert synced[1:] == [str(USER), "files", "root"], "both folders are new"
    await storage.keep(USER, staged)
    assert synced[4:] == [str(USER)]


async def test_the_same_bytes_of_two_users_are_two_files_and_of_one_user_one(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    for user in (USER, USER, uuid4()):
        staged = await storage.stage(pieces(b"hello"))
        await storage.keep(user, staged)
        await storage.discard(staged)
    assert len(files_in(tmp_path)) == 2
    await storage.delete(USER)
    await storage.delete(USER)
    assert len(files_in(tmp_path)) == 1
    assert not storage.path(USER, DIGEST).exists()


async def test_a_sender_that_stops_leaves_nothing(tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        assert len(files_in(tmp_path)) == 1
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await LocalStorage(tmp_path).stage(broken())
    assert files_in(tmp_path) == []


async def test_a_cancelled_upload_leaves_nothing_and_no_open_file(tmp_path: Path) -> None:
    begun = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield b"half"
        begun.set()
        await asyncio.Event().wait()

    open_before = len(list(Path("/proc/self/fd").iterdir()))
    task = asyncio.create_task(LocalStorage(tmp_path).stage(endless()))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert files_in(tmp_path) == []
    assert len(list(Path("/proc/self/fd").iterdir())) <= open_before + 1


async def test_a_sweep_leaves_alone_what_a_living_process_holds_and_what_is_young(tmp_path: Path) -> None:
    storage, successor = LocalStorage(tmp_path), LocalStorage(tmp_path)
    staged = await storage.stage(pieces(b"hello"))
    await storage.keep(USER, staged)
    grown_old(tmp_path)
    assert await swept(successor) == []
    assert staged.path.exists()
    young = tmp_path / "staging" / ("0" * 32)
    young.write_bytes(b"half")
    foreign = tmp_path / "staging" / "notes.txt"
    foreign.write_bytes(b"mine")
    assert await swept(successor) == []
    assert young.exists()
    grown_old(tmp_path)
    assert await swept(successor) == []
    assert (young.exists(), foreign.exists()) == (False, True)


async def test_a_process_killed_half_way_leaves_what_the_next_sweep_takes(tmp_path: Path) -> None:
    environment = {"PYTHONPATH": str(HERE / "src"), "PATH": os.environ["PATH"]}
    command = [sys.executable, "-c", STAGES_FOR_EVER, str(tmp_path)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"half\n"
        grown_old(tmp_path)
        assert await swept(LocalStorage(tmp_path)) == []
        assert len(files_in(tmp_path)) == 1
        process.kill()
    assert await swept(LocalStorage(tmp_path)) == []
    assert files_in(tmp_path) == []


async def test_who_died_between_bytes_and_row_leaves_a_doubt_until_it_is_settled(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    staged = await storage.stage(pieces(b"hello"))
    await storage.keep(USER, staged)
    os.close(storage._held.pop(staged.path))  # as the end of a process does
    grown_old(tmp_path)
    assert await anext(LocalStorage(tmp_path).sweep()) == (USER, DIGEST)  # and dies before it has settled it
    assert await swept(LocalStorage(tmp_path)) == [(USER, DIGEST)]
    assert files_in(tmp_path) == [f"files/{USER}/{DIGEST}"]


async def test_a_storage_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    await LocalStorage(tmp_path).check()
    assert files_in(tmp_path) == []
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match="Not a directory"):
        await LocalStorage(tmp_path / "file").check()
