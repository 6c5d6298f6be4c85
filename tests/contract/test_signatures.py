"""Signatures of people: the fake and OpenSSH keep the same promises; what goaround wrote, OpenSSH alone verifies."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.fakes.signatures import FakeSignatures
from tests.polling import until

from goaround.adapters.ssh_keys import SshKeys
from goaround.domain.errors import Refused, Unavailable
from goaround.ports import Signatures

SPACE = "release-signoff@shop"
DOCUMENT = b'{"predicate":{"by":"ada"}}'


def new_key(folder: Path, name: str) -> tuple[Path, str]:
    """A private key's file, and its line of ``allowed_signers``."""
    file = folder / name
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(file)], check=True)
    return file, f'{name} namespaces="{SPACE}" {(folder / f"{name}.pub").read_text()}'


@pytest.fixture(params=["fake", "ssh"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Signatures, Path | None, str]:
    """Signatures, the key of ada, and the text that allows it."""
    if request.param == "fake":
        return FakeSignatures(), None, "ada"
    key, line = new_key(tmp_path, "ada")
    return SshKeys(tmp_path / "keys" / "controller"), key, line


def test_a_signature_is_one_of_these_bytes_by_this_person(desk: tuple[Signatures, Path | None, str]) -> None:
    signatures, key, allowed = desk
    signature = signatures.sign(DOCUMENT, SPACE, "ada", key, allowed)
    signatures.verify(DOCUMENT, signature, SPACE, "ada", allowed)
    with pytest.raises(Refused, match="ben"):
        signatures.verify(DOCUMENT, signature, SPACE, "ben", allowed)
    with pytest.raises(Refused, match="is not good"):
        signatures.verify(DOCUMENT, "something else", SPACE, "ada", allowed)
    with pytest.raises(Refused, match="is not good"):
        signatures.verify(DOCUMENT, signature, SPACE, "ada", "")


@pytest.mark.parametrize("other", ["document", "namespace", "key", "signature"])
def test_ssh_signatures_count_for_nothing_else(tmp_path: Path, other: str) -> None:
    keys, (key, allowed) = SshKeys(tmp_path / "keys" / "controller"), new_key(tmp_path, "ada")
    signature = keys.sign(DOCUMENT, SPACE, "ada", key, allowed)
    given = {"document": DOCUMENT, "signature": signature, "namespace": SPACE, "by": "ada", "allowed_signers": allowed}
    match other:
        case "document":
            given["document"] = DOCUMENT + b" "
        case "namespace":
            given["namespace"] = "release-signoff@another"
        case "key":
            given["allowed_signers"] = new_key(tmp_path, "ben")[1].replace("ben namespaces", "ada namespaces")
        case _:
            lines = signature.splitlines()
            lines[2] = lines[2][:-1] + ("A" if lines[2][-1] != "A" else "B")
            given["signature"] = "\n".join(lines)
    with pytest.raises(Refused, match="the signature of ada is not good") as refused:
        keys.verify(**given)  # type: ignore[arg-type]
    assert "allowed_signers has for ada" in refused.value.remedy


def test_openssh_alone_verifies_what_goaround_signed(tmp_path: Path) -> None:
    key, allowed = new_key(tmp_path, "ada")
    (tmp_path / "allowed").write_text(allowed)
    (tmp_path / "sig").write_text(SshKeys(tmp_path / "keys" / "controller").sign(DOCUMENT, SPACE, "ada", key, allowed))
    command = ["ssh-keygen", "-Y", "verify", "-f", "allowed", "-I", "ada", "-n", SPACE, "-s", "sig"]
    done = subprocess.run(command, cwd=tmp_path, input=DOCUMENT, capture_output=True, check=False)
    assert done.stdout.startswith(b'Good "release-signoff@shop" signature for ada')


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of somebody with an SSH agent."""
    socket = tmp_path / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL)
    until(socket.exists, 10, "the agent listens")
    yield {**os.environ, "SSH_AUTH_SOCK": str(socket)}
    process.terminate()
    process.wait()


def test_the_agent_signs_with_the_key_that_is_allowed(tmp_path: Path, agent: dict[str, str]) -> None:
    keys = SshKeys(tmp_path / "controller", agent)
    (other, _), (key, allowed) = new_key(tmp_path, "ben"), new_key(tmp_path, "ada")
    subprocess.run(["ssh-add", "-q", str(other)], env=agent, check=True)
    with pytest.raises(Refused, match="the agent has no key that is allowed for ada") as refused:
        keys.sign(DOCUMENT, SPACE, "ada", None, allowed)
    assert "ssh-add" in refused.value.remedy
    subprocess.run(["ssh-add", "-q", str(key)], env=agent, check=True)
    keys.verify(DOCUMENT, keys.sign(DOCUMENT, SPACE, "ada", None, allowed), SPACE, "ada", allowed)


def test_a_key_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"the key made no signature: .*No such file"):
        SshKeys(tmp_path / "keys" / "controller").sign(DOCUMENT, SPACE, "ada", tmp_path / "nowhere", "")


def test_without_openssh_it_is_said_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="ssh-keygen could not be run") as missing:
        SshKeys(tmp_path / "controller", {"PATH": str(tmp_path)}).verify(DOCUMENT, "", SPACE, "ada", "")
    assert "openssh-client" in missing.value.remedy


def test_the_controller_makes_a_key_of_its_own_once_and_seals_with_it(tmp_path: Path) -> None:
    keys, again = SshKeys(tmp_path / "keys" / "controller"), SshKeys(tmp_path / "keys" / "controller")
    sealed = keys.seal(DOCUMENT, "journal@shop")
    assert keys.controller_key() == again.controller_key()
    assert (tmp_path / "keys" / "controller").stat().st_mode & 0o777 == 0o600
    again.verify(DOCUMENT, sealed, "journal@shop", "goaround", f"goaround {again.controller_key()}")
    with pytest.raises(Refused):
        again.verify(DOCUMENT, sealed, "release-signoff@shop", "goaround", f"goaround {again.controller_key()}")


def test_a_key_of_the_controller_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        SshKeys(tmp_path / "controller", {"PATH": str(tmp_path)}).seal(DOCUMENT, "journal@shop")
