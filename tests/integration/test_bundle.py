"""The evidence of a release can be checked anywhere, and whatever was done to it is found, by goaround and without."""

from __future__ import annotations

import json
import random
import subprocess
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.contract.test_signatures import new_key
from tests.unit.config_examples import LEAST
from tests.unit.releases import FULL_TERMS, PLAIN, Story, opened

from goaround.adapters.ssh_keys import SshKeys
from goaround.cli.main import cli
from goaround.cli.report import evidence, write
from goaround.cli.signing import verified
from goaround.domain.bundle import MANIFEST, SIGNATURE, Verified, chained, manifest, verify
from goaround.domain.errors import Refused
from goaround.domain.events import Answered, Sealed
from goaround.domain.release import Outcome
from goaround.domain.signals import sign, to_sign
from goaround.domain.signoff import canonical, digest, journal_namespace, namespace, seal
from goaround.wiring import House

Files = dict[str, bytes]
TERMS = replace(FULL_TERMS, proven=True, signers={"staging": ("owner",), "production": ("owner",)}, announce=False)


class Office:
    """A house with real keys, and a release that went all the way, signed and sealed."""

    def __init__(self, folder: Path) -> None:
        self.house = House(folder)
        self.key, self.allowed = new_key(folder, "owner")
        self.allowed = self.allowed.replace("release-signoff@shop", namespace("shop"))
        self.opening = replace(
            opened(PLAIN, TERMS),
            allowed_signers=self.allowed,
            controller_key=self.house.signatures.controller_key(),
            config={"toml": LEAST.replace("neotoma", "shop")},
        )

        self._good: set[tuple[bytes, str, str, str, str]] = set()

    def check(self, *what: Any) -> None:
        """OpenSSH's own verification; of what it found good before it is not asked again."""
        if what not in self._good:
            self.house.signatures.verify(*what)
            self._good.add(what)

    def release(self) -> None:
        story, phase = Story(self.opening), self.opening.plan.steps[0].phase
        self._write(story)
        while (step := story.state.next_step) is not None:
            if step.phase != phase:
                self._seal(story, str(phase))
                phase = step.phase
            if step.kind == "sign_off":
                head = self.house.states.refresh().head
                document = to_sign(story.state, "owner", nonce=step.key, now=story.now, head=head, note="äöü\x7f")
                made = self.house.signatures.sign(document, namespace("shop"), "owner", self.key, self.allowed)
                given = sign(story.state, document, made, story.now)
                story.tell(given)
                story.passes(statement=given.digest)
            else:
                story.until(f"{step.environment}/{step.name}")
                if step.kind == "answer":
                    story.tell(Answered(step.key, "owner", "looked"))
                story.passes()
            self._write(story)
        self._seal(story, str(phase))
        story.closes(Outcome.RELEASED)
        self._write(story)
        self._seal(story, "closed")
        self.house.journal.write_output("v1.0.0/staging/build#1", 0, "built\n")

    def _write(self, story: Story) -> None:
        known = len(self.house.states.refresh().all() and self.house.journal.read())
        for record in story.records[known:]:
            self.house.journal.append("v1.0.0", record.event)

    def _seal(self, story: Story, phase: str) -> None:
        document = seal("shop", self.house.states.refresh().head)
        signature = self.house.signatures.seal(document, journal_namespace("shop"))
        story.tell(Sealed(phase, document.decode(), signature))
        self._write(story)

    def bundle(self) -> Files:
        state = self.house.states.refresh().of("v1.0.0")
        assert state is not None
        return dict(evidence(self.house, state))


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    made = Office(tmp_path_factory.mktemp("office"))
    made.release()
    return made


@pytest.fixture(scope="module")
def whole(office: Office) -> Files:
    return office.bundle()


def checked(office: Office, files: Files, head: tuple[int, str] | None = None) -> Verified:
    return verify(files, office.check, head)


