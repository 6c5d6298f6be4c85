"""What the verbs share that sign: who makes the document, with which key, and that the signature is a good one."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from goaround.domain.errors import UsageError
from goaround.domain.events import BrokeGlass, Signed
from goaround.domain.journal import State
from goaround.domain.signoff import namespace
from goaround.wiring import House


def made_elsewhere(statement: Path | None, signature: Path | None) -> tuple[bytes, str] | None:
    """The document and signature in these files; None if neither is named."""
    if statement is None and signature is None:
        return None
    if statement is None or signature is None:
        raise UsageError(
            "a statement and its signature belong together",
            state="nothing was signed",
            remedy="give both: --statement FILE --signature FILE.sig",
        )
    try:
        return statement.read_bytes(), signature.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{error}", state="nothing was signed", remedy="name files that goaround statement and ssh-keygen wrote"
        ) from error


def word(home: House) -> dict[str, Any]:
    """What makes a statement one of now: the time, a nonce, and the journal's head."""
    return {"nonce": secrets.token_hex(16), "now": home.clock.now(), "head": home.states.head}


def made_here(
    home: House, state: State, name: str, key: Path | None, document_of: Callable[[dict[str, Any]], bytes]
) -> tuple[bytes, str]:
    """A document of now, signed with the person's key where keys are asked for."""
    document = document_of(word(home))
    if not state.terms.proven:
        return document, ""
    allowed = state.opened.allowed_signers
    return document, home.signatures.sign(document, namespace(state.terms.service), name, key, allowed)


def verified(home: House, state: State, event: Signed | BrokeGlass) -> None:
    """Raise ``Refused`` unless the signature is good, where keys are asked for."""
    if state.terms.proven:
        allowed, service = state.opened.allowed_signers, namespace(state.terms.service)
        home.signatures.verify(event.statement.encode(), event.signature, service, event.by, allowed)
