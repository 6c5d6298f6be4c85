"""Tags that are signed, and pushed: git itself verifies what goaround signed, and no tag is ever moved anywhere."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from tests.contract.test_git import _git, _second, folder, no_user, repository
from tests.polling import until

from goaround.adapters.git import GitRepository
from goaround.adapters.ssh_keys import SshKeys
from goaround.domain.errors import Refused, Unavailable

__all__ = ["folder", "no_user", "repository"]
MESSAGE = "v1.0.0: production\n\nrelease: v1.0.0\nenvironment: production\njournal: 42:sha256:abc\n"


@pytest.fixture
def keys(tmp_path: Path) -> SshKeys:
    return SshKeys(tmp_path / "keys" / "controller")


class Signing(GitRepository):
    """Signs each tag as a release does, unless told how."""

    def __init__(self, folder: Path, keys: SshKeys) -> None:
        super().__init__(folder)
        self.sign = lambda document: keys.seal(document, "git")

    def give(self, name: str, commit: str, message: str = "so\n") -> None:
        self.tag(name, commit, message, self.sign)


@pytest.fixture
def signing(folder: Path, keys: SshKeys) -> Signing:
    return Signing(folder, keys)


@pytest.fixture
def remote(folder: Path, tmp_path: Path) -> Path:
    bare = tmp_path / "bare.git"
    _git(folder, "init", "-q", "--bare", str(bare))
    _git(folder, "remote", "add", "origin", str(bare))
    return bare


def verified(folder: Path, name: str, line: str) -> subprocess.CompletedProcess[str]:
    """What git says, with an allowed-signers file of this one line."""
    allowed = folder.parent / "allowed"
    allowed.write_text(line)
    command = ["git", "-c", f"gpg.ssh.allowedSignersFile={allowed}", "verify-tag", name]
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    return subprocess.run(command, cwd=folder, env=environ, check=False, capture_output=True, text=True)


def tags_of(bare: Path) -> dict[str, str]:
    found = _git(bare, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
    return {name.removeprefix("refs/tags/"): digest for name, digest in (line.split() for line in found)}


def test_git_verifies_a_tag_that_the_controller_signed(signing: Signing, folder: Path, keys: SshKeys) -> None:
    commit = signing.commit("HEAD").digest
    for _ in range(2):
        signing.give("v1.0.0", commit, MESSAGE)
    done = verified(folder, "v1.0.0", f"goaround {keys.controller_key()}")
    assert done.returncode == 0, done.stderr
    assert 'Good "git" signature for goaround' in done.stderr
    assert verified(folder, "v1.0.0", f'goaround namespaces="git" {keys.controller_key()}').returncode == 0
    assert f"\n\n{MESSAGE}-----BEGIN SSH SIGNATURE-----\n" in _git(folder, "cat-file", "tag", "v1.0.0")
    assert signing.tagged("v1.0.0") == commit
    assert signing.signed("v1.0.0", keys.controller_key())


@pytest.mark.parametrize("message", ["", "no end of line", "blank lines\n\n\n", "# a comment\n"])
def test_any_message_can_be_signed(signing: Signing, keys: SshKeys, message: str) -> None:
    signing.give("v1.0.0", signing.commit("HEAD").digest, message)
    assert signing.signed("v1.0.0", keys.controller_key())


@pytest.mark.parametrize("other", ["by hand", "annotated", "another key", "another name", "altered", "none"])
def test_what_the_controller_did_not_sign_so_is_not_taken_for_signed(
    signing: Signing, folder: Path, keys: SshKeys, tmp_path: Path, other: str
) -> None:
    commit = signing.commit("HEAD").digest
    match other:
        case "by hand":
            _git(folder, "tag", "v1.0.0")
        case "annotated":
            signing.tag("v1.0.0", commit, MESSAGE)
        case "another key":
            Signing(folder, SshKeys(tmp_path / "another")).give("v1.0.0", commit, MESSAGE)
        case "another name":
            signing.give("v1.0.0-staging", commit, MESSAGE)
            _git(folder, "update-ref", "refs/tags/v1.0.0", "refs/tags/v1.0.0-staging")
        case "altered":
            signing.give("v0", commit, MESSAGE)
            altered = (
                _git(folder, "cat-file", "tag", "v0")
                .replace("journal: 42", "journal: 41")
                .replace("tag v0", "tag v1.0.0")
            )
            digest = subprocess.run(
                ["git", "hash-object", "-t", "tag", "-w", "--stdin"],
                cwd=folder, input=altered, check=True, capture_output=True, text=True,
            ).stdout.strip()  # fmt: skip
            _git(folder, "update-ref", "refs/tags/v1.0.0", digest)
    assert not signing.signed("v1.0.0", keys.controller_key())


def test_a_user_who_signs_otherwise_does_not_change_what_the_controller_signs(
    signing: Signing, folder: Path, keys: SshKeys
) -> None:
    for name, value in {
        "gpg.format": "openpgp", "gpg.ssh.program": "false", "user.signingKey": "nobody", "tag.gpgSign": "false",
    }.items():  # fmt: skip
        _git(folder, "config", name, value)
    signing.give("v1.0.0", signing.commit("HEAD").digest, MESSAGE)
    assert signing.signed("v1.0.0", keys.controller_key())


def test_where_nothing_can_be_signed_there_is_no_tag(folder: Path, tmp_path: Path) -> None:
    """git 2.39.5 itself would make one without a signature, and say that all is well."""
    lost = Signing(folder, SshKeys(tmp_path / "controller", {"PATH": str(tmp_path)}))
    with pytest.raises(Unavailable, match="ssh-keygen could not be run"):
        lost.give("v1.0.0", lost.commit("HEAD").digest)
    assert lost.tagged("v1.0.0") is None


def test_who_is_quicker_has_given_the_tag(signing: Signing, folder: Path, keys: SshKeys) -> None:
    commit = signing.commit("HEAD").digest

    def late(document: bytes) -> str:
        signing.give("v1.0.0", commit, MESSAGE)
        return keys.seal(document, "git")

    signing.tag("v1.0.0", commit, "mine", late)
    assert MESSAGE in _git(folder, "cat-file", "tag", "v1.0.0")


def test_a_signed_tag_on_another_commit_is_refused_and_not_moved(signing: Signing, folder: Path) -> None:
    first = signing.commit("HEAD").digest
    signing.give("v1.0.0", first, MESSAGE)
    with pytest.raises(Refused, match=f"v1.0.0 is on commit {first[:10]}"):
        signing.give("v1.0.0", _second(folder), MESSAGE)
    assert signing.tagged("v1.0.0") == first


# --- pushing --------------------------------------------------------------------------------------


def test_exactly_these_tags_are_pushed_and_found_afterwards(signing: Signing, folder: Path, remote: Path) -> None:
    commit = signing.commit("HEAD").digest
    for name in ("v1.0.0-staging", "v1.0.0", "v0.9.0"):
        signing.give(name, commit, MESSAGE)
    for name, value in {"push.followTags": "true", "remote.origin.push": "refs/heads/*:refs/heads/*"}.items():
        _git(folder, "config", name, value)
    names = ("v1.0.0-staging", "v1.0.0")
    assert signing.missing("origin", names) == names
    assert tags_of(remote) == {}, "looking changes nothing"
    signing.push("origin", names[:1])
    assert signing.missing("origin", names) == ("v1.0.0",)
    for _ in range(2):
        signing.push("origin", names)
        assert signing.missing("origin", names) == ()
    assert tags_of(remote) == {name: _git(folder, "rev-parse", f"refs/tags/{name}").strip() for name in names}


@pytest.mark.parametrize("forced", [False, True])
def test_another_tag_there_is_told_and_never_moved(signing: Signing, folder: Path, remote: Path, forced: bool) -> None:
    signing.tag("v1.0.0", signing.commit("HEAD").digest, "theirs")
    signing.push("origin", ("v1.0.0",))
    before = tags_of(remote)
    _git(folder, "tag", "--delete", "v1.0.0")
    signing.tag("v1.0.0", _second(folder), "ours")
    if forced:
        _git(folder, "config", "remote.origin.push", "+refs/tags/*:refs/tags/*")
    with pytest.raises(Refused, match=r"origin has another v1\.0\.0 than this repository"):
        signing.missing("origin", ("v1.0.0",))
    with pytest.raises(Unavailable, match=r"origin does not take v1\.0\.0"):
        signing.push("origin", ("v1.0.0",))
    assert tags_of(remote) == before


def test_where_pushes_go_elsewhere_than_fetches_come_from_that_is_looked_at(
    signing: Signing, folder: Path, remote: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere.git"
    _git(folder, "init", "-q", "--bare", str(elsewhere))
    _git(folder, "config", "remote.origin.pushurl", str(elsewhere))
    signing.tag("v1.0.0", signing.commit("HEAD").digest, MESSAGE)
    signing.push("origin", ("v1.0.0",))
    assert signing.missing("origin", ("v1.0.0",)) == ()
    assert (set(tags_of(elsewhere)), tags_of(remote)) == ({"v1.0.0"}, {})


def test_a_remote_that_refuses_says_so(signing: Signing, remote: Path) -> None:
    hook = remote / "hooks/pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'tags are frozen' >&2\nexit 1\n")
    hook.chmod(0o755)
    signing.tag("v1.0.0", signing.commit("HEAD").digest, MESSAGE)
    with pytest.raises(Unavailable, match=r"origin does not take v1\.0\.0: .*pre-receive hook declined"):
        signing.push("origin", ("v1.0.0",))
    assert signing.missing("origin", ("v1.0.0",)) == ("v1.0.0",)


@pytest.mark.parametrize("url", ["/nowhere/at/all.git", "http://user:s3cret-word@127.0.0.1:9/x.git", None])
def test_a_remote_that_is_not_there_is_told_without_its_password(
    signing: Signing, folder: Path, url: str | None
) -> None:
    if url:
        _git(folder, "remote", "add", "origin", url)
    signing.tag("v1.0.0", signing.commit("HEAD").digest, MESSAGE)
    for ask in (signing.missing, signing.push):
        with pytest.raises(Unavailable, match="origin could not be reached: fatal: ") as error:
            ask("origin", ("v1.0.0",))
        assert "git push origin v1.0.0" in error.value.remedy
        assert "s3cret" not in str(error.value)


def test_while_a_remote_keeps_it_waiting_a_sign_of_life_is_given_and_nothing_is_left(
    folder: Path, tmp_path: Path
) -> None:
    """A remote that never answers, and a person who gives up."""
    waits = tmp_path / "waits"
    waits.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 600\n")
    waits.chmod(0o755)
    _git(folder, "remote", "add", "origin", "ssh://nobody@nowhere/x.git")
    _git(folder, "config", "core.sshCommand", str(waits))

    class GivenUp(Exception):
        pass

    def wait(seconds: float) -> None:
        os.sched_yield()
        assert seconds < 1
        if (tmp_path / "pid").exists() and (tmp_path / "pid").read_text():
            raise GivenUp

    repository = GitRepository(folder, wait)
    repository.tag("v1.0.0", repository.commit("HEAD").digest, MESSAGE)
    with pytest.raises(GivenUp):
        repository.push("origin", ("v1.0.0",))
    pid = int((tmp_path / "pid").read_text())
    stat = Path(f"/proc/{pid}/stat")
    until(lambda: not stat.exists() or stat.read_text().split()[2] == "Z", 10, "the program of the remote has ended")


def test_a_program_on_the_way_that_tells_a_password_is_not_repeated(folder: Path, tmp_path: Path) -> None:
    tells = tmp_path / "tells"
    tells.write_text("#!/bin/sh\necho 'fatal: no way to ssh://user:s3cret-word@host/x' >&2\nexit 1\n")
    tells.chmod(0o755)
    _git(folder, "remote", "add", "origin", "ssh://nobody@nowhere/x.git")
    _git(folder, "config", "core.sshCommand", str(tells))
    repository = GitRepository(folder)
    repository.tag("v1.0.0", repository.commit("HEAD").digest, MESSAGE)
    with pytest.raises(Unavailable, match=r"no way to ssh://\*\*\*@host/x"):
        repository.push("origin", ("v1.0.0",))
