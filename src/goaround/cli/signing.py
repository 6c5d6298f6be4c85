"""What the verbs share that sign: who makes the document, with which key, and that the signature is a good one."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from goaround.cli.common import speaker
from goaround.domain.errors import Refused, UsageError
from goaround.domain.events import BrokeGlass, Signed
from goaround.domain.journal import State
from goaround.domain.signoff import meant, namespace
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


def signer(elsewhere: tuple[bytes, str] | None, by: str | None) -> str:
    """Who signs: whom the statement names, if it was made elsewhere."""
    said = meant(elsewhere[0].decode("utf-8", "replace")) if elsewhere else None
    if said is None:
        return speaker(by)
    if by not in (None, said[1]):
        raise UsageError(
            f"the statement is by {said[1]}, not by {by}", state="nothing was signed", remedy="leave out --by"
        )
    return str(said[1])


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
    """Raise ``Refused`` unless the statement is of this journal, and the signature good where keys are asked for."""
    head = json.loads(event.statement)["predicate"]["journal"]
    if (head["number"], head["digest"]) not in ((record.seq, record.digest) for record in home.journal.read()):
        raise Refused(
            "the statement is of another journal",
            state="nothing was signed",
            remedy="get a new one here: goaround statement",
        )
    if state.terms.proven:
        allowed, service = state.opened.allowed_signers, namespace(state.terms.service)
        home.signatures.verify(event.statement.encode(), event.signature, service, event.by, allowed)
