"""The plan reads like the strategy document: one line a line, in its order; what is not configured is not a step."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from tests.unit.releases import (
    BARE_TERMS,
    DOWN,
    FIRST,
    FULL_TERMS,
    HELD,
    PLAIN,
    RELEASE,
    Story,
    names,
    opened,
    taken_back,
)

from goaround.domain.calendar import Calendar, Freeze
from goaround.domain.decisions import Finish, decide
from goaround.domain.errors import Refused
from goaround.domain.gates import WatchLimits
from goaround.domain.journal import as_if_done
from goaround.domain.release import Outcome, Phase, Release, Terms
from goaround.domain.strategy import calendar_of, rollback, staging_first, way_back

PREFLIGHT = [
    "staging/commit",
    "staging/free",
    "staging/disk",
    "staging/variables",
    "staging/database",
    "staging/build",
]
IN_FULL = [
    # 1.1 Staging deployment: pre-deployment checklist
    *PREFLIGHT,
    # Deploy to staging
    "staging/tag",
    "staging/deploy",
    "staging/migrate",
    "staging/health",
    "staging/traffic",
    # Staging validation
    "staging/integration",
    "staging/smoke",
    "staging/check-upload",
    "staging/check-rls",
    # Staging sign-off
    "staging/sign-off",
    # 1.2 Production deployment: pre-deployment
    "production/tag",
    "production/backup",
    "production/announce",
    "production/prepare",
    # Deploy to production
    "production/deploy",
    "production/migrate",
    "production/health",
    "production/traffic",
    # Post-deployment validation
    "production/smoke",
    "production/watch",
    # Production sign-off
    "production/sign-off",
    "staging/retire",
    "production/retire",
    # Afterwards
    "production/tidy",
]
BARE = [
    *PREFLIGHT,
    "staging/tag",
    "staging/deploy",
    "staging/health",
    "staging/traffic",
    "staging/sign-off",
    "production/tag",
    "production/backup",
    "production/prepare",
    "production/deploy",
    "production/health",
    "production/traffic",
    "production/watch",
    "production/sign-off",
    "staging/retire",
    "production/retire",
    "production/tidy",
]


def test_a_release_follows_the_strategy_document_line_by_line() -> None:
    assert names(staging_first(FULL_TERMS, RELEASE)) == IN_FULL


def test_what_is_not_configured_is_not_a_step() -> None:
    assert names(staging_first(BARE_TERMS, PLAIN)) == BARE


@pytest.mark.parametrize("release", [FIRST, DOWN])
def test_a_first_release_and_one_with_a_down_migration_walk_the_same_lines(release: Release) -> None:
    assert names(staging_first(FULL_TERMS, release)) == IN_FULL


def test_requests_are_held_around_a_migration_that_the_old_version_cannot_bear() -> None:
    expected = []
    for name in IN_FULL:
        environment, step = name.split("/")
        expected += [f"{environment}/hold", name] if step == "migrate" else [name]
        expected += [f"{environment}/release"] if step == "traffic" else []
    plan = staging_first(FULL_TERMS, HELD)
    assert names(plan) == expected
    assert next(step for step in plan.steps if step.name == "hold").params == {"force": False}


def test_tags_are_signed_where_keys_are_asked_for_and_the_plan_says_so() -> None:
    plain = [step for step in staging_first(FULL_TERMS, RELEASE).steps if step.kind == "tag"]
    proven = [step for step in staging_first(replace(FULL_TERMS, proven=True), RELEASE).steps if step.kind == "tag"]
    assert [step.params for step in plain] == [{"tag": "v1.0.0-staging"}, {"tag": "v1.0.0"}]
    assert [step.params for step in proven] == [{**step.params, "signed": True} for step in plain]
    assert all("signed with the controller's key" in step.says for step in proven)


def test_tags_are_pushed_when_all_is_done_and_only_what_comes_afterwards_is_optional() -> None:
    pushed = staging_first(replace(FULL_TERMS, push="origin"), RELEASE)
    assert names(pushed) == [*IN_FULL[:-1], "production/push", IN_FULL[-1]]
    assert [(step.kind, step.tries) for step in pushed.steps if step.optional] == [("push", 3), ("tidy", 1)]
    assert not any(
        step.optional for step in rollback(as_if_done(Story(opened()).state), way_back(Story(opened()).state)).steps
    )


def test_a_build_that_is_made_twice_has_the_time_for_it() -> None:
    once, twice = (
        next(step for step in staging_first(terms, RELEASE).steps if step.kind == "build")
        for terms in (FULL_TERMS, replace(FULL_TERMS, builds_twice=True))
    )
    assert (once.timeout_seconds, twice.timeout_seconds) == (300, 600)
    assert "once more" in twice.says
    assert "once more" not in once.says


def test_nothing_is_held_where_nothing_migrates() -> None:
    release = replace(PLAIN, old_version_works=False)
    assert "staging/hold" not in names(staging_first(FULL_TERMS, release))
    assert "staging/migrate" not in names(staging_first(FULL_TERMS, release))


@pytest.mark.parametrize(
    ("without", "gone"),
    [
        (replace(FULL_TERMS, smoke=False), {"staging/smoke", "production/smoke"}),
        (replace(FULL_TERMS, integration=False), {"staging/integration"}),
        (replace(FULL_TERMS, checklist=()), {"staging/check-upload", "staging/check-rls"}),
        (replace(FULL_TERMS, announce=False), {"production/announce"}),
        (replace(FULL_TERMS, alert=False), set()),
    ],
)
def test_each_thing_left_out_takes_away_its_own_lines_and_no_others(without: Terms, gone: set[str]) -> None:
    assert names(staging_first(without, RELEASE)) == [name for name in IN_FULL if name not in gone]


def test_phases_come_in_the_order_of_the_document_and_none_twice() -> None:
    phases = list(dict.fromkeys(step.phase for step in staging_first(FULL_TERMS, HELD).steps))
    assert phases == [phase for phase in Phase if phase is not Phase.ROLLBACK]


def test_every_key_is_the_release_the_environment_and_the_step_and_occurs_once() -> None:
    steps = staging_first(FULL_TERMS, HELD).steps
    assert len({step.key for step in steps}) == len(steps)
    assert all(step.key == f"v1.0.0/{step.environment}/{step.name}" for step in steps)


def test_only_people_are_waited_for_and_both_sign_offs_name_who_may() -> None:
    steps = staging_first(FULL_TERMS, RELEASE).steps
    assert {step.kind for step in steps if step.params.get("waits")} == {"answer", "sign_off"}
    signs = [step.says for step in steps if step.kind == "sign_off"]
    assert signs == [
        "may v1.0.0 go to production? Signed by owner or second",
        "is v1.0.0 good in production? Signed by owner",
    ]


def test_what_changes_a_schema_or_moves_traffic_is_not_broken_off_half_way() -> None:
    steps = staging_first(FULL_TERMS, HELD).steps
    assert {s.kind for s in steps if not s.interruptible} == {
        "hold", "migrate", "traffic", "release", "retire", "tidy",
    }  # fmt: skip


def test_only_an_announcement_is_tried_again() -> None:
    assert {s.name for s in staging_first(FULL_TERMS, HELD).steps if s.tries > 1} == {"announce"}


@pytest.mark.parametrize(
    ("seconds", "said"), [(3600, "1 h"), (7200, "2 h"), (1800, "30 min"), (90, "90 s"), (0.5, "0.5 s")]
)
def test_the_watch_says_how_long_it_looks_in_words(seconds: float, said: str) -> None:
    terms = replace(FULL_TERMS, watch=WatchLimits(for_seconds=seconds))
    watch = next(step for step in staging_first(terms, RELEASE).steps if step.name == "watch")
    assert watch.says == (
        f"watch production for {said}: errors < 1 %, P95 < 5 s; back at once if errors > 10 % or P95 > 10 s for 300 s"
    )
    assert watch.timeout_seconds > seconds + terms.watch.extend_seconds


# --- no way back, no release ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("terms", "release", "says"),
    [
        (replace(FULL_TERMS, hold_seconds=None), HELD, "no hold is configured"),
        (replace(FULL_TERMS, can_go_down=False), HELD, "nothing takes the schema back"),
        (FULL_TERMS, replace(HELD, way_back="keep"), "nothing takes the schema back"),
    ],
)
def test_a_release_without_a_way_back_is_refused_with_what_to_do(terms: Terms, release: Release, says: str) -> None:
    with pytest.raises(Refused, match=says) as refused:
        staging_first(terms, release)
    assert refused.value.state == "nothing was started"
    assert "releases/v1.0.0/manifest.toml" in refused.value.remedy


@pytest.mark.parametrize("release", [FIRST, PLAIN, RELEASE])
def test_no_hold_is_needed_for_what_the_old_version_can_bear(release: Release) -> None:
    assert staging_first(replace(FULL_TERMS, hold_seconds=None, can_go_down=False), release)


# --- the way back ---------------------------------------------------------------------------------

IMMEDIATE = ["stop", "alert", "assess"]
SWITCH = ["health", "traffic", "release"]
AFTER = ["smoke", "watch", "incident"]


def in_production(*lines: str) -> list[str]:
    return [f"production/{line if line == 'alert' else f'back-{line}'}" for line in lines]


def in_staging(*lines: str) -> list[str]:
    return [f"staging/back-{line}" for line in lines]


WAYS_BACK = {
    "the schema is kept": (RELEASE, [*SWITCH, "retire", "verify"]),
    "no schema was changed": (PLAIN, [*SWITCH, "retire", "verify"]),
    "traffic first, then the schema": (DOWN, [*SWITCH, "retire", "down", "verify"]),
    "everything waits while the schema goes": (HELD, ["hold", "retire", "down", *SWITCH, "verify"]),
}


@pytest.mark.parametrize(("release", "goes"), WAYS_BACK.values(), ids=WAYS_BACK.keys())
def test_production_goes_back_first_and_staging_follows(release: Release, goes: list[str]) -> None:
    story = Story(opened(release))
    story.until("production/watch")
    story.fails("trigger")
    assert names(story.turns_back().plan) == in_production(*IMMEDIATE, *goes, *AFTER) + in_staging(*goes)


def test_a_first_release_goes_back_to_a_maintenance_answer() -> None:
    story = Story(opened(FIRST))
    story.until("production/watch")
    story.fails("trigger")
    plan = story.turns_back().plan
    assert names(plan) == in_production(*IMMEDIATE, "traffic", "retire", "incident") + in_staging("traffic", "retire")
    assert plan.steps[3].params == {"to": "nobody"}


def test_a_release_that_never_touched_production_alerts_nobody_and_takes_staging_back() -> None:
    story = Story(opened(DOWN))
    story.until("staging/sign-off")
    story.fails()
    assert names(story.turns_back().plan) == in_staging(*SWITCH, "retire", "down", "verify")


def test_on_the_way_back_what_is_not_configured_is_not_a_step_either() -> None:
    story = Story(opened(PLAIN, BARE_TERMS))
    story.until("production/watch")
    story.fails("trigger")
    lines = ["stop", "assess", *SWITCH, "retire", "verify", "watch", "incident"]
    assert names(story.turns_back().plan)[: len(lines)] == in_production(*lines)


def test_on_the_way_back_a_hold_is_forced_and_the_new_version_is_cut_at_once() -> None:
    story = Story(opened(HELD))
    story.until("production/watch")
    story.fails("trigger")
    steps = {step.name: step for step in story.turns_back().plan.steps if step.environment == "production"}
    assert steps["back-hold"].params == {"force": True}
    assert steps["back-retire"].params == {"slot": "new", "drain": 0}
    assert steps["back-watch"].params == {"triggers": False}
    assert all(
        not step.interruptible for name, step in steps.items() if name not in ("back-stop", "alert", "back-assess")
    )


def test_no_line_of_the_way_back_shares_its_key_with_one_of_the_way_forward() -> None:
    story = Story(opened(HELD))
    story.until("production/watch")
    story.fails("trigger")
    steps = story.turns_back().all_steps
    assert len({step.key for step in steps}) == len(steps)


def test_a_rollback_after_completion_walks_the_same_way_back() -> None:
    both, one = (
        Story(taken_back(opened(HELD), environments=environments))
        for environments in (("staging", "production"), ("production",))
    )
    goes = WAYS_BACK["everything waits while the schema goes"][1]
    production = ["production/still_safe", *in_production(*IMMEDIATE, *goes, *AFTER)]
    assert names(both.turns_back().plan) == production + in_staging(*goes)
    assert names(one.turns_back().plan) == production
    assert one.state.plan.steps[0].key == "v1.0.0.back/production/still_safe"


def test_a_rollback_after_completion_that_is_no_longer_safe_is_refused_before_anything_is_changed() -> None:
    story = Story(taken_back(opened(HELD)))
    story.turns_back()
    story.fails()
    decision = decide(story.state, story.now)
    assert isinstance(decision, Finish)
    assert decision.outcome is Outcome.REFUSED


def test_nothing_goes_back_where_nothing_was_touched() -> None:
    state = Story(opened()).until("staging/deploy")
    assert way_back(state) == {}
    assert rollback(state, {}).steps == ()


def test_the_way_back_can_be_shown_before_anything_happens() -> None:
    assumed = as_if_done(Story(opened(HELD)).state)
    before = names(rollback(assumed, way_back(assumed)))
    story = Story(opened(HELD))
    story.until("production/watch")
    story.fails("trigger")
    assert before == names(story.turns_back().plan)


HOURS = Calendar("Europe/Madrid", ("Mon-Thu 09:00-16:00",), (Freeze(date(2026, 12, 21), date(2027, 1, 3), "snow"),), 3)


def test_where_hours_are_set_production_begins_by_waiting_for_them() -> None:
    plan = staging_first(replace(FULL_TERMS, calendar=HOURS), RELEASE)
    names_ = names(plan)
    assert names_[names_.index("production/tag") - 1] == "production/window"
    assert next(step.says for step in plan.steps if step.kind == "window") == (
        "wait until production may change: in a window (Mon-Thu 09:00-16:00); not 2026-12-21 to 2027-01-03 (snow); "
        "not before 3 d after staging; clocks of Europe/Madrid"
    )
    assert "production/window" not in names(staging_first(FULL_TERMS, RELEASE))


def test_only_a_release_that_lets_requests_wait_needs_a_maintenance_window() -> None:
    terms = replace(FULL_TERMS, calendar=HOURS, maintenance=("Sun 02:00-04:00",))
    assert calendar_of(terms, HELD).windows == ("Sun 02:00-04:00",)
    assert calendar_of(terms, RELEASE).windows == HOURS.windows
    assert calendar_of(replace(terms, maintenance=()), HELD).windows == HOURS.windows
    assert calendar_of(terms, FIRST).windows == HOURS.windows
