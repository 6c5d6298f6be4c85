"""What a bundle proves and what it does not, by itself alone. Signatures are what they say; their spelling is real."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.fakes.journal import FakeJournal
from tests.unit.releases import FULL_TERMS, PLAIN, Story, opened, says_yes

from goaround.domain.bundle import MANIFEST, SIGNATURE, Verified, chained, files, manifest, verify
from goaround.domain.errors import Refused
from goaround.domain.events import Closed, Event, Opened, Sealed, Signed
from goaround.domain.journal import State
from goaround.domain.release import Outcome
from goaround.domain.signals import break_glass, to_break_glass
from goaround.domain.signoff import canonical, journal_namespace, namespace, seal

Files = dict[str, bytes]
KEY = "ssh-ed25519 CONTROLLER"
OPENING = replace(
    opened(PLAIN, replace(FULL_TERMS, proven=True)), allowed_signers="owner KEY\n", controller_key=KEY, config={}
)
SHOP, JOURNAL = namespace("shop"), journal_namespace("shop")


def armoured(document: bytes, space: str, by: str) -> str:
    """Who signed what for what, spelled as OpenSSH spells a signature."""
    text = b64encode(canonical([by, space, document.decode()])).decode()
    lines = [text[at : at + 70] for at in range(0, len(text), 70)]
    return "\n".join(("-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----", ""))


def check(document: bytes, signature: str, space: str, by: str, allowed: str) -> None:
    if signature != armoured(document, space, by) or by not in allowed.split():
        raise Refused(f"the signature of {by} is not good", state="s", remedy="r")


class Desk:
    """A journal and a story that is told into it."""

    def __init__(self, opening: Opened = OPENING) -> None:
        self.journal, self.story = FakeJournal(), Story(opening)
        self.journal.append("v1.0.0", opening)

    def tell(self, *events: Event) -> None:
        for event in events:
            self.story.tell(event)
            self.journal.append("v1.0.0", event)

    @property
    def head(self) -> tuple[int, str]:
        last = self.journal.read()[-1]
        return last.seq, last.digest

    def reach(self, name: str) -> None:
        known = len(self.story.records)
        self.story.until(name)
        for record in self.story.records[known:]:
            self.journal.append("v1.0.0", record.event)

    def sign(self, **changes: Any) -> None:
        signed = says_yes(self.story.state, "owner", head=self.head)
        made = armoured(signed.statement.encode(), SHOP, "owner")
        self.tell(replace(signed, **{"signature": made, **changes}))

    def seal(self, phase: str = "closed") -> None:
        document = seal("shop", self.head)
        self.tell(Sealed(phase, document.decode(), armoured(document, JOURNAL, "goaround")))

    def state(self) -> State:
        return self.story.state

    def bundle(self) -> Files:
        contents = files(self.state(), self.journal.lines(), {"v1.0.0/staging/build#1": "built\n"})
        return packed(contents)


def packed(contents: Files) -> Files:
    contents = {name: content for name, content in contents.items() if name not in (MANIFEST, SIGNATURE)}
    about = manifest("shop", "v1.0.0", contents)
    return {**contents, MANIFEST: about, SIGNATURE: armoured(about, JOURNAL, "goaround").encode()}


def refused_release() -> Desk:
    """A release that was signed once, sealed, and then failed."""
    desk = Desk()
    desk.reach("staging/sign-off")
    desk.sign()
    desk.seal("staging")
    desk.tell(Closed(Outcome.ABORTED, "aborted"))
    desk.seal()
    return desk


def faults(contents: Files, head: tuple[int, str] | None = None) -> tuple[str, ...]:
    return verify(contents, check, head).faults


def test_a_bundle_that_nobody_touched_has_no_faults() -> None:
    desk = refused_release()
    found = verify(desk.bundle(), check)
    assert found == Verified("v1.0.0", desk.head[0], 1, 2, desk.head, ())
    assert faults(desk.bundle(), (3, desk.journal.read()[2].digest)) == ()


def test_broken_glass_is_in_it_and_checked() -> None:
    desk = Desk()
    desk.reach("staging/sign-off")
    pane = to_break_glass(desk.state(), "owner", "it burns", nonce="n", now=desk.story.now, head=desk.head)
    desk.tell(break_glass(desk.state(), pane, armoured(pane, SHOP, "owner")))
    assert verify(desk.bundle(), check).signatures == 1
    assert any(name.endswith("break-glass.json") for name in desk.bundle())
    assert faults(desk.bundle()) == ()


def test_without_keys_the_chain_alone_is_checked() -> None:
    desk = Desk(replace(opened(PLAIN), config={}))
    desk.reach("staging/sign-off")
    desk.tell(Signed(desk.story.step().key, "owner", "sha256:said"))
    contents = packed(files(desk.state(), desk.journal.lines(), {}))
    assert contents["controller.pub"] == b""
    assert verify({**contents, SIGNATURE: b""}, check).faults == ()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("plan.json", b"{}", "plan.json was altered"),
        ("more.txt", b"more", "more.txt is not in the manifest"),
        (MANIFEST, b"[]", f"{MANIFEST} is missing or was altered"),
        (MANIFEST, b"{", f"{MANIFEST} is missing or was altered"),
        (SIGNATURE, b"", "the signature of goaround was altered or is missing"),
        (SIGNATURE, b"-----BEGIN\n?\n-----END\n", "the signature of goaround was altered or is missing"),
        (SIGNATURE, armoured(b"another", JOURNAL, "goaround").encode(), "the signature of goaround is not good"),
    ],
)
def test_a_file_that_is_not_as_it_was_is_named(name: str, content: bytes, said: str) -> None:
    assert said in faults({**refused_release().bundle(), name: content})


@pytest.mark.parametrize("name", ["plan.json", "journal.jsonl", "allowed_signers", "controller.pub"])
def test_a_file_that_is_missing_is_named(name: str) -> None:
    contents = refused_release().bundle()
    del contents[name]
    assert f"{name} is missing" in faults(contents)


def test_other_keys_than_those_of_the_release_are_found_although_the_manifest_fits() -> None:
    contents = refused_release().bundle()
    assert "allowed_signers are not those that the release was opened with" in faults(
        packed({**contents, "allowed_signers": b"mallory KEY\n"})
    )
    assert "controller.pub is not the key that the release was opened with" in faults(
        packed({**contents, "controller.pub": b"ssh-ed25519 ANOTHER\n"})
    )


def rewritten(contents: Files, change: Callable[[int, dict[str, Any]], dict[str, Any] | None]) -> Files:
    """With other events, chained anew, in a manifest that fits."""
    lines: list[bytes] = []
    previous = "sha256:" + "0" * 64
    for text in contents["journal.jsonl"].splitlines():
        _, number, at, release, body = json.loads(text)
        event = change(number, json.loads(body))
        if event is not None:
            line = (previous, len(lines) + 1, at, release, json.dumps(event, separators=(",", ":")))
            lines.append(canonical(list(line)) + b"\n")
            previous = chained(line)
    return packed({**contents, "journal.jsonl": b"".join(lines)})


def test_a_history_that_was_rewritten_is_not_the_one_that_was_signed() -> None:
    contents = refused_release().bundle()
    forged = rewritten(contents, lambda _, event: {**event, "says": "so"} if event["type"] == "passed" else event)
    assert any("of another journal" in fault for fault in faults(forged))
    shorter = rewritten(contents, lambda number, event: None if number == 3 else event)
    assert any("of another journal" in fault for fault in faults(shorter))


def test_an_end_without_its_seal_is_an_end_that_may_have_been_cut_off() -> None:
    desk = refused_release()
    last = desk.head[0]
    cut = rewritten(desk.bundle(), lambda number, event: None if number == last else event)
    assert "the end of the release is not sealed: events may be missing" in faults(cut)


def test_a_signature_given_to_somebody_else_is_found() -> None:
    contents = refused_release().bundle()
    forged = rewritten(contents, lambda _, event: {**event, "by": "second"} if event["type"] == "signed" else event)
    assert any("says other things than what was signed" in fault for fault in faults(forged))


@pytest.mark.parametrize("document", ["", "{", "[]", '{"predicate":[]}', '{"predicate":{"journal":"x"}}'])
def test_a_statement_that_is_none_is_a_fault_and_no_accident(document: str) -> None:
    desk = Desk()
    desk.reach("staging/sign-off")
    desk.sign(statement=document)
    assert faults(desk.bundle())
    forged = rewritten(
        refused_release().bundle(),
        lambda _, event: {**event, "document": document} if event["type"] == "sealed" else event,
    )
    assert faults(forged)


@pytest.mark.parametrize("text", [b"", b"{}\n", b"[1]\n", b"[]", b'["a",1,"t","v1.0.0","{"]\n', b"\xff\n"])
def test_a_journal_that_is_none_is_a_fault_and_no_accident(text: bytes) -> None:
    found = faults(packed({**refused_release().bundle(), "journal.jsonl": text}))
    assert any("missing, or was altered" in fault or "cut off" in fault for fault in found)
    assert "the release was never opened in this journal" in found


def test_a_head_that_was_told_elsewhere_has_to_be_there() -> None:
    desk = refused_release()
    number, digest = desk.head
    assert faults(desk.bundle(), (number, digest)) == ()
    assert faults(desk.bundle(), (number + 1, digest)) == (
        f"event {number + 1} is not the one whose digest was told elsewhere",
    )


def test_steps_that_failed_and_steps_that_passed_are_in_the_plan() -> None:
    desk = Desk()
    desk.reach("staging/health")
    desk.story.fails(what="it broke")
    steps = {step["key"]: step for step in json.loads(desk.bundle()["plan.json"])["steps"]}
    assert steps["v1.0.0/staging/health"]["failed"] == "it broke"
    assert steps["v1.0.0/staging/build"]["found"] is not None
    assert steps["v1.0.0/production/tag"]["began"] is None
