"""A disk that is too small, or gets full on the way."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.e2e.desk import goaround, release, toml
from tests.polling import until
from tests.shop.fixture import ShopFactory
from tests.shop.shop import Shop

pytestmark = pytest.mark.xdist_group("e2e-main-job")
MEGABYTE = 1024**2


@pytest.fixture
def small(shop_factory: ShopFactory) -> Iterator[Shop]:
    """A shop that keeps everything on a disk of its own."""
    shop = shop_factory("v1.0.0")
    with _disk(shop.project / ".goaround", 900):
        yield shop
        shop.end()


@contextmanager
def _disk(folder: Path, megabytes: int) -> Iterator[None]:
    folder.mkdir()
    options = f"size={megabytes}m,mode=0755"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"cannot make a small disk: {mounted.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextmanager
def _filled(folder: Path, leaving: int) -> Iterator[None]:
    """So that only so many bytes are left."""
    stuff = folder / "stuff"
    with stuff.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize - leaving)
    try:
        yield
    finally:
        stuff.unlink()


def test_a_disk_with_too_little_room_is_said_before_anything_is_built(small: Shop) -> None:
    with _filled(small.project / ".goaround", 300 * MEGABYTE):
        said = release(small, "v1.0.0")
    said.clear(4, "GB are free at", "nothing was built or changed", "make room")
    assert small.house.states.refresh().of("v1.0.0") is not None


def test_a_disk_that_gets_full_under_a_release_stops_it_where_it_is_and_it_goes_on_when_there_is_room(
    small: Shop, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    script = f"[ -e {gate}.open ] || read line < {gate}; head -c 2M /dev/zero > filler"
    slow = f'[build]\ncommand = ["sh", "-c", "{script}"]\n\n[run]'
    with toml(small, ("[run]", slow)):
        process = small.start("release", "v1.0.0", "--ref", "release/v1.0.0")
        until(lambda: any(str(gate) in line for _, line in small.running()), 60)
        with _filled(small.project / ".goaround", 0):
            Path(f"{gate}.open").touch()
            with gate.open("w") as waiting:
                waiting.write("go\n")
            out, err = process.communicate(timeout=60)
            assert process.returncode == 4, out + err
            assert "Traceback" not in out + err
            assert "error: " in out + err
            assert "  do:  make room" in out + err
        said = goaround(small, "resume")
        state = small.state("v1.0.0")
        # Either it could still be written down that the build failed, or nobody knows, and it is built once more.
        assert said.code == (4 if state.of("v1.0.0/staging/build").failed else 5), said.all
        assert state.of("v1.0.0/staging/deploy").attempt == (1 if said.code == 5 else 0)
