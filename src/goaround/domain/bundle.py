"""The evidence of one release in files that anybody can check, years later and without goaround.

``journal.jsonl`` has a line for each event: exactly the bytes whose SHA-256 is the event's digest, beginning with the
digest of the line before. ``manifest.json`` has the digest of every other file and is signed by the controller's key.
People's signatures stand under statements that name the journal's head of that moment, so whoever rewrites what came
before needs their keys, and whoever rewrites what came after needs the controller's.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from goaround.domain.errors import GoaroundError
from goaround.domain.journal import State
from goaround.domain.release import Json, Step
from goaround.domain.signoff import (
    ANYBODY,
    BREAK_GLASS,
    CONTROLLER,
    SIGN_OFF,
    canonical,
    journal_namespace,
    meant,
    namespace,
)

FORMAT = 1
ARMOUR = 70
"""Characters in a line of a signature."""
GENESIS = "sha256:" + "0" * 64
MANIFEST, SIGNATURE = "manifest.json", "manifest.json.sig"
Line = tuple[str, int, str, str, str]
"""Digest of the line before, number, time, release, and the event as JSON text."""
Check = Callable[[bytes, str, str, str, str], None]
"""Document, signature, namespace, by, allowed signers; raises ``GoaroundError`` unless the signature is good."""


def chained(line: Line) -> str:
    """The digest of an event: SHA-256 over the digest before it and everything it says."""
    return "sha256:" + hashlib.sha256(canonical(list(line))).hexdigest()


def files(state: State, lines: Sequence[Line], outputs: Mapping[str, str]) -> dict[str, bytes]:
    """Everything but the manifest. ``outputs``: what the commands of each step printed."""
    found = {
        "journal.jsonl": b"".join(canonical(list(line)) + b"\n" for line in lines),
        "plan.json": _pretty({"release": state.release.id, "steps": [_step(step, state) for step in state.all_steps]}),
        "goaround.toml": str(state.opened.config.get("toml", "")).encode(),
        "allowed_signers": state.opened.allowed_signers.encode(),
        "controller.pub": f"{state.opened.controller_key}\n".encode() if state.opened.controller_key else b"",
    }
    for name, document, signature in _signed(state, lines):
        found[f"{name}.json"], found[f"{name}.json.sig"] = document, signature
    for key, text in outputs.items():
        found[f"output/{key.replace('/', '_')}.txt"] = text.encode()
    return found


def manifest(service: str, release: str, contents: Mapping[str, bytes]) -> bytes:
    """What each file has to be."""
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    return canonical({"format": FORMAT, "service": service, "release": release, "sha256": digests})


@dataclass(frozen=True, slots=True)
class Verified:
    """What was checked, and everything that is wrong with it."""

    release: str
    events: int
    signatures: int
    seals: int
    head: tuple[int, str]
    faults: tuple[str, ...]


def verify(contents: Mapping[str, bytes], check: Check, head: tuple[int, str] | None = None) -> Verified:
    """Check a bundle by itself alone; with ``head``, also that the journal holds that event, such as a tag tells."""
    faults: list[str] = []
    about = _json(contents.get(MANIFEST, b""), faults, MANIFEST)
    lines = _lines(contents.get("journal.jsonl", b""), faults)
    service, release = str(about.get("service", "")), str(about.get("release", ""))
    events = {line[1]: _mapping(line[4]) for line in lines if line[3] == release}
    opened: Mapping[str, Json] = next((event for event in events.values() if event.get("type") == "opened"), {})
    key = str(opened.get("controller_key", ""))
    faults += _files(contents, about, opened)
    if _mapping(opened.get("terms")).get("proven"):
        signature = contents.get(SIGNATURE, b"").decode("utf-8", "replace")
        faults += _bad(check, contents.get(MANIFEST, b""), signature, journal_namespace(service), CONTROLLER, key)
        faults += _let_through(events, opened)
    digests = {0: GENESIS} | {line[1]: chained(line) for line in lines}
    signatures = seals = 0
    for number, event in events.items():
        match event.get("type"):
            case "signed" | "broke_glass" if event.get("signature"):
                signatures += 1
                faults += _signature(number, event, str(opened.get("allowed_signers", "")), service, digests, check)
            case "sealed":
                seals += 1
                faults += _seal(number, event, key, service, digests, check)
    faults += _whole(events, opened)
    if head is not None and digests.get(head[0]) != head[1]:
        faults.append(f"event {head[0]} is not the one whose digest was told elsewhere")
    last = max(digests)
    return Verified(release, len(lines), signatures, seals, (last, digests[last]), tuple(faults))


def _files(contents: Mapping[str, bytes], about: Mapping[str, Json], opened: Mapping[str, Json]) -> Iterator[str]:
    wanted = _mapping(about.get("sha256"))
    for name in sorted({*wanted, *contents} - {MANIFEST, SIGNATURE}):
        if name not in wanted or name not in contents:
            yield f"{name} is {'missing' if name in wanted else 'not in the manifest'}"
        elif hashlib.sha256(contents[name]).hexdigest() != wanted[name]:
            yield f"{name} was altered"
    if contents.get("allowed_signers", b"").decode("utf-8", "replace") != opened.get("allowed_signers", ""):
        yield "allowed_signers are not those that the release was opened with"
    if contents.get("controller.pub", b"").decode("utf-8", "replace").strip() != opened.get("controller_key", ""):
        yield "controller.pub is not the key that the release was opened with"


def _lines(content: bytes, faults: list[str]) -> list[Line]:
    """The journal as far as it is whole."""
    found: list[Line] = []
    previous = GENESIS
    for number, text in enumerate(content.split(b"\n")[:-1], start=1):
        line = _line(text)
        if line is None or line[:2] != (previous, number):
            faults.append(f"event {number} is missing, or was altered, or moved")
            return found
        found.append(line)
        previous = chained(line)
    if not found or not content.endswith(b"\n"):
        faults.append("the journal is cut off")
    return found


def _line(text: bytes) -> Line | None:
    try:
        value = json.loads(text)
        previous, number, at, release, body = value
        return (previous, number, at, release, body) if canonical(value) == text and json.loads(body) else None
    except (ValueError, TypeError):
        return None


def _signature(
    number: int, event: Mapping[str, Json], allowed: str, service: str, digests: Mapping[int, str], check: Check
) -> Iterator[str]:
    document = str(event.get("statement", ""))
    said = _mapping(_mapping(document).get("predicate"))
    signed = (SIGN_OFF, event.get("role"), event.get("note")) if event["type"] == "signed" else None
    kind, role, why = signed or (BREAK_GLASS, "", event.get("reason"))
    told = meant(document)
    if told is None or (*told[:4], told[5]) != (kind, event.get("by"), role, why, event.get("digest")):
        yield f"event {number} says other things than what was signed"
    yield from _head(number, _mapping(said.get("journal")), digests, before=number)
    yield from _bad(check, document.encode(), str(event["signature"]), namespace(service), str(event["by"]), allowed)


def _seal(
    number: int, event: Mapping[str, Json], key: str, service: str, digests: Mapping[int, str], check: Check
) -> Iterator[str]:
    document = str(event.get("document", ""))
    yield from _head(number, _mapping(_mapping(document).get("journal")), digests, before=number)
    yield from _bad(check, document.encode(), str(event["signature"]), journal_namespace(service), CONTROLLER, key)


def _head(number: int, head: Mapping[str, Json], digests: Mapping[int, str], before: int) -> Iterator[str]:
    at = head.get("number")
    if not isinstance(at, int) or at >= before or digests.get(at) != (head.get("digest") or GENESIS):
        yield f"what was signed in event {number} is of another journal: event {at} is not as it was then"


def _armoured(signature: str) -> bool:
    """Whether a signature is spelled as OpenSSH spells it: base64 has bits that decoding ignores."""
    try:
        raw = b64decode("".join(signature.splitlines()[1:-1]), validate=True)
    except ValueError:
        return False
    text = b64encode(raw).decode()
    lines = [text[at : at + ARMOUR] for at in range(0, len(text), ARMOUR)]
    return signature == "\n".join(("-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----", ""))


def _bad(check: Check, document: bytes, signature: str, space: str, by: str, allowed: str) -> Iterator[str]:
    if not _armoured(signature):
        yield f"the signature of {by} was altered or is missing"
        return
    try:
        # A key alone is allowed for whom it is said to be.
        check(document, signature, space, by, allowed if by != CONTROLLER else f"{CONTROLLER} {allowed}\n")
    except GoaroundError as error:
        yield error.what


def _whole(events: Mapping[int, Mapping[str, Json]], opened: Mapping[str, Json]) -> Iterator[str]:
    if not opened:
        yield "the release was never opened in this journal"
        return
    types = [str(event.get("type")) for event in events.values()]
    if "closed" in types and opened.get("controller_key") and types[-1] != "sealed":
        yield "the end of the release is not sealed: events may be missing"


def _let_through(events: Mapping[int, Mapping[str, Json]], opened: Mapping[str, Json]) -> Iterator[str]:
    """Whatever asks for people was passed by as many of them as it asks for, and under what they signed."""
    terms = _mapping(opened.get("terms"))
    where = {step["key"]: step["environment"] for step in opened["plan"]["steps"] if step["kind"] == "sign_off"}
    for number, event in events.items():
        found, step = _mapping(event.get("evidence")), str(event.get("step"))
        if event.get("type") != "passed" or not (step in where or "broke_glass" in found):
            continue
        glass, given = False, {}
        for before in (other for at, other in events.items() if at < number and other.get("step") == step):
            fits = before.get("digest") == found.get("statement") and bool(before.get("signature"))
            match before["type"]:
                case "broke_glass":
                    glass = fits
                case "signed" | "withdrawn":
                    given[before["by"]] = before.get("role") if fits else None
        people = {"name": ANYBODY, "people": _mapping(terms.get("signers")).get(where.get(step, ""), ()), "count": 1}
        for role in () if glass else _mapping(terms.get("roles")).get(where.get(step, "")) or (people,):
            if sum(given.get(by) == role["name"] for by in role["people"]) < role["count"]:
                who = " or ".join(role["people"])
                yield f"event {number} passed {step}, and the signatures for that are not there: {who}"


def _signed(state: State, lines: Sequence[Line]) -> Iterator[tuple[str, bytes, bytes]]:
    for _, number, _, release, body in lines:
        event = json.loads(body)
        if release == state.release.id and event["type"] in ("signed", "broke_glass", "sealed"):
            kind = {"signed": "sign-off", "broke_glass": "break-glass", "sealed": "seal"}[event["type"]]
            document = str(event.get("statement") or event.get("document") or "")
            if document:
                yield f"signatures/{number:05d}-{kind}", document.encode(), str(event["signature"]).encode()


def _step(step: Step, state: State) -> Json:
    seen = state.of(step.key)
    return {
        "key": step.key,
        "phase": str(step.phase),
        "says": step.says,
        "began": seen.begun_at.isoformat() if seen.begun_at else None,
        "ended": seen.ended_at.isoformat() if seen.ended_at else None,
        "found": dict(seen.passed.evidence) if seen.passed else None,
        "failed": seen.failed.what if seen.failed else None,
    }


def _mapping(value: Json) -> Mapping[str, Json]:
    """A JSON object, or the one in a text; empty for anything else, which then fits nothing."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return {}
    return value if isinstance(value, dict) else {}


def _json(content: bytes, faults: list[str], name: str) -> Mapping[str, Json]:
    try:
        value = json.loads(content)
        if isinstance(value, dict) and canonical(value) == content:
            return value
    except ValueError:
        pass
    faults.append(f"{name} is missing or was altered")
    return {}


def _pretty(value: Json) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()
