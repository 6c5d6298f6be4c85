"""Steps that move versions and traffic: held requests are never forgotten, and nobody's traffic is cut by mistake."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.fakes.scene import Scene, run
from tests.unit.releases import ARTIFACT, FIRST, HELD, OLD, PLAIN, RELEASE, Story, opened, taken_back

from goaround.domain.errors import Locked, Stale, Unavailable
from goaround.domain.release import Outcome, Release
from goaround.ports import Answer, Ended
from goaround.steps import deploy, free, health, hold, prepare, release, retire, traffic
from goaround.steps.context import Context, GateFailed
from goaround.steps.hold import SHARE_OF_LIMIT

URL = "http://127.0.0.1:7492/health"
"""Of slot green in production, where the new version goes."""


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def at(scene: Scene, name: str, of: Release = HELD) -> Context:
    """The step under way, everything before it done."""
    story = Story(opened(of))
    story.until(name)
    step = story.step()
    return scene.context(story.start(), step)


def going_back(scene: Scene, name: str, of: Release = HELD) -> Context:
    story = Story(opened(of))
    story.until("production/watch")
    story.fails("trigger")
    story.turns_back()
    story.until(name)
    step = story.step()
    return scene.context(story.start(), step)


# --- hold and release -----------------------------------------------------------------------------


def test_requests_wait_once_those_in_flight_have_finished(scene: Scene) -> None:
    proxy = scene.proxy["production"]
    proxy.in_flight["blue"] = 2

    def finish(_seconds: float) -> None:
        proxy.in_flight["blue"] -= 1

    scene.clock.on_wait = finish
    report = run(hold, at(scene, "production/hold"))
    assert report.facts == {"in_flight": 0}
    assert proxy.visit() == "held"


def test_a_hold_whose_requests_do_not_finish_is_let_go_and_the_gate_fails(scene: Scene) -> None:
    proxy = scene.proxy["production"]
    proxy.in_flight["blue"] = 2
    with pytest.raises(GateFailed, match="2 requests were still in flight") as error:
        run(hold, at(scene, "production/hold"))
    assert proxy.told == ["hold True", "hold False"]
    assert error.value.state.startswith("the hold was let go, the schema is unchanged")
    assert scene.config.hold is not None
    assert sum(scene.clock.waits) == pytest.approx(SHARE_OF_LIMIT * scene.config.hold.limit_seconds, abs=0.03)


def test_on_the_way_back_a_hold_stands_even_if_something_is_still_in_flight(scene: Scene) -> None:
    proxy = scene.proxy["production"]
    proxy.in_flight["green"] = 1
    report = run(hold, going_back(scene, "production/back-hold"))
    assert report.says == "requests wait; 1 still in flight"
    assert proxy.visit() == "held"


def test_a_hold_that_a_crash_left_is_taken_up_and_not_begun_anew(scene: Scene) -> None:
    scene.proxy["production"].hold(True)
    run(hold, at(scene, "production/hold"))
    assert scene.proxy["production"].told == ["hold True"]


def test_a_hold_that_a_crash_left_with_requests_in_flight_goes_on_waiting_for_them(scene: Scene) -> None:
    proxy = scene.proxy["production"]
    proxy.hold(True)
    proxy.in_flight["blue"] = 1
    with pytest.raises(GateFailed):
        run(hold, at(scene, "production/hold"))
    assert proxy.told[-1] == "hold False"


@pytest.mark.parametrize("name", ["production/release", "production/back-release"])
def test_held_requests_are_let_go_and_nothing_is_told_where_none_is_held(scene: Scene, name: str) -> None:
    ctx = going_back(scene, name) if "back" in name else at(scene, name)
    assert run(release, ctx).says == "no request is held"
    assert scene.proxy["production"].told == []
    scene.proxy["production"].hold(True)
    run(release, ctx)
    assert scene.proxy["production"].told == ["hold True", "hold False"]


@pytest.mark.parametrize("name", ["production/hold", "production/release"])
def test_a_front_door_that_died_is_brought_back_before_it_is_told_anything(scene: Scene, name: str) -> None:
    scene.proxy["production"].dead = True
    run({"production/hold": hold, "production/release": release}[name], at(scene, name))
    assert scene.proxy["production"].state().running


# --- traffic --------------------------------------------------------------------------------------


def test_the_new_version_gets_the_traffic_and_the_finding_says_what_serves(scene: Scene) -> None:
    report = run(traffic, at(scene, "production/traffic"))
    assert scene.proxy["production"].visit() == "green"
    assert report.facts["serving"]["version"] == "v1.0.0"
    run(traffic, at(scene, "production/traffic"))
    assert scene.proxy["production"].told == ["serve green"]


def test_on_the_way_back_the_old_version_gets_it(scene: Scene) -> None:
    report = run(traffic, going_back(scene, "production/back-traffic"))
    assert scene.proxy["production"].visit() == "blue"
    assert report.facts["serving"] == OLD


def test_a_first_release_leaves_a_maintenance_answer_behind(scene: Scene) -> None:
    scene.proxy["production"].serve("green")
    report = run(traffic, going_back(scene, "production/back-traffic", FIRST))
    assert scene.proxy["production"].visit() == "maintenance"
    assert report.facts == {"serving": None}


def test_a_version_that_is_not_up_gets_no_traffic(scene: Scene) -> None:
    scene.proxy["production"].serve("blue")
    scene.proxy["production"].up["green"] = False
    with pytest.raises(Unavailable, match="green is not up"):
        run(traffic, at(scene, "production/traffic"))
    assert scene.proxy["production"].visit() == "blue"


# --- deploy and retire ----------------------------------------------------------------------------


def test_a_version_is_placed_beside_the_one_that_serves(scene: Scene) -> None:
    scene.commands.script["*current*"] = Ended(0, False, 0.1, "reading\n0001\n")
    facts = run(deploy, at(scene, "staging/deploy")).facts
    assert facts["new"] == {"version": "v1.0.0", "release": "v1.0.0", "slot": "blue", "artifact": ARTIFACT,
                            "commit": RELEASE.commit}  # fmt: skip
    assert (facts["old"], facts["schema_before"]) == (None, "0001")


def test_it_takes_the_other_slot_and_clears_what_an_earlier_release_left_there(scene: Scene) -> None:
    first = Story(opened(replace(FIRST, id="v0.9.2", version="v0.9.2")))
    first.released()
    scene.others["v0.9.2"] = first.state
    scene.commands.script["*current*"] = Ended(0, False, 0.1, "0001")
    scene.runs("staging", "blue", "left over")
    scene.runs("staging", "green", "v0.9.2")
    facts = run(deploy, at(scene, "staging/deploy")).facts
    assert (facts["new"]["slot"], facts["old"]["slot"]) == ("blue", "green")
    assert scene.runtime["staging"].calls[2:] == [("stop", "blue")]


def test_a_slot_that_has_the_traffic_is_never_cleared(scene: Scene) -> None:
    """The journal says that nothing serves, and the front door says otherwise."""
    scene.proxy["staging"].serve("blue")
    scene.runs("staging", "blue")
    with pytest.raises(Unavailable, match="sends its traffic to slot blue"):
        run(deploy, at(scene, "staging/deploy"))
    assert scene.runtime["staging"].state("blue") is not None


def test_an_artifact_that_is_gone_is_not_placed(scene: Scene) -> None:
    scene.artifacts.missing.add(ARTIFACT)
    with pytest.raises(Unavailable, match="is missing"):
        run(deploy, at(scene, "staging/deploy"))


def test_a_schema_that_cannot_be_read_stops_the_deployment(scene: Scene) -> None:
    scene.commands.script["*current*"] = Ended(1, False, 0.1, "no such host")
    with pytest.raises(Unavailable, match=r"schema version of staging could not be read: no such host"):
        run(deploy, at(scene, "staging/deploy"))


def test_the_old_version_is_drained_and_then_stopped(scene: Scene) -> None:
    scene.runs("production", "blue")
    scene.proxy["production"].serve("green")
    scene.proxy["production"].in_flight["blue"] = 1
    waited: list[int] = []

    def finish(_seconds: float) -> None:
        waited.append(len(scene.runtime["production"].calls))
        scene.proxy["production"].in_flight["blue"] = 0

    scene.clock.on_wait = finish
    assert run(retire, at(scene, "production/retire")).says == "v0.9.2 (blue) is stopped"
    assert waited == [1]
    assert scene.runtime["production"].state("blue") is None


def test_what_does_not_drain_is_stopped_in_the_end(scene: Scene) -> None:
    scene.runs("production", "blue")
    scene.proxy["production"].in_flight["blue"] = 1
    run(retire, at(scene, "production/retire"))
    assert sum(scene.clock.waits) == pytest.approx(scene.config.run.drain_seconds, abs=0.2)
    assert scene.runtime["production"].state("blue") is None


def test_a_version_that_has_the_traffic_is_not_stopped(scene: Scene) -> None:
    scene.runs("production", "blue")
    scene.proxy["production"].serve("blue")
    with pytest.raises(Unavailable, match="has the traffic"):
        run(retire, at(scene, "production/retire"))
    assert scene.runtime["production"].state("blue") is not None


def test_while_all_requests_wait_the_new_version_is_stopped_at_once(scene: Scene) -> None:
    scene.runs("production", "green")
    proxy = scene.proxy["production"]
    proxy.serve("green")
    proxy.hold(True)
    proxy.in_flight["green"] = 3
    run(retire, going_back(scene, "production/back-retire"))
    assert scene.runtime["production"].state("green") is None
    assert scene.clock.waits == []


def test_where_there_was_no_version_before_there_is_none_to_stop(scene: Scene) -> None:
    assert run(retire, at(scene, "production/retire", FIRST)).says == "there is none"


# --- health ---------------------------------------------------------------------------------------


def test_a_version_is_started_once_and_answers_three_times_in_a_row(scene: Scene) -> None:
    ctx = at(scene, "production/health")
    report = run(health, ctx)
    assert report.says.startswith("v1.0.0 answered 3 of 3 times")
    assert report.facts == {"version": "v1.0.0", "slot": "green", "deaths": 0}
    spec = scene.runtime["production"].specs["green"]
    assert spec.env["PORT"] == "7492"
    assert "hunter2" in spec.secrets
    run(health, ctx)
    assert scene.runtime["production"].calls == [("start", "green")]


def test_another_version_in_the_slot_is_replaced(scene: Scene) -> None:
    scene.runs("production", "green", "of an earlier attempt")
    run(health, at(scene, "production/health"))
    assert scene.runtime["production"].calls[1:] == [("stop", "green"), ("start", "green")]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(500, "broken", 0.1), "500 broken"),
        (Answer(302, "to /login", 0.1), "302 to /login"),
        (Answer(None, "timed out", 3), "timed out"),
    ],
)
def test_an_error_a_redirect_and_a_hang_are_not_health(scene: Scene, answer: Answer, said: str) -> None:
    scene.http.says[URL] = answer
    scene.runtime["production"].logs["green"] = "Traceback\nKeyError: 'NAME'\n"
    with pytest.raises(GateFailed, match=f"did not become healthy on production/green within 30 s: {said}") as error:
        run(health, at(scene, "production/health"))
    assert error.value.state == "the traffic of production was not moved"
    assert "KeyError: 'NAME'" in error.value.remedy


def test_answers_that_are_good_now_and_then_are_not_three_in_a_row(scene: Scene) -> None:
    good = [False]

    def flicker(_seconds: float) -> None:
        good[0] = not good[0]
        scene.http.says[URL] = Answer(200 if good[0] else 503, "", 0.01)

    scene.clock.on_wait = flicker
    scene.http.says[URL] = Answer(503, "", 0.01)
    with pytest.raises(GateFailed):
        run(health, at(scene, "production/health"))


def test_a_stranger_on_the_port_is_not_taken_for_the_version(scene: Scene) -> None:
    scene.http.says[f"{URL} of nobody"] = Answer(200, "", 0.01)
    with pytest.raises(GateFailed, match="port 7492 of production/green is taken"):
        run(health, at(scene, "production/health"))
    assert scene.runtime["production"].calls == []


def test_a_process_that_cannot_be_started_is_not_healthy(scene: Scene) -> None:
    scene.runtime["production"].broken.add("green")
    with pytest.raises(Unavailable):
        run(health, at(scene, "production/health"))


def test_on_the_way_back_the_old_version_is_verified(scene: Scene) -> None:
    report = run(health, going_back(scene, "production/back-health"))
    assert report.facts["version"] == "v0.9.2"
    assert scene.runtime["production"].calls == [("start", "blue")]


def test_a_version_whose_environment_changed_is_another_process(scene: Scene) -> None:
    ctx = at(scene, "production/health")
    target = ctx.deployed("new")
    before = health.spec(ctx, target).token
    scene.values["production"] = {"NAME": "changed"}
    assert health.spec(ctx, target).token != before
    assert "changed" not in health.spec(ctx, target).token


# --- free and prepare -----------------------------------------------------------------------------


def serving_before(scene: Scene, version: str = "v0.9.2") -> Story:
    """An earlier release that was completed."""
    story = Story(opened(replace(FIRST, id=version, version=version)))
    story.released()
    scene.others[version] = story.state
    return story


def test_free_environments_with_the_expected_version_are_free(scene: Scene) -> None:
    serving_before(scene)
    report = run(free, at(scene, "staging/free"))
    assert report.says == "both environments are free; production serves v0.9.2"
    assert run(free, at(Scene(scene.folder), "staging/free", FIRST)).facts == {"serves": None}


def test_an_environment_that_belongs_to_another_release_is_not_free(scene: Scene) -> None:
    other = Story(opened(replace(PLAIN, id="v0.9.9", version="v0.9.9")))
    scene.others["v0.9.9"] = other.state
    with pytest.raises(Locked, match=r"staging belongs to v0\.9\.9 until its outcome"):
        run(free, at(scene, "staging/free"))


@pytest.mark.parametrize("serves", ["v0.8.0", None])
def test_a_release_planned_to_replace_something_else_is_stale(scene: Scene, serves: str | None) -> None:
    if serves:
        serving_before(scene, serves)
    with pytest.raises(Stale, match=f"production serves {serves or 'nothing'}, .* planned to replace v0.9.2"):
        run(free, at(scene, "staging/free"))


def test_a_front_door_that_cannot_be_started_is_told_before_anything_changes(scene: Scene) -> None:
    serving_before(scene)
    scene.proxy["production"].broken = True
    with pytest.raises(Unavailable, match="taken"):
        run(free, at(scene, "staging/free"))


def prepared(scene: Scene) -> Context:
    """v0.9.2 serves production healthily, and its replacement is about to come."""
    serving_before(scene)
    ctx = at(scene, "production/prepare")
    old = ctx.deployed("old")
    assert old is not None
    scene.runtime["production"].start(old["slot"], health.spec(ctx, old))
    return ctx


def test_the_rollback_plan_is_prepared_as_it_would_be_flown(scene: Scene) -> None:
    facts = run(prepare, prepared(scene)).facts
    story = Story(opened(HELD))
    story.until("production/watch")
    story.fails("trigger")
    assert facts["steps"] == [step.says for step in story.turns_back().plan.steps]
    assert (facts["to"], facts["schema"], facts["hold"]) == ("v0.9.2", "down", True)


def test_a_first_release_prepares_a_maintenance_answer(scene: Scene) -> None:
    assert run(prepare, at(scene, "production/prepare", FIRST)).says.startswith("back to a maintenance answer")


def test_a_version_to_go_back_to_that_is_not_healthy_stops_the_release(scene: Scene) -> None:
    ctx = prepared(scene)
    scene.http.says[URL] = Answer(500, "", 0.1)
    with pytest.raises(GateFailed, match=r"v0\.9\.2, to which a rollback would go, is not healthy") as error:
        run(prepare, ctx)
    assert error.value.state == "production is unchanged"


def test_an_artifact_to_go_back_to_that_is_gone_stops_the_release(scene: Scene) -> None:
    ctx = prepared(scene)
    scene.artifacts.missing.add(ARTIFACT)
    with pytest.raises(Unavailable):
        run(prepare, ctx)


def test_a_release_does_not_replace_what_was_rolled_back_while_it_was_in_staging(scene: Scene) -> None:
    """It was planned, tested and signed to replace v0.9.2, and its way back leads there."""
    ctx = prepared(scene)
    first = scene.others["v0.9.2"]
    back = Story(taken_back(first.opened, previous="v0.9.1", environments=("production",)), 1000)
    back.turns_back()
    back.to_the_end()
    back.closes(Outcome.ROLLED_BACK)
    scene.others[back.state.release.id] = back.state
    with pytest.raises(Stale, match=r"planned to replace v0\.9\.2") as error:
        run(prepare, ctx)
    assert error.value.state == "production is unchanged"
