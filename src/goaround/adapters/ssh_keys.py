"""Signatures with SSH keys, through OpenSSH's own ``ssh-keygen -Y``: whoever has OpenSSH can verify them."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from goaround.domain.errors import Refused, Unavailable

_LIMIT_SECONDS = 120.0
"""A person may have to touch a hardware key, or type a passphrase."""
_NOTHING_SIGNED = "nothing was signed"


class SshKeys:
    """``ports.Signatures``. Private keys stay where they are: in a file of the person, an agent or hardware."""

    def __init__(self, controller: Path, environ: Mapping[str, str] = os.environ) -> None:
        self.controller, self._environ = controller, environ
        """The file of the controller's own key; it never leaves this machine."""

    def sign(self, document: bytes, namespace: str, by: str, key: Path | None, allowed_signers: str) -> str:
        """See the port."""
        with self._key(key, by, allowed_signers) as file:
            done = self._run(("ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", str(file)), document)
        if done.returncode != 0:
            raise Refused(
                f"the key made no signature: {_said(done)}",
                state=_NOTHING_SIGNED,
                remedy="name the key with --key, or load it into the agent: ssh-add",
            )
        return done.stdout.decode()

    def verify(self, document: bytes, signature: str, namespace: str, by: str, allowed_signers: str) -> None:
        """See the port."""
        with TemporaryDirectory(prefix="goaround-") as folder:
            allowed, signed = Path(folder, "allowed_signers"), Path(folder, "signature")
            allowed.write_text(allowed_signers)
            signed.write_text(signature)
            command = ("ssh-keygen", "-Y", "verify", "-f", str(allowed), "-I", by, "-n", namespace, "-s", str(signed))
            done = self._run(command, document)
        if done.returncode != 0:
            raise Refused(
                f"the signature of {by} is not good: {_said(done)}",
                state=_NOTHING_SIGNED,
                remedy=f"sign with a key that allowed_signers has for {by} and the namespace {namespace}",
            )

    def seal(self, document: bytes, namespace: str) -> str:
        """See the port."""
        self.controller_key()
        return self.sign(document, namespace, "", self.controller, "")

    def controller_key(self) -> str:
        """See the port."""
        public = self.controller.with_name(f"{self.controller.name}.pub")
        if not public.exists():
            self.controller.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with TemporaryDirectory(dir=self.controller.parent) as folder:
                made = Path(folder, "key")
                done = self._run(
                    ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "goaround", "-f", str(made)), b""
                )
                if done.returncode != 0:
                    raise Unavailable(
                        f"no key for the journal could be made: {_said(done)}",
                        state=_NOTHING_SIGNED,
                        remedy="see to the disk and to OpenSSH's ssh-keygen",
                    )
                # The private half first: whoever sees the public one may use both.
                made.replace(self.controller)
                made.with_name("key.pub").replace(public)
        return " ".join(public.read_text().split()[:2])

    @contextmanager
    def _key(self, key: Path | None, by: str, allowed_signers: str) -> Iterator[Path]:
        if key is not None:
            yield key
            return
        wanted = {words[-1] for words in _keys(allowed_signers, by)}
        offered = self._run(("ssh-add", "-L"), b"").stdout.decode("utf-8", "replace").splitlines()
        line = next((line for line in offered if line.split()[1:2] and line.split()[1] in wanted), None)
        if line is None:
            raise Refused(
                f"the agent has no key that is allowed for {by}",
                state=_NOTHING_SIGNED,
                remedy="load it (ssh-add), or name its file with --key",
            )
        with TemporaryDirectory(prefix="goaround-") as folder:
            public = Path(folder, "key.pub")
            public.write_text(line + "\n")
            yield public

    def _run(self, command: tuple[str, ...], stdin: bytes) -> subprocess.CompletedProcess[bytes]:
        environ = {**self._environ, "LC_ALL": "C"}
        try:
            return subprocess.run(
                command, input=stdin, env=environ, capture_output=True, timeout=_LIMIT_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Unavailable(
                f"{command[0]} could not be run: {error}",
                state=_NOTHING_SIGNED,
                remedy="install OpenSSH's client programs (openssh-client)",
            ) from error


def _keys(allowed_signers: str, by: str) -> Iterator[tuple[str, str]]:
    """Type and base64 of each key that a line names this principal for, by its literal name."""
    for line in allowed_signers.splitlines():
        words = _words(line)
        if words and by in words[0].split(","):
            at = next((index for index, word in enumerate(words) if word.startswith(("ssh-", "ecdsa-", "sk-"))), None)
            if at is not None and at + 1 < len(words):
                yield words[at], words[at + 1]


def _words(line: str) -> list[str]:
    """Of a line of ``allowed_signers``, whose first word may be quoted."""
    try:
        return shlex.split(line, comments=True)
    except ValueError:
        return []


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = (done.stderr + done.stdout).decode("utf-8", "replace").strip().splitlines()
    return "; ".join(line.rstrip(".") for line in lines) or "no reason given"
