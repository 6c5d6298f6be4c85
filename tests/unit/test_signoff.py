"""A sign-off given for one thing never counts for another."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.releases import ARTIFACT, RELEASE, Story, opened

from goaround.domain.decisions import Do, Wait, decide
from goaround.domain.events import Signed
from goaround.domain.journal import fold
from goaround.domain.release import Release, Step
from goaround.domain.signoff import canonical, digest, statement

EVIDENCE: list[tuple[str, dict[str, Any]]] = [
    ("v1.0.0/staging/build", {"artifact": ARTIFACT}),
    ("v1.0.0/staging/smoke", {"seconds": 1.5}),
]


def sign_off() -> Step:
    return Story(opened()).step("staging/sign-off")


def said(
    release: Release = RELEASE, step: Step | None = None, config: str = "sha256:c", evidence: Any = None
) -> dict[str, Any]:
    return dict(statement(release, step or sign_off(), config, EVIDENCE if evidence is None else evidence))


def test_a_statement_names_what_people_would_want_to_know() -> None:
    assert said() == {
        "release": "v1.0.0",
        "version": "v1.0.0",
        "commit": RELEASE.commit,
        "artifact": ARTIFACT,
        "migrations": ["migrations/0002.sql"],
        "configuration": "sha256:c",
        "evidence": digest([list(entry) for entry in EVIDENCE]),
        "environment": "staging",
        "step": "v1.0.0/staging/sign-off",
    }


def test_a_statement_without_an_artifact_names_none() -> None:
    assert said(evidence=[])["artifact"] == ""


@pytest.mark.parametrize(
    "other",
    [
        said(replace(RELEASE, commit="f" * 40)),
        said(replace(RELEASE, version="v1.0.1")),
        said(replace(RELEASE, id="v1.0.0.2")),
        said(replace(RELEASE, migrations=())),
        said(replace(RELEASE, migrations=("migrations/0003.sql",))),
        said(step=Story(opened()).step("production/sign-off")),
        said(config="sha256:d"),
        said(evidence=[("v1.0.0/staging/build", {"artifact": "sha256:" + "b" * 64}), EVIDENCE[1]]),
        said(evidence=[EVIDENCE[0], ("v1.0.0/staging/smoke", {"seconds": 1.6})]),
        said(evidence=[EVIDENCE[0]]),
        said(evidence=EVIDENCE[::-1]),
        said(evidence=[EVIDENCE[0], ("v1.0.0/staging/integration", {"seconds": 1.5})]),
    ],
)
def test_any_change_of_what_is_signed_changes_its_digest(other: dict[str, Any]) -> None:
    assert digest(other) != digest(said())


def test_there_is_one_spelling_of_a_value() -> None:
    assert canonical({"b": 1, "a": ["ä", None]}) == '{"a":["ä",null],"b":1}'.encode()
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest(()) == digest([])
    assert digest(1) != digest(True)
    assert digest("") == "sha256:12ae32cb1ec02d01eda3581b127c1fee3b0dc53572ed6baf239721a03d82e126"


def test_a_signature_counts_only_for_things_as_they_are() -> None:
    story = Story(opened())
    story.until("staging/sign-off")
    assert not story.state.standing(story.step(), story.now).complete
    story.sign()
    assert story.state.standing(story.step(), story.now).complete
    assert isinstance(decide(story.state, story.now), Do)


def test_a_signature_for_something_else_lets_nothing_through() -> None:
    story = Story(opened())
    story.until("staging/sign-off")
    story.tell(Signed(story.step().key, "owner", "sha256:of something else"))
    decision = decide(story.state, story.now)
    assert isinstance(decision, Wait)
    assert decision.why.endswith(
        "the signature of owner is void: what it was given for changed; missing: owner or second"
    )


def test_a_signature_given_before_the_evidence_was_complete_lets_nothing_through() -> None:
    story = Story(opened())
    story.until("staging/smoke")
    early = Signed(
        story.step("staging/sign-off").key, "owner", digest(story.state.statement(story.step("staging/sign-off")))
    )
    story.until("staging/sign-off")
    story.tell(early)
    assert isinstance(decide(story.state, story.now), Wait)


def test_a_signature_under_another_configuration_lets_nothing_through() -> None:
    story = Story(opened())
    story.until("staging/sign-off")
    story.sign()
    other = replace(story.records[0], event=replace(opened(), config_digest="sha256:another"))
    state = fold([other, *story.records[1:]])
    assert state is not None
    assert isinstance(decide(state, story.now), Wait)


def test_what_comes_after_a_sign_off_does_not_undo_it() -> None:
    story = Story(opened())
    story.until("production/backup")
    assert story.state.standing(story.step("staging/sign-off"), story.now).complete
