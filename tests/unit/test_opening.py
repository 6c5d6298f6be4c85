"""A rollback after completion is opened only where there is something to go back to."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.releases import FIRST, HELD, PLAIN, Story, opened

from goaround.domain.errors import GoaroundError, Locked, Refused
from goaround.domain.journal import State
from goaround.domain.release import Outcome, Release
from goaround.engine.opening import open_rollback


def told(*stories: Story) -> dict[str, State]:
    return {story.state.release.id: story.state for story in stories}


def released(release: Release = HELD, seq: int = 0) -> Story:
    story = Story(opened(release), seq)
    story.released()
    return story


def test_a_completed_release_is_taken_back_in_both_environments() -> None:
    event = open_rollback("owner", told(released()))
    assert (event.release.id, event.release.kind, event.release.of) == ("v1.0.0.back", "rollback", "v1.0.0")
    assert event.release.environments == ("staging", "production")
    assert event.plan.steps == ()


def test_where_another_release_has_staging_only_production_goes_back() -> None:
    first = released()
    second = Story(opened(replace(PLAIN, id="v1.1.0", version="v1.1.0", previous="v1.0.0")), first.seq)
    second.until("staging/health")
    assert open_rollback("owner", told(first, second)).release.environments == ("production",)
    second.until("production/backup")
    with pytest.raises(Locked, match=r"production belongs to v1\.1\.0"):
        open_rollback("owner", told(first, second))


def test_one_that_was_refused_may_be_asked_for_again_under_a_name_of_its_own() -> None:
    first = released()
    refused = Story(open_rollback("owner", told(first)), first.seq)
    refused.turns_back()
    refused.fails(what="the schema was changed since")
    refused.closes(Outcome.REFUSED)
    assert open_rollback("owner", told(first, refused)).release.id == "v1.0.0.back.2"


def test_a_first_release_is_taken_off_only_where_that_is_said() -> None:
    event = open_rollback("owner", told(released(FIRST)), "maintenance")
    back = Story(event)
    assert [step.name for step in back.turns_back().plan.steps if step.kind == "traffic"] == 2 * ["back-traffic"]
    assert {step.params["to"] for step in back.state.plan.steps if step.kind == "traffic"} == {"nobody"}
    with pytest.raises(Refused, match=r"leads to v0\.9\.2, not to maintenance"):
        open_rollback("owner", told(released()), "maintenance")


@pytest.mark.parametrize(
    ("stories", "to", "says"),
    [
        ((), None, "production serves nothing"),
        ((released(FIRST),), None, "v1.0.0 is the first release of shop"),
        ((released(),), "v0.8.0", "the way back from v1.0.0 leads to v0.9.2, not to v0.8.0"),
    ],
)
def test_where_nothing_can_be_gone_back_to_it_says_what_can_be_done(
    stories: tuple[Story, ...], to: str | None, says: str
) -> None:
    with pytest.raises(Refused) as error:
        open_rollback("owner", told(*stories), to)
    assert says in error.value.what
    assert error.value.state == "nothing was changed"
    assert isinstance(error.value, GoaroundError)
    assert "release" in error.value.remedy
