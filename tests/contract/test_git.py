"""What goaround reads from a repository, and the only thing it writes: tags that never move."""

from __future__ import annotations

import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from goaround.adapters.git import GitRepository
from goaround.domain.errors import Refused, Unavailable


def _git(folder: Path, *arguments: str) -> str:
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "GIT_AUTHOR_NAME": "Ann",
        "GIT_AUTHOR_EMAIL": "ann@example.org",
        "GIT_COMMITTER_NAME": "Ann",
        "GIT_COMMITTER_EMAIL": "ann@example.org",
    }
    return subprocess.run(("git", *arguments), cwd=folder, env=env, check=True, capture_output=True, text=True).stdout


@pytest.fixture(autouse=True)
def no_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No identity and no settings of whoever runs the tests."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name in [name for name in os.environ if name.startswith("GIT_") or name == "EMAIL"]:
        monkeypatch.delenv(name)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "repository"
    for name, text in {
        "goaround.toml": "x = 1\n",
        "migrations/0001.sql": "create table a ();\n",
        "migrations/0002.sql": "create table b ();\n",
        "migrations/old/0000.sql": "select 1;\n",
        "releases/v1.0.0/äh manifest.toml": "y = 2\n",
        "other/goaround.toml": "z = 3\n",
    }.items():
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(text)
    _git(made, "init", "-q", "-b", "main")
    _git(made, "add", ".")
    _git(made, "commit", "-q", "-m", "First: a | b\n\nbody")
    return made


@pytest.fixture
def repository(folder: Path) -> GitRepository:
    return GitRepository(folder)


def _second(folder: Path) -> str:
    (folder / "migrations/0001.sql").write_text("create table c ();\n")
    _git(folder, "commit", "-qam", "Second")
    return _git(folder, "rev-parse", "HEAD").strip()


def test_a_ref_means_one_commit(repository: GitRepository, folder: Path) -> None:
    digest = _git(folder, "rev-parse", "HEAD").strip()
    for ref in ("main", "HEAD", digest, digest[:8]):
        commit = repository.commit(ref)
        assert (commit.digest, commit.subject, commit.author) == (digest, "First: a | b", "Ann <ann@example.org>")


@pytest.mark.parametrize("ref", ["nowhere", "", "--help", "-x", "main:goaround.toml", "main..main", "a\nb"])
def test_a_ref_that_means_no_commit_is_refused(repository: GitRepository, ref: str) -> None:
    with pytest.raises(Refused, match="means no commit"):
        repository.commit(ref)


def test_a_repository_without_commits_is_said(tmp_path: Path) -> None:
    _git(tmp_path, "init", "-q")
    with pytest.raises(Refused, match="the repository has none yet"):
        GitRepository(tmp_path).commit("HEAD")


@pytest.mark.parametrize("ask", ["commit", "changes", "tagged"])
def test_a_folder_in_no_repository_is_said(tmp_path: Path, ask: str) -> None:
    with pytest.raises(Unavailable, match="not a git repository"):
        getattr(GitRepository(tmp_path), ask)(*(() if ask == "changes" else ("v1",)))


def test_a_missing_git_or_folder_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unavailable, match="No such file"):
        GitRepository(tmp_path / "missing").changes()
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(Unavailable, match="git status failed"):
        GitRepository(tmp_path).changes()


def test_a_clean_tree_has_no_changes_and_a_dirty_one_names_them_all(repository: GitRepository, folder: Path) -> None:
    assert repository.changes() == ()
    (folder / "goaround.toml").write_text("changed\n")
    (folder / "migrations/0002.sql").rename(folder / "migrations/0003.sql")
    (folder / "new").mkdir()
    (folder / "new/ü file").touch()
    (folder / ".goaround").mkdir()
    (folder / ".goaround/journal.db").touch()
    _git(folder, "add", "--all", "migrations")
    assert set(repository.changes()) == {"goaround.toml", "migrations/0002.sql", "migrations/0003.sql", "new/ü file"}


