"""An artifact is what its digest says, or it is not used."""

from __future__ import annotations

import errno
import io
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from goaround.adapters.artifacts import ArtifactStore, digest_of
from goaround.domain.errors import Unavailable


def _pack(files: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    return packed.getvalue()


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    commits = {"good": {"app.py": "run()\n", "lib/a.py": "a\n"}, "evil": {"../../escaped": "x"}}

    def archive(commit: str, path: Path) -> None:
        path.write_bytes(_pack(commits[commit]))

    return ArtifactStore(tmp_path / "store", archive)


def _build(folder: Path) -> Path:
    (folder / "lib").mkdir(parents=True)
    (folder / "app.py").write_text("run()\n")
    (folder / "run").write_text("#!/bin/sh\n")
    (folder / "run").chmod(0o755)
    (folder / "lib/a.py").write_text("a\n")
    (folder / "link").symlink_to("app.py")
    (folder / "folder-link").symlink_to("lib")
    return folder


def test_an_export_replaces_what_was_there(store: ArtifactStore, tmp_path: Path) -> None:
    folder = tmp_path / "work" / "tree"
    for _ in range(2):
        store.export("good", folder)
        assert sorted(str(p.relative_to(folder)) for p in folder.rglob("*")) == ["app.py", "lib", "lib/a.py"]
        (folder / "left over").mkdir(mode=0o500)
    assert [path.name for path in folder.parent.iterdir()] == ["tree"]


def test_an_export_never_writes_outside_of_its_folder(store: ArtifactStore, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="could not be exported"):
        store.export("evil", tmp_path / "work" / "tree")
    assert not (tmp_path / "escaped").exists()


def test_what_was_kept_is_found_under_its_digest_and_read_only(store: ArtifactStore, tmp_path: Path) -> None:
    digest = store.keep(_build(tmp_path / "build"))
    assert not (tmp_path / "build").exists()
    kept = store.path(digest)
    assert (kept / "link").read_text() == "run()\n"
    assert digest == digest_of(kept)
    assert all(path.stat().st_mode & 0o222 == 0 for path in (kept, *kept.rglob("*")))
    assert (kept / "run").stat().st_mode & 0o111


def test_keeping_the_same_again_is_fine_and_keeps_one(store: ArtifactStore, tmp_path: Path) -> None:
    first = store.keep(_build(tmp_path / "one"))
    assert store.keep(_build(tmp_path / "two")) == first
    assert not (tmp_path / "two").exists()
    assert len(list((tmp_path / "store").iterdir())) == 1


def _changes() -> dict[str, object]:
    def program(folder: Path) -> None:
        (folder / "app.py").chmod(0o755)

    def content(folder: Path) -> None:
        (folder / "app.py").write_text("ran()\n")

    def name(folder: Path) -> None:
        (folder / "app.py").rename(folder / "apq.py")

    def link(folder: Path) -> None:
        (folder / "link").unlink()
        (folder / "link").symlink_to("run")

    def folder_link(folder: Path) -> None:
        (folder / "folder-link").unlink()
        (folder / "folder-link").symlink_to("/tmp")

    def removed(folder: Path) -> None:
        (folder / "lib/a.py").unlink()

    def added(folder: Path) -> None:
        (folder / "lib/b.py").touch()

    def kind(folder: Path) -> None:
        (folder / "link").unlink()
        (folder / "link").write_text("app.py")

    return {f.__name__: f for f in (program, content, name, link, folder_link, removed, added, kind)}


@pytest.mark.parametrize("change", _changes().values(), ids=_changes().keys())
def test_any_change_changes_the_digest_and_is_refused(store: ArtifactStore, tmp_path: Path, change: object) -> None:
    assert callable(change)
    digest = store.keep(_build(tmp_path / "one"))
    other = _build(tmp_path / "two")
    change(other)
    assert digest_of(other) != digest
    kept = store.path(digest)
    for path in (kept, kept / "lib", kept / "app.py"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    change(kept)
    with pytest.raises(Unavailable, match="was altered"):
        store.path(digest)


def test_times_owners_write_modes_and_caches_do_not_count(tmp_path: Path) -> None:
    folder = _build(tmp_path / "one")
    before = digest_of(folder)
    os.utime(folder / "app.py", (0, 0))
    (folder / "lib/a.py").chmod(0o400)
    (folder / "lib/__pycache__").mkdir()
    (folder / "lib/__pycache__/a.pyc").touch()
    assert digest_of(folder) == before


def test_a_change_that_puts_the_times_back_is_found_all_the_same(store: ArtifactStore, tmp_path: Path) -> None:
    digest = store.keep(_build(tmp_path / "one"))
    kept = store.path(digest)
    about = (kept / "app.py").stat()
    (kept / "app.py").chmod(0o600)
    (kept / "app.py").write_text("RUN()\n")
    (kept / "app.py").chmod(about.st_mode)
    os.utime(kept / "app.py", ns=(about.st_atime_ns, about.st_mtime_ns))
    with pytest.raises(Unavailable, match="was altered"):
        store.path(digest)


def test_an_altered_artifact_is_replaced_by_the_same_build(store: ArtifactStore, tmp_path: Path) -> None:
    digest = store.keep(_build(tmp_path / "one"))
    app = store.path(digest) / "app.py"
    app.chmod(0o600)
    app.write_text("altered\n")
    assert store.keep(_build(tmp_path / "two")) == digest
    assert (store.path(digest) / "app.py").read_text() == "run()\n"


@pytest.mark.parametrize("digest", ["sha256:" + "0" * 64, "sha256:../../etc", "", "md5:0"])
def test_a_missing_artifact_is_said(store: ArtifactStore, digest: str) -> None:
    with pytest.raises(Unavailable):
        store.path(digest)


def test_only_what_is_not_needed_is_pruned_and_left_overs_go(store: ArtifactStore, tmp_path: Path) -> None:
    assert store.prune(frozenset()) == ()
    first = store.keep(_build(tmp_path / "one"))
    other = _build(tmp_path / "two")
    (other / "app.py").write_text("other\n")
    second = store.keep(other)
    (tmp_path / "store/.incoming-sha256-x").mkdir()
    (tmp_path / "store/.gone-sha256-x").mkdir(mode=0o500)
    assert store.prune(frozenset({first})) == (second,)
    assert [path.name for path in (tmp_path / "store").iterdir()] == [first.replace(":", "-")]


def test_a_prune_that_is_cut_off_leaves_no_half_artifact_and_the_next_one_ends_it(
    store: ArtifactStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = store.keep(_build(tmp_path / "one"))
    store.path(digest)
    real = shutil.rmtree

    def half(folder: Path) -> None:
        (folder / "app.py").unlink()
        raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "rmtree", half)
    with pytest.raises(KeyboardInterrupt):
        store.prune(frozenset())
    monkeypatch.setattr(shutil, "rmtree", real)
    for looks in (store, ArtifactStore(tmp_path / "store", lambda _commit, _path: None)):
        with pytest.raises(Unavailable, match="is missing"):
            looks.path(digest)
    assert store.keep(_build(tmp_path / "two")) == digest
    assert (store.path(digest) / "app.py").read_text() == "run()\n"
    assert store.prune(frozenset({digest})) == ()
    assert [path.name for path in (tmp_path / "store").iterdir()] == [digest.replace(":", "-")]


def test_a_person_without_rights_over_everything_can_prune_what_is_read_only() -> None:
    """Root may remove anything; who runs goaround need not be root."""
    program = """
import os, sys
from pathlib import Path
from goaround.adapters.artifacts import ArtifactStore
if os.getuid() == 0:
    os.chown(sys.argv[1], 65534, 65534)
    os.setuid(65534)
folder = Path(sys.argv[1])
store = ArtifactStore(folder / "store", lambda commit, path: None)
(folder / "build" / "lib").mkdir(parents=True)
(folder / "build" / "lib" / "a.py").write_text("a")
digest = store.keep(folder / "build")
assert store.prune(frozenset()) == (digest,), digest
assert list((folder / "store").iterdir()) == []
"""
    with TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-c", program, folder], check=True, timeout=60)


def test_two_builds_differ_in_what_their_digests_are_made_of(store: ArtifactStore, tmp_path: Path) -> None:
    one, other = _build(tmp_path / "one"), _build(tmp_path / "two")
    (other / "lib/__pycache__").mkdir()
    (other / "lib/__pycache__/a.pyc").touch()
    assert store.differences(one, other) == ()
    (other / "app.py").write_text("ran()\n")
    (other / "run").chmod(0o644)
    (other / "lib/b.py").touch()
    (other / "link").unlink()
    assert store.differences(one, other) == store.differences(other, one) == ("app.py", "lib/b.py", "link", "run")


def test_a_build_that_leaves_a_socket_or_pipe_is_refused(store: ArtifactStore, tmp_path: Path) -> None:
    os.mkfifo(_build(tmp_path / "one") / "pipe")
    with pytest.raises(Unavailable, match="neither a file"):
        store.keep(tmp_path / "one")


def test_a_full_disk_is_said_with_what_is_free(tmp_path: Path) -> None:
    def archive(_commit: str, path: Path) -> None:
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(Unavailable, match=r"No space left on device \(\d+ MB of \d+ MB are free\)"):
        ArtifactStore(tmp_path / "store", archive).export("good", tmp_path / "work")
    assert [path.name for path in tmp_path.iterdir()] == ["work"]


def test_a_store_on_another_file_system_gets_a_whole_copy(
    store: ArtifactStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def across(self: Path, target: Path) -> Path:
        if self.name == "build":
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", across)
    digest = store.keep(_build(tmp_path / "build"))
    assert (store.path(digest) / "run").stat().st_mode & 0o111
    assert not (tmp_path / "build").exists()
