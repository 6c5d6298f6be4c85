"""Whose word counts under a sign-off, whose does not and why, and who is still missing."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.releases import FULL_TERMS, RELEASE, Story, opened, says_yes

from goaround.domain.decisions import Do, Wait, decide
from goaround.domain.errors import Refused, Stale
from goaround.domain.events import Withdrawn
from goaround.domain.release import Role, Terms
from goaround.domain.signals import abort, break_glass, refuse, sign, to_break_glass, to_sign, withdraw
from goaround.domain.signoff import canonical, digest, namespace, standing

OWNER, OPERATIONS = Role("owner", ("ada",)), Role("operations", ("ben", "cleo", "ada"), count=2)
ROLES = replace(FULL_TERMS, roles={"staging": (OWNER, OPERATIONS)})
AUTHORED = replace(RELEASE, author="Ada <ada@example.org>")


def at_sign_off(terms: Terms = ROLES, by: str = "owner") -> Story:
    story = Story(opened(AUTHORED, terms, by))
    story.until("staging/sign-off")
    return story


def missing(story: Story) -> tuple[str, ...]:
    return story.state.standing(story.step(), story.now).missing


def test_every_role_has_to_sign_and_as_often_as_it_says() -> None:
    story = at_sign_off()
    assert missing(story) == ("ada", "2 of ben or cleo or ada")
    assert "Signed by ada, and 2 of ben or cleo or ada" in story.step().says
    story.tell(says_yes(story.state, "ben"))
    assert missing(story) == ("ada", "1 of ben or cleo or ada")
    story.tell(says_yes(story.state, "ada", role="owner"))
    assert missing(story) == ("1 of ben or cleo or ada",)
    waiting = decide(story.state, story.now)
    assert isinstance(waiting, Wait)
    assert waiting.why.endswith("; signed by ben, ada; missing: 1 of ben or cleo or ada")
    story.tell(says_yes(story.state, "cleo"))
    assert isinstance(decide(story.state, story.now), Do)


def test_one_person_is_one_signature_and_the_last_role_counts() -> None:
    story = at_sign_off()
    story.tell(says_yes(story.state, "ada", role="owner"))
    story.tell(says_yes(story.state, "ada", role="operations"))
    assert missing(story) == ("ada", "1 of ben or cleo or ada")


def test_who_may_sign_as_several_says_as_which() -> None:
    with pytest.raises(Refused, match="ada may sign as owner or operations") as refused:
        says_yes(at_sign_off().state, "ada")
    assert refused.value.remedy == "say as which with --role"
    with pytest.raises(Refused, match="ben may not sign as owner"):
        says_yes(at_sign_off().state, "ben", role="owner")


@pytest.mark.parametrize("own", ["ada", "Ada", "ada@example.org"])
def test_who_wrote_it_or_asked_for_it_is_not_the_only_one_to_sign(own: str) -> None:
    terms = replace(FULL_TERMS, signers={"staging": (own, "ben"), "production": ("ben",)}, own_release=False)
    story = at_sign_off(terms, by=own if own == "ada" else "somebody")
    story.tell(says_yes(story.state, own))
    assert missing(story) == ("somebody who neither asked for this release nor wrote its commit",)
    story.tell(says_yes(story.state, "ben"))
    assert missing(story) == ()


def test_where_it_is_allowed_one_may_sign_what_one_wrote() -> None:
    story = at_sign_off(replace(FULL_TERMS, signers={"staging": ("ada",), "production": ("ada",)}), by="ada")
    story.tell(says_yes(story.state, "ada"))
    assert missing(story) == ()


def test_a_signature_expires_and_may_be_given_again() -> None:
    story = at_sign_off(replace(FULL_TERMS, sign_off_seconds=3600))
    story.tell(says_yes(story.state, "owner", now=story.now))
    assert isinstance(decide(story.state, story.now + timedelta(minutes=59)), Do)
    late = decide(story.state, story.now + timedelta(minutes=61))
    assert isinstance(late, Wait)
    assert "the signature of owner is void: it expired at" in late.why
    story.tell(says_yes(story.state, "owner", now=story.now + timedelta(minutes=61)))
    assert isinstance(decide(story.state, story.now + timedelta(minutes=62)), Do)


def test_a_statement_that_expired_is_not_signed() -> None:
    story = at_sign_off(replace(FULL_TERMS, sign_off_seconds=60))
    document = to_sign(story.state, "owner", nonce="n", now=story.now, head=(1, ""))
    with pytest.raises(Stale, match="the statement expired"):
        sign(story.state, document, "", story.now + timedelta(seconds=60))


def test_a_signature_taken_back_does_not_count_until_it_is_given_anew() -> None:
    story = at_sign_off(FULL_TERMS)
    story.tell(says_yes(story.state, "owner"))
    story.tell(withdraw(story.state, "owner", "the wrong graph", story.now))
    waiting = decide(story.state, story.now)
    assert isinstance(waiting, Wait)
    assert "the signature of owner is void: owner took it back: the wrong graph" in waiting.why
    story.tell(says_yes(story.state, "owner"))
    assert isinstance(decide(story.state, story.now), Do)


def test_only_a_signature_that_counts_can_be_taken_back() -> None:
    story = at_sign_off(FULL_TERMS)
    with pytest.raises(Refused, match="no signature of owner counts"):
        withdraw(story.state, "owner", "never mind", story.now)


@pytest.mark.parametrize("name", ["commit", "artifact", "migrations", "configuration", "evidence"])
def test_what_changed_since_a_signature_is_named(name: str) -> None:
    story = at_sign_off(FULL_TERMS)
    signed = says_yes(story.state, "owner")
    bound = {**story.state.statement(story.step()), name: "another"}
    found = standing(FULL_TERMS, frozenset(), bound, [signed], {}, story.now)
    assert [why for _, why in found.void] == [f"the {name} changed"]
    assert found.missing == ("owner or second",)


def test_a_name_is_no_signature_where_keys_are_asked_for() -> None:
    story = at_sign_off(replace(FULL_TERMS, proven=True))
    story.tell(says_yes(story.state, "owner"))
    assert [why for _, why in story.state.standing(story.step(), story.now).void] == [
        "it is a name without a signature"
    ]


# --- the document ---------------------------------------------------------------------------------


def test_what_is_signed_is_an_in_toto_statement_of_everything_it_is_bound_to() -> None:
    story = at_sign_off(replace(FULL_TERMS, sign_off_seconds=3600))
    said = json.loads(to_sign(story.state, "owner", nonce="0f", now=story.now, head=(7, "sha256:h"), note="all read"))
    bound = story.state.statement(story.step())
    assert said["_type"] == "https://in-toto.io/Statement/v1"
    assert said["subject"] == [{"name": "shop v1.0.0", "digest": {"sha256": "a" * 64}}]
    assert said["predicate"] == {
        **bound,
        "service": "shop",
        "by": "owner",
        "role": "signer",
        "decision": "approve",
        "note": "all read",
        "nonce": "0f",
        "issued": story.now.isoformat(),
        "expires": (story.now + timedelta(hours=1)).isoformat(),
        "journal": {"number": 7, "digest": "sha256:h"},
    }
    assert namespace("shop") == "release-signoff@shop"


def test_a_statement_is_used_once() -> None:
    story = at_sign_off(FULL_TERMS)
    document = to_sign(story.state, "owner", nonce="n", now=story.now, head=(1, ""))
    story.tell(sign(story.state, document, "", story.now))
    story.tell(Withdrawn(story.step().key, "owner", "no"))
    with pytest.raises(Stale, match="this statement has been used"):
        sign(story.state, document, "", story.now)


def test_a_statement_of_other_things_is_refused_and_says_which() -> None:
    story = at_sign_off(FULL_TERMS)
    said = json.loads(to_sign(story.state, "owner", nonce="n", now=story.now, head=(1, "")))
    for name in ("commit", "evidence", "environment", "release"):
        other = {**said, "predicate": {**said["predicate"], name: "another"}}
        with pytest.raises(Stale, match=f"of other things: {name}"):
            sign(story.state, canonical(other), "", story.now)
    other = {**said, "subject": [{"name": "shop v1.0.0", "digest": {"sha256": "b" * 64}}]}
    with pytest.raises(Stale, match="of other things"):
        sign(story.state, canonical(other), "", story.now)


@given(st.binary(max_size=200))
def test_what_is_no_statement_is_refused_in_words(document: bytes) -> None:
    story = at_sign_off(FULL_TERMS)
    with pytest.raises(Refused, match="no statement of goaround"):
        sign(story.state, document, "", story.now)


@pytest.mark.parametrize(
    "change", [lambda d: d + b"\n", lambda d: d.replace(b":", b": ", 1), lambda d: b"[" + d + b"]"]
)
def test_another_spelling_of_a_statement_is_refused(change: object) -> None:
    story = at_sign_off(FULL_TERMS)
    document = to_sign(story.state, "owner", nonce="n", now=story.now, head=(1, ""))
    with pytest.raises(Refused, match="no statement of goaround"):
        sign(story.state, change(document), "", story.now)  # type: ignore[operator]


@pytest.mark.parametrize(
    "change",
    [
        {"decision": "refuse"},
        {"expires": None},
        {"expires": "9999-12-31T23:59:59+00:00"},
        {"expires": "soon"},
        {"issued": "2026-04-28T09:00:00"},
        {"service": "another"},
        {"by": ["owner"]},
        {"nonce": {}},
        {"journal": {}},
        {"journal": {"number": "1", "digest": ""}},
        {"more": "than goaround wrote"},
    ],
    ids=str,
)
def test_a_statement_says_what_goaround_gave_and_nothing_else(change: dict[str, object]) -> None:
    story = at_sign_off(replace(FULL_TERMS, sign_off_seconds=3600))
    said = json.loads(to_sign(story.state, "owner", nonce="n", now=story.now, head=(1, "")))
    with pytest.raises(Refused, match="no statement of goaround"):
        sign(story.state, canonical({**said, "predicate": {**said["predicate"], **change}}), "", story.now)


def test_a_statement_of_tomorrow_would_last_too_long() -> None:
    story = at_sign_off(replace(FULL_TERMS, sign_off_seconds=3600))
    document = to_sign(story.state, "owner", nonce="n", now=story.now + timedelta(days=1), head=(1, ""))
    with pytest.raises(Refused, match="no statement of goaround"):
        sign(story.state, document, "", story.now)


# --- glass ----------------------------------------------------------------------------------------


def glass(story: Story, by: str = "owner") -> None:
    document = to_break_glass(story.state, by, "nobody else is awake", nonce="n", now=story.now, head=(1, ""))
    story.tell(break_glass(story.state, document, ""))


def test_glass_lets_a_release_past_a_sign_off_and_is_kept() -> None:
    story = at_sign_off()
    glass(story, by="ben")
    assert isinstance(decide(story.state, story.now), Do)
    assert story.state.glass_broken(story.step()) is not None
    story.passes()
    assert [broken.by for broken in story.state.broke_glass.values()] == ["ben"]


def test_glass_broken_for_something_else_lets_nothing_past() -> None:
    story = at_sign_off(FULL_TERMS)
    glass(story)
    (broken,) = story.state.broke_glass.values()
    story.tell(replace(broken, digest=digest("another")))
    assert isinstance(decide(story.state, story.now), Wait)


def test_glass_is_for_those_who_may_sign_and_only_where_a_release_waits() -> None:
    with pytest.raises(Refused, match="stranger may not sign"):
        glass(at_sign_off(FULL_TERMS), by="stranger")
    with pytest.raises(Refused, match="waits for no sign-off and no window"):
        glass(Story(opened()))


def test_a_sign_off_is_no_glass_and_glass_no_sign_off() -> None:
    story = at_sign_off(FULL_TERMS)
    pane = to_break_glass(story.state, "owner", "now", nonce="n", now=story.now, head=(1, ""))
    with pytest.raises(Refused, match="no statement of goaround for that"):
        sign(story.state, pane, "", story.now)
    document = to_sign(story.state, "owner", nonce="n", now=story.now, head=(1, ""))
    with pytest.raises(Refused, match="no statement of goaround for that"):
        break_glass(story.state, document, "")


@pytest.mark.parametrize("reason", ["", "  ", "\n"])
def test_what_is_kept_for_ever_says_why(reason: str) -> None:
    story = at_sign_off(FULL_TERMS)
    for say in (
        lambda: to_break_glass(story.state, "owner", reason, nonce="n", now=story.now, head=(1, "")),
        lambda: refuse(story.state, "owner", reason, story.now),
        lambda: abort(story.state, "owner", reason),
        lambda: withdraw(story.state, "owner", reason, story.now),
    ):
        with pytest.raises(Refused, match="no reason is given"):
            say()