def test_files_are_read_as_they_were_at_the_commit(repository: GitRepository, folder: Path) -> None:
    first = repository.commit("main").digest
    second = _second(folder)
    assert repository.read(first, "migrations/0001.sql") == b"create table a ();\n"
    assert repository.read(second, "migrations/0001.sql") == b"create table c ();\n"
    assert repository.read(second, "releases/v1.0.0/äh manifest.toml") == b"y = 2\n"
    assert repository.read(second, "missing.toml") is None
    assert repository.read(second, "migrations") is None
    with pytest.raises(Unavailable):
        repository.read("0" * 40, "goaround.toml")


def test_a_pattern_finds_files_and_tells_whether_they_differ(repository: GitRepository, folder: Path) -> None:
    first = repository.files(repository.commit("main").digest, "migrations/*.sql")
    assert set(first) == {"migrations/0001.sql", "migrations/0002.sql"}
    second = repository.files(_second(folder), "migrations/**/*.sql")
    assert set(second) == {*first, "migrations/old/0000.sql"}
    assert [name for name in first if first[name] != second[name]] == ["migrations/0001.sql"]


def test_in_a_folder_of_a_larger_repository_only_that_folder_counts(folder: Path, tmp_path: Path) -> None:
    part = GitRepository(folder / "other")
    commit = part.commit("HEAD").digest
    assert part.read(commit, "goaround.toml") == b"z = 3\n"
    assert set(part.files(commit, "**")) == {"goaround.toml"}
    (folder / "goaround.toml").write_text("changed elsewhere\n")
    assert part.changes() == ()
    (folder / "other/goaround.toml").write_text("changed here\n")
    assert part.changes() == ("goaround.toml",)
    part.archive(commit, tmp_path / "packed.tar")
    with tarfile.open(tmp_path / "packed.tar") as tar:
        assert [name for name in tar.getnames() if name != "."] == ["goaround.toml"]


def test_a_tag_is_annotated_and_given_once(repository: GitRepository, folder: Path) -> None:
    commit = repository.commit("HEAD").digest
    assert repository.tagged("v1.0.0") is None
    for _ in range(2):
        repository.tag("v1.0.0", commit, "# v1.0.0: production")
        assert repository.tagged("v1.0.0") == commit
    said = _git(folder, "cat-file", "tag", "v1.0.0")
    assert "tagger goaround <goaround@localhost>" in said
    assert said.endswith("\n\n# v1.0.0: production")


def test_a_tag_on_another_commit_is_refused_and_not_moved(repository: GitRepository, folder: Path) -> None:
    first = repository.commit("HEAD").digest
    repository.tag("v1.0.0", first, "one")
    second = _second(folder)
    with pytest.raises(Refused, match=f"v1.0.0 is on commit {first[:10]} and not on {second[:10]}"):
        repository.tag("v1.0.0", second, "two")
    assert repository.tagged("v1.0.0") == first


def test_a_tag_that_somebody_gave_by_hand_is_taken_as_it_is(repository: GitRepository, folder: Path) -> None:
    _git(folder, "tag", "v1.0.0")
    repository.tag("v1.0.0", repository.commit("HEAD").digest, "one")


def test_a_tag_with_an_impossible_name_is_said(repository: GitRepository) -> None:
    with pytest.raises(Unavailable, match="not a valid tag name"):
        repository.tag("v1..0", repository.commit("HEAD").digest, "one")


def test_a_configured_user_signs_for_the_tag_and_no_hook_runs(repository: GitRepository, folder: Path) -> None:
    _git(folder, "config", "user.name", "Bob")
    _git(folder, "config", "user.email", "bob@example.org")
    _git(folder, "config", "tag.gpgSign", "true")
    hook = folder / ".git/hooks/reference-transaction"
    hook.write_text(f"#!/bin/sh\ntouch '{folder}/hooked'\n")
    hook.chmod(0o755)
    repository.tag("v1.0.0", repository.commit("HEAD").digest, "one")
    assert "tagger Bob <bob@example.org>" in _git(folder, "cat-file", "tag", "v1.0.0")
    assert not (folder / "hooked").exists()


def test_variables_of_a_surrounding_git_do_not_lead_elsewhere(
    repository: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    assert repository.changes() == ()
