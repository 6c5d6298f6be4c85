"""A signature is verified once more before it lets anything through, and whose key counts was known before."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from tests.fakes.scene import Scene
from tests.unit.config_examples import LEAST
from tests.unit.releases import FULL_TERMS, PLAIN, RELEASE, Story, opened, says_yes

from goaround.config.load import parse_config
from goaround.config.terms import terms_of
from goaround.domain.calendar import Calendar, Freeze
from goaround.domain.decisions import Do, decide
from goaround.domain.errors import ConfigurationError, Refused
from goaround.domain.journal import State
from goaround.domain.release import Role
from goaround.domain.signals import break_glass, to_break_glass
from goaround.domain.signoff import digest
from goaround.engine.opening import Asked, open_release
from goaround.ports import Commit
from goaround.steps import sign_off, window

PROVEN = replace(FULL_TERMS, proven=True)
ALLOWED = replace(opened(RELEASE, PROVEN), allowed_signers="owner second")


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def signed(by: str, signature: str) -> Story:
    story = Story(ALLOWED)
    story.until("staging/sign-off")
    story.tell(replace(says_yes(story.state, by), signature=signature))
    return story


def test_a_good_signature_is_verified_and_told_to_be_proven(scene: Scene) -> None:
    story = signed("owner", "signed by owner")
    found = sign_off.observe(scene.context(story.state, story.step()))
    assert found.facts["proven"] is True
    assert scene.signatures.verified == ["owner"]


@pytest.mark.parametrize("forged", ["signed by somebody", "signed by second"])
def test_a_signature_that_somebody_wrote_into_the_journal_lets_nothing_through(scene: Scene, forged: str) -> None:
    story = signed("owner", forged)
    assert isinstance(decide(story.state, story.now), Do)
    with pytest.raises(Refused, match="the signature of owner is not good"):
        sign_off.observe(scene.context(story.state, story.step()))


def test_a_good_signature_under_another_statement_lets_nothing_through(scene: Scene) -> None:
    """Somebody writes into the journal that what was signed for staging was signed for production."""
    story = signed("owner", "signed by owner")
    (old,) = story.state.signed[story.step().key]
    story.until("production/sign-off")
    step = story.step()
    for forged in (
        replace(old, step=step.key, digest=digest(story.state.statement(step))),
        replace(says_yes(story.state, "owner"), signature="signed by owner", expires=datetime(2999, 1, 1, tzinfo=UTC)),
        replace(says_yes(story.state, "owner"), signature="signed by owner", statement="[]"),
    ):
        told = replace(story.state, signed={step.key: (forged,)})
        assert isinstance(decide(told, story.now), Do)
        with pytest.raises(Refused, match="the journal says other things than owner signed"):
            sign_off.observe(scene.context(told, step))


def test_broken_glass_is_verified_too_and_told_in_capitals(scene: Scene) -> None:
    story = Story(ALLOWED)
    story.until("staging/sign-off")
    pane = to_break_glass(story.state, "owner", "it burns", nonce="n", now=story.now, head=(1, ""))
    story.tell(break_glass(story.state, pane, "signed by nobody"))
    with pytest.raises(Refused, match="is not good"):
        sign_off.observe(scene.context(story.state, story.step()))
    story.tell(break_glass(story.state, pane, "signed by owner"))
    found = sign_off.observe(scene.context(story.state, story.step()))
    assert (found.says, found.facts["broke_glass"]) == ("GLASS BROKEN by owner: it burns", "owner")


def test_glass_opens_a_closed_window(scene: Scene) -> None:
    frozen = Calendar(freezes=(Freeze(date(2020, 1, 1), date(2999, 1, 1), "sold"),))
    story = Story(opened(PLAIN, replace(FULL_TERMS, calendar=frozen)))
    story.until("production/window")
    assert "open: " in window.observe(scene.context(story.state, story.step())).says
    pane = to_break_glass(story.state, "owner", "it burns", nonce="n", now=story.now, head=(1, ""))
    story.tell(break_glass(story.state, pane, ""))
    assert isinstance(decide(story.state, datetime(2026, 5, 1, tzinfo=UTC)), Do)
    assert window.observe(scene.context(story.state, story.step())).says == "GLASS BROKEN by owner: it burns"


# --- whose keys count -----------------------------------------------------------------------------

KEYED = 'sign_off.allowed_signers = "releases/allowed_signers"\n' + LEAST
MANIFEST = b'version = "v1.1.0"\n'


class Repository:
    """Files at commits: those of the release that serves, and those of the candidate."""

    def __init__(self, serving: bytes | None, candidate: bytes | None) -> None:
        self.signers = {RELEASE.commit: serving, "candidate": candidate}

    def commit(self, ref: str) -> Commit:
        return Commit(ref, "more", "Ada <ada@example.org>")

    def changes(self) -> tuple[str, ...]:
        return ()

    def read(self, commit: str, path: str) -> bytes | None:
        return self.signers[commit] if path == "releases/allowed_signers" else MANIFEST

    def files(self, commit: str, pattern: str) -> Mapping[str, str]:
        del commit, pattern
        return {}

    def tagged(self, name: str) -> str | None:
        del name
        return None

    def tag(self, name: str, commit: str, message: str) -> None:
        raise AssertionError((name, commit, message))


def whose(repository: Repository, states: Mapping[str, State], trust: str = "") -> str:
    config = parse_config(KEYED, "goaround.toml")
    asked = Asked("v1.1.0", "candidate", "ada", trust)
    made = open_release(asked, config, KEYED, repository, states)
    assert made.release.author == "Ada <ada@example.org>"
    return made.allowed_signers


def serving() -> dict[str, State]:
    story = Story(opened(PLAIN))
    story.released()
    return {"v1.0.0": story.state}


def test_whose_keys_count_stands_in_what_serves_production_never_in_the_candidate() -> None:
    repository = Repository(b"owner ssh-ed25519 OLD\n", b"mallory ssh-ed25519 NEW\n")
    assert whose(repository, serving()) == "owner ssh-ed25519 OLD\n"


@pytest.mark.parametrize("states", [{}, serving()])
def test_where_nothing_has_said_so_a_person_names_the_file_that_was_looked_at(states: Mapping[str, State]) -> None:
    candidate = b"owner ssh-ed25519 NEW\n"
    digest = "sha256:" + hashlib.sha256(candidate).hexdigest()
    with pytest.raises(Refused, match="comes with the candidate itself") as refused:
        whose(Repository(None, candidate), states)
    assert refused.value.remedy.endswith(f"--trust {digest}")
    with pytest.raises(Refused, match="comes with the candidate itself"):
        whose(Repository(None, candidate), states, "sha256:another")
    assert whose(Repository(None, candidate), states, digest) == candidate.decode()


def test_a_file_that_is_not_there_lets_nobody_sign() -> None:
    with pytest.raises(Refused, match="releases/allowed_signers is not in commit candidate, so nobody could sign"):
        whose(Repository(None, None), {})


# --- configuration --------------------------------------------------------------------------------

ROLES = """
[[environments.production.sign_off]]
role = "owner"
people = ["mark"]
[[environments.production.sign_off]]
role = "operations"
people = ["ben", "cleo"]
count = 2
[sign_off]
allowed_signers = "releases/allowed_signers"
own_release = false
expires = "24h"
"""


def test_roles_and_keys_are_terms_of_a_release() -> None:
    terms = terms_of(parse_config(LEAST + ROLES, "goaround.toml"))
    assert terms.roles == {"production": (Role("owner", ("mark",)), Role("operations", ("ben", "cleo"), 2))}
    assert (terms.proven, terms.own_release, terms.sign_off_seconds) == (True, False, 86_400)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("count = 2", "count = 3", "3 of 2 people can never sign"),
        ("count = 2", "count = 0", "at least 1"),
        ('people = ["mark"]', "people = []", "name at least 1"),
        ('"releases/allowed_signers"', '"../allowed_signers"', "a path within the repository"),
        ('"24h"', '"soon"', "is not a duration"),
        ("own_release = false", 'own_release = "no"', "true or false"),
    ],
)
def test_what_makes_no_sense_of_them_is_told(old: str, new: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_config((LEAST + ROLES).replace(old, new), "goaround.toml")
    assert said in "".join(refused.value.mistakes)


def test_a_candidate_does_not_do_away_with_keys_unless_a_person_says_so() -> None:
    """Otherwise whoever writes goaround.toml writes who signs, too."""
    before = serving()["v1.0.0"]
    keyed = replace(before, opened=replace(before.opened, terms=replace(before.terms, proven=True)))
    config = parse_config(LEAST, "goaround.toml")
    repository = Repository(b"owner second", b"mallory")

    def begin(trust: str) -> str:
        asked = Asked("v1.1.0", "candidate", "ada", trust)
        return open_release(asked, config, LEAST, repository, {"v1.0.0": keyed}).allowed_signers

    with pytest.raises(Refused, match="asks for no keys") as refused:
        begin("")
    assert "--trust names" in refused.value.remedy
    assert begin("names") == ""


# --- the rules themselves -------------------------------------------------------------------------


def let_through_by(toml: str) -> dict[str, State]:
    """A release that serves, and was let through under these rules."""
    terms = terms_of(parse_config(toml, "goaround.toml"))
    story = Story(replace(opened(PLAIN, FULL_TERMS), terms=replace(terms, checklist=())))
    story.released()
    return {"v1.0.0": story.state}


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("count = 2", "count = 1", "the roles changed"),
        ("own_release = false", "own_release = true", "own_release changed"),
        ('expires = "24h"', 'expires = "240h"', "how long a signature counts changed"),
        ('people = ["mark"]', 'people = ["mark", "mallory"]', "the roles changed"),
    ],
)
def test_a_candidate_does_not_choose_its_own_judges(old: str, new: str, what: str) -> None:
    strict, lax = LEAST + ROLES, (LEAST + ROLES).replace(old, new)
    states = let_through_by(strict)
    repository = Repository(b"owner ssh-ed25519 OLD\n", None)

    def release(toml: str, trust: str = "") -> None:
        asked = Asked("v1.1.0", "candidate", "ada", trust)
        open_release(asked, parse_config(toml, "goaround.toml"), toml, repository, states)

    release(strict)
    with pytest.raises(Refused, match=f"under other rules of who signs: .*{what}") as refused:
        release(lax)
    release(lax, refused.value.remedy.rpartition(" ")[2])