def by_script(folder: Path, files: Files, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What the script in the bundle says, where it was unpacked."""
    path = folder / "bundle.tar"
    write(path, files, 0)
    with tarfile.open(path) as tar:
        tar.extractall(folder / "unpacked", filter="data")
    return subprocess.run(
        ["sh", "verify.sh", *arguments], cwd=folder / "unpacked", capture_output=True, text=True, check=False
    )


def resealed(office: Office, files: Files) -> Files:
    """With a manifest that fits, signed by the controller's key: what somebody on its machine can do."""
    contents = {name: content for name, content in files.items() if name not in (MANIFEST, SIGNATURE)}
    about = manifest("shop", "v1.0.0", contents)
    made = office.house.signatures.seal(about, journal_namespace("shop"))
    return {**contents, MANIFEST: about, SIGNATURE: made.encode()}


def rewritten(files: Files, change: Callable[[list[str]], list[str]]) -> Files:
    """With other events, chained anew."""
    bodies = change([json.loads(line)[4] for line in files["journal.jsonl"].splitlines()])
    ats = [json.loads(line)[2] for line in files["journal.jsonl"].splitlines()]
    lines, previous = [], "sha256:" + "0" * 64
    for number, body in enumerate(bodies, start=1):
        line = (previous, number, ats[min(number, len(ats)) - 1], "v1.0.0", body)
        lines.append(canonical(list(line)) + b"\n")
        previous = chained(line)
    return {**files, "journal.jsonl": b"".join(lines)}


def test_what_nobody_touched_is_as_it_was(office: Office, whole: Files, tmp_path: Path) -> None:
    found = checked(office, whole)
    assert found.faults == ()
    assert (found.release, found.signatures, found.seals) == ("v1.0.0", 2, 9)
    said = by_script(tmp_path, whole, f"{found.head[0]}:{found.head[1]}")
    assert (said.returncode, said.stderr) == (0, "")
    assert f"{found.events} events; all is as it was; head {found.head[0]}:{found.head[1]}" in said.stdout


def test_openssh_verifies_the_signature_of_a_person_in_it(whole: Files, tmp_path: Path) -> None:
    (name,) = [name for name in whole if name.endswith("sign-off.json") and b"staging/sign-off" in whole[name]]
    for file in (name, f"{name}.sig", "allowed_signers"):
        (tmp_path / Path(file).name).write_bytes(whole[file])
    name = Path(name).name
    command = f"ssh-keygen -Y verify -f allowed_signers -I owner -n release-signoff@shop -s {name}.sig < {name}"
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.startswith('Good "release-signoff@shop" signature for owner')


@pytest.mark.parametrize("seed", range(8))
def test_no_byte_of_any_file_can_be_changed(office: Office, whole: Files, seed: int) -> None:
    chance = random.Random(seed)
    for name, content in whole.items():
        if not content:
            continue
        at = chance.randrange(len(content))
        bit = bytes([content[at] ^ (1 << chance.randrange(8))])
        changed = {**whole, name: content[:at] + bit + content[at + 1 :]}
        assert checked(office, changed).faults, (name, at)


def test_every_class_of_byte_of_the_journal_and_the_manifest_counts(office: Office, whole: Files) -> None:
    for name in ("journal.jsonl", MANIFEST):
        content = whole[name]
        for wanted in (b'"', b":", b",", b"[", b"]", b"{", b"}", b"\\", b"\n", b"0", b"a", b" "):
            at = content.find(wanted, len(content) // 3)
            if at < 0:
                continue
            for changed in (content[:at] + content[at + 1 :], content[:at] + wanted + content[at:]):
                assert checked(office, {**whole, name: changed}).faults, (name, wanted)


def test_no_file_can_be_taken_away_or_added(office: Office, whole: Files, tmp_path: Path) -> None:
    for name in whole:
        less = {other: content for other, content in whole.items() if other != name}
        assert checked(office, less).faults, name
    more = {**whole, "output/more.txt": b"more"}
    assert checked(office, more).faults == ("output/more.txt is not in the manifest",)
    assert "not in the manifest: output/more.txt" in by_script(tmp_path, more).stderr


# --- somebody with the controller's key, who makes the manifest fit again ---------------------------


FORGERIES: dict[str, Callable[[list[str]], list[str]]] = {
    "an event edited": lambda bodies: [body.replace("build done", "build  done") for body in bodies],
    "an event left out": lambda bodies: bodies[:3] + bodies[4:],
    "two events swapped": lambda bodies: [*bodies[:3], bodies[4], bodies[3], *bodies[5:]],
    "an event put in": lambda bodies: [*bodies[:3], bodies[2], *bodies[3:]],
    "the end cut off": lambda bodies: bodies[:-1],
    "a signature given to somebody else": lambda bodies: [
        body.replace('"by":"owner","digest"', '"by":"second","digest"') for body in bodies
    ],
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_journal_that_was_rewritten_is_found_although_everything_else_fits(
    office: Office, whole: Files, forgery: str, tmp_path: Path
) -> None:
    forged = resealed(office, rewritten(whole, FORGERIES[forgery]))
    assert forged["journal.jsonl"] != whole["journal.jsonl"]
    assert checked(office, forged).faults
    if forgery in ("an event edited", "an event left out", "two events swapped", "an event put in"):
        assert "was signed under another journal" in by_script(tmp_path, forged).stderr


def anew(office: Office, whole: Files, change: Callable[[list[str]], list[str]]) -> Files:
    """The last resort of who has the controller: other events, and every seal made again."""
    made: list[str] = []
    previous, ats = "sha256:" + "0" * 64, [json.loads(line)[2] for line in whole["journal.jsonl"].splitlines()]
    for number, body in enumerate(change([json.loads(line)[4] for line in whole["journal.jsonl"].splitlines()]), 1):
        event = json.loads(body)
        if event["type"] == "sealed":
            document = seal("shop", (number - 1, previous))
            event |= {"document": document.decode()}
            event |= {"signature": office.house.signatures.seal(document, journal_namespace("shop"))}
        body = json.dumps(event, separators=(",", ":"), ensure_ascii=False)
        previous = chained((previous, number, ats[number - 1], "v1.0.0", body))
        made.append(body)
    return resealed(office, rewritten(whole, lambda _: made))


def test_a_journal_sealed_anew_from_the_beginning_does_not_fit_what_people_signed(office: Office, whole: Files) -> None:
    forged = anew(office, whole, lambda bodies: [body.replace("build done", "build  done") for body in bodies])
    faults = checked(office, forged).faults
    assert faults
    assert all("what was signed in event" in fault for fault in faults)


PASSED_UNSIGNED = "passed v1.0.0/production/sign-off, and the signatures for that are not there: owner"


def test_a_sign_off_that_nobody_signed_is_found_although_all_is_sealed(office: Office, whole: Files) -> None:
    def unsigned(bodies: list[str]) -> list[str]:
        (last,) = [body for body in bodies if '"type":"signed"' in body and '"step":"v1.0.0/production' in body]
        return [body for body in bodies if body != last]

    def taken_back(bodies: list[str]) -> list[str]:
        at = next(i for i, b in enumerate(bodies) if '"started"' in b and '"step":"v1.0.0/production/sign-off"' in b)
        back = {"step": "v1.0.0/production/sign-off", "by": "owner", "reason": "no", "type": "withdrawn"}
        return [*bodies[:at], json.dumps(back), *bodies[at:-1]]

    for forgery in (unsigned, taken_back):
        faults = checked(office, anew(office, whole, forgery)).faults
        assert any(fault.endswith(PASSED_UNSIGNED) for fault in faults), faults


@pytest.mark.parametrize("other", ['"role":"signer', '"note":"äöü', '"digest":"sha256:'])
def test_an_event_that_says_other_things_than_was_signed_is_found(office: Office, whole: Files, other: str) -> None:
    def change(bodies: list[str]) -> list[str]:
        return [
            body.replace(other, other + "0", 1) if '"signed"' in body and "production" in body else body
            for body in bodies
        ]

    faults = checked(office, anew(office, whole, change)).faults
    assert any("says other things than what was signed" in fault for fault in faults), faults


def test_other_people_are_not_believed(office: Office, whole: Files, tmp_path: Path) -> None:
    _, line = new_key(tmp_path, "mallory")
    other = {**whole, "allowed_signers": line.replace("mallory namespaces", "owner namespaces").encode()}
    assert checked(office, resealed(office, other)).faults == (
        "allowed_signers are not those that the release was opened with",
    )


@pytest.mark.parametrize("other", ["controller.pub", "allowed_signers", "a statement", "no key at all"])
def test_the_script_believes_only_the_keys_and_statements_that_the_journal_has(
    office: Office, whole: Files, tmp_path: Path, other: str
) -> None:
    """Somebody without any key of ours: the journal is whole, and so its head; all else is signed with their own."""
    mallory = SshKeys(tmp_path / "mallory" / "key")
    key = mallory.controller_key()
    forged = {name: content for name, content in whole.items() if name not in (MANIFEST, SIGNATURE)}
    (name,) = [name for name in forged if name.endswith("sign-off.json") and b"production/sign-off" in forged[name]]
    match other:
        case "controller.pub":
            forged["controller.pub"] = f"{key}\n".encode()
        case "allowed_signers":
            forged["allowed_signers"] = f"owner {key}\n".encode()
        case "a statement":
            forged[name] = forged[name].replace(b"approve", b"APPROVE")
            forged[f"{name}.sig"] = mallory.seal(forged[name], namespace("shop")).encode()
        case _:
            forged["controller.pub"] = b""
    about = manifest("shop", "v1.0.0", forged)
    forged |= {MANIFEST: about, SIGNATURE: mallory.seal(about, journal_namespace("shop")).encode()}
    said = by_script(tmp_path, forged, "{}:{}".format(*checked(office, whole).head))
    named = {"a statement": f"{name} is not what the journal has", "no key at all": "controller.pub is not"}
    assert said.returncode == 1
    assert named.get(other, f"{other} is not what the release was opened with") in said.stderr


@pytest.mark.parametrize("name", ["manifest.json ", "journal.jsonl\nplan.json", "a link"])
def test_the_script_finds_what_is_not_in_the_manifest_whatever_it_is_called(
    whole: Files, tmp_path: Path, name: str
) -> None:
    by_script(tmp_path, whole)
    if name == "a link":
        (tmp_path / "unpacked" / name).symlink_to("plan.json")
    else:
        (tmp_path / "unpacked" / name).write_text("more")
    done = subprocess.run(["sh", "verify.sh"], cwd=tmp_path / "unpacked", capture_output=True, text=True, check=False)
    assert (done.returncode, "not in the manifest" in done.stderr) == (1, True), done.stderr


def test_a_head_told_elsewhere_finds_what_the_bundle_cannot(office: Office, whole: Files) -> None:
    head = checked(office, whole).head
    assert checked(office, whole, head).faults == ()
    assert checked(office, whole, (head[0] + 1, digest("later"))).faults == (
        f"event {head[0] + 1} is not the one whose digest was told elsewhere",
    )
    assert checked(office, whole, (3, digest("another"))).faults


def test_a_statement_of_another_journal_is_not_taken(office: Office) -> None:
    """It would make all the evidence untrue, for ever."""
    state = office.house.states.refresh().of("v1.0.0")
    assert state is not None
    given = next(iter(state.signed.values()))[0]
    verified(office.house, state, given)
    for head in ({"number": 3, "digest": digest("another")}, {"number": 10**30, "digest": digest("another")}):
        said = json.loads(given.statement)
        document = canonical({**said, "predicate": {**said["predicate"], "journal": head}})
        made = office.house.signatures.sign(document, namespace("shop"), "owner", office.key, office.allowed)
        with pytest.raises(Refused, match="the statement is of another journal"):
            verified(office.house, state, replace(given, statement=document.decode(), signature=made))


# --- on the command line ----------------------------------------------------------------------------


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli, list(words))
    return done.exit_code, done.output


def test_a_bundle_is_written_and_verified_from_the_command_line(office: Office, whole: Files, tmp_path: Path) -> None:
    project, path = str(office.house.project), tmp_path / "v1.0.0.tar"
    code, said = run("-C", project, "report", "v1.0.0", "--bundle", str(path))
    assert (code, "goaround audit verify" in said) == (0, True), said
    code, said = run("audit", "verify", str(path))
    assert (code, said.splitlines()[-1]) == (0, "all is as it was")
    again = tmp_path / "again.tar"
    run("-C", project, "report", "v1.0.0", "--bundle", str(again))
    with tarfile.open(path) as first, tarfile.open(again) as second:
        assert first.getnames() == second.getnames() == sorted(whole)
    write(path, {**whole, "plan.json": b"{}"}, 0)
    code, said = run("audit", "verify", str(path))
    assert (code, "WRONG: plan.json was altered" in said) == (9, True)
    assert json.loads(run("audit", "verify", str(path), "--json")[1])["faults"] == ["plan.json was altered"]


def test_of_a_bundle_in_which_nothing_is_signed_it_is_said(tmp_path: Path) -> None:
    house = House(tmp_path)
    opening = replace(opened(PLAIN, FULL_TERMS), config={"toml": LEAST.replace("neotoma", "shop")})
    house.journal.append("v1.0.0", opening)
    state = house.states.refresh().of("v1.0.0")
    assert state is not None
    files = dict(evidence(house, state))
    write(tmp_path / "said.tar", files, 0)
    code, said = run("audit", "verify", str(tmp_path / "said.tar"))
    assert (code, said.splitlines()[-1]) == (0, UNSIGNED)
    assert UNSIGNED in by_script(tmp_path, files).stdout


UNSIGNED = "nothing in it is signed: it holds together, and anybody could have made it"


@pytest.mark.parametrize("cut", [0, 100, 700, 5_000])
def test_what_is_no_bundle_or_only_a_piece_of_one_is_told(whole: Files, tmp_path: Path, cut: int) -> None:
    path = tmp_path / "cut.tar"
    write(path, whole, 0)
    path.write_bytes(path.read_bytes()[:cut])
    code, said = run("audit", "verify", str(path))
    assert code in (2, 9)
    assert "no bundle" in said or "WRONG" in said


ODD: dict[str, Callable[[Files], Files]] = {
    "too deep": lambda files: {**files, MANIFEST: b"[" * 200_000},
    "a line too deep": lambda files: {**files, "journal.jsonl": b"[" * 200_000 + b"\n"},
    "a name that is no text": lambda files: {**files, "output/\udce2.txt": b""},
    "a name no program can be given": lambda files: rewritten(files, _with("signed", by="a\0b")),
    "no signature": lambda files: rewritten(files, _with("sealed", signature=None)),
    "half a character": lambda files: rewritten(files, _with("signed", statement="\ud800")),
    "no plan": lambda files: rewritten(files, _with("opened", plan=[1])),
    "no roles": lambda files: rewritten(files, _with("opened", terms={"proven": True, "roles": {"staging": [{}]}})),
}


def _with(kind: str, **fields: object) -> Callable[[list[str]], list[str]]:
    def change(bodies: list[str]) -> list[str]:
        events = [json.loads(body) for body in bodies]
        return [json.dumps({**event, **fields} if event["type"] == kind else event) for event in events]

    return change


@pytest.mark.parametrize("odd", ODD)
def test_what_goaround_never_writes_is_told_and_not_stumbled_over(whole: Files, tmp_path: Path, odd: str) -> None:
    write(tmp_path / "odd.tar", ODD[odd](whole), 0)
    code, said = run("audit", "verify", str(tmp_path / "odd.tar"))
    assert code == 9
    assert "WRONG" in said or "says what goaround never writes" in said


def test_the_journal_itself_is_checked_and_a_head_has_to_make_sense(office: Office, tmp_path: Path) -> None:
    assert "each chained to the one before" in run("-C", str(office.house.project), "audit", "verify")[1]
    (tmp_path / "x").write_text("")
    for head in ("nonsense", "²:sha256:0"):
        assert run("audit", "verify", str(tmp_path / "x"), "--head", head)[0] == 2


def test_a_bundle_that_cannot_be_written_is_told_and_leaves_nothing(office: Office, tmp_path: Path) -> None:
    code, said = run("-C", str(office.house.project), "report", "v1.0.0", "--bundle", str(tmp_path / "no" / "b.tar"))
    assert code != 0
    assert "there is no bundle" in said
