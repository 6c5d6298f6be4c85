"""Signatures that are what they say: ``signed by NAME``."""

from __future__ import annotations

from pathlib import Path

from goaround.domain.errors import Refused, Unavailable


class FakeSignatures:
    """``ports.Signatures``. Whoever is named in ``allowed_signers`` has a key; ``broken`` makes every signature bad."""

    def __init__(self) -> None:
        self.broken = False
        self.verified: list[str] = []

    def sign(self, document: bytes, namespace: str, by: str, key: Path | None, allowed_signers: str) -> str:
        del document, namespace, key
        if by not in allowed_signers.split():
            raise Refused(f"the agent has no key of {by}", state="nothing was signed", remedy="load it")
        return f"signed by {by}"

    def seal(self, document: bytes, namespace: str) -> str:
        if self.broken:
            raise Unavailable("there is no key", state="nothing was signed", remedy="make one")
        return f"{namespace} sealed {document.decode()}"

    def controller_key(self) -> str:
        return "ssh-ed25519 FAKE"

    def verify(self, document: bytes, signature: str, namespace: str, by: str, allowed_signers: str) -> None:
        del document, namespace
        self.verified.append(by)
        if self.broken or signature != f"signed by {by}" or by not in allowed_signers.split():
            raise Refused(f"the signature of {by} is not good", state="nothing was signed", remedy="sign again")
