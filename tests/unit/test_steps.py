"""Steps that look, run or tell: each finds its effect by its key, and what fails says what state things are in."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.fakes.proxy import FakeProxy
from tests.fakes.scene import Scene, run
from tests.unit.releases import ARTIFACT, DOWN, HELD, OLD, Story, opened

from goaround.domain.errors import TimedOut, Unavailable, UnknownOutcome
from goaround.domain.events import Answered
from goaround.domain.release import Release
from goaround.ports import Answer, Command, Ended, Traffic
from goaround.steps import (
    answer,
    assess,
    build,
    commit,
    database,
    disk,
    down,
    incident,
    migrate,
    notify,
    sign_off,
    stop,
    tag,
    tests,
    variables,
)
from goaround.steps.context import Context, GateFailed

OK = Ended(0, False, 1.5, "")
NO = Ended(3, False, 1.5, "line 1\nrelation already exists\n")
LATE = Ended(-15, True, 60, "…")


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def at(scene: Scene, name: str, of: Release = HELD) -> Context:
    story = Story(opened(of))
    story.until(name)
    step = story.step()
    return scene.context(story.start(), step)


def going_back(scene: Scene, name: str, of: Release = HELD, failed: str = "production/watch") -> Context:
    story = Story(opened(of))
    story.until(failed)
    story.fails("migration" if failed.endswith("migrate") else "trigger", "it went wrong")
    story.turns_back()
    story.until(name)
    step = story.step()
    return scene.context(story.start(), step)


def schema_is(scene: Scene, version: str) -> None:
    scene.commands.script["*/current#*"] = Ended(0, False, 0.1, version)


# --- preflight ------------------------------------------------------------------------------------


def test_changes_that_are_in_no_commit_stop_the_release_and_are_named(scene: Scene) -> None:
    assert run(commit, at(scene, "staging/commit")).says.startswith("clean")
    scene.repository.changed = tuple(f"file{n}" for n in range(7))
    with pytest.raises(GateFailed, match="file0, file1, file2, file3, file4 and 2 more"):
        run(commit, at(scene, "staging/commit"))


def test_a_full_disk_stops_the_release_before_anything_is_built(scene: Scene) -> None:
    assert run(disk, at(scene, "staging/disk")).facts["needed_bytes"] == 2 * 8_000_000 + 512 * 1024**2
    scene.database["production"].size = 10**18
    with pytest.raises(Unavailable, match=r"GB are needed \(twice the database of 1000000000.0 GB") as error:
        run(disk, at(scene, "staging/disk"))
    assert error.value.state == "nothing was built or changed"


def test_a_database_that_does_not_answer_stops_the_release(scene: Scene) -> None:
    assert run(database, at(scene, "staging/database")).says == "both answer: staging 8.0 MB, production 8.0 MB"
    scene.database["production"].down = "refuses the password"
    with pytest.raises(Unavailable, match="refuses the password"):
        run(database, at(scene, "staging/database"))


def test_variables_are_told_by_name_and_never_by_value(scene: Scene) -> None:
    scene.values["production"] = {"NAME": "n", "API_KEY": "s3cret-value"}
    report = run(variables, at(scene, "staging/variables"))
    assert report.says == "3 variables present in staging and production"
    assert report.facts == {"names": {"staging": ["NAME"], "production": ["API_KEY", "NAME"]}}
    assert "s3cret" not in f"{report}"


def test_all_that_is_missing_is_told_at_once_and_no_value_with_it(scene: Scene) -> None:
    scene.values["staging"] = {"NAME": "", "API_KEY": "s3cret-value"}
    scene.values["production"] = Unavailable("PRODUCTION_KEY is not set", state="s", remedy="r")
    with pytest.raises(GateFailed) as error:
        run(variables, at(scene, "staging/variables"))
    assert error.value.what == (
        "staging: NAME is required and is missing or empty; production: PRODUCTION_KEY is not set"
    )
    assert "s3cret" not in str(error.value)


# --- build and tag --------------------------------------------------------------------------------


def test_a_build_runs_once_in_a_clean_export_with_an_environment_of_its_own(scene: Scene) -> None:
    def builds(command: Command) -> Ended:
        assert (command.cwd / "commit").exists()
        return OK

    scene.commands.script["*/build*"] = builds
    ctx = at(scene, "staging/build")
    artifact = run(build, ctx).facts["artifact"]
    assert artifact.startswith("sha256:")
    (command,) = scene.commands.ran
    assert (command.argv, command.env["HOME"], set(command.env)) == (
        ("uv", "build"), "/home/owner", {"PATH", "LANG", "HOME"},
    )  # fmt: skip
    assert run(build, ctx).facts["artifact"] == artifact
    assert len(scene.commands.ran) == 1


def test_a_build_that_fails_deploys_nothing(scene: Scene) -> None:
    scene.commands.script["*/build*"] = NO
    with pytest.raises(GateFailed, match="the build failed with exit code 3: line 1\nrelation already exists") as error:
        run(build, at(scene, "staging/build"))
    assert (error.value.state, error.value.facts) == ("nothing was deployed", {"exit_code": 3})


def test_an_artifact_that_is_gone_is_built_again(scene: Scene) -> None:
    ctx = at(scene, "staging/build")
    artifact = run(build, ctx).facts["artifact"]
    scene.artifacts.missing.add(artifact)
    assert build.observe(ctx) is None


def test_a_second_attempt_gets_a_staging_tag_of_its_own_and_the_same_production_tag(scene: Scene) -> None:
    second = replace(HELD, id="v1.0.0.2", attempt=2)
    run(tag, at(scene, "staging/tag"))
    run(tag, at(scene, "staging/tag", second))
    run(tag, at(scene, "production/tag", second))
    run(tag, at(scene, "production/tag"))
    assert scene.repository.tags == dict.fromkeys(["v1.0.0-staging", "v1.0.0-staging.2", "v1.0.0"], HELD.commit)


# --- migrate and down -----------------------------------------------------------------------------


def test_a_migration_runs_once_with_the_owners_url_and_its_time_limits(scene: Scene) -> None:
    schema_is(scene, "0002")
    ctx = at(scene, "production/migrate")
    assert run(migrate, ctx).facts == {"schema_before": "0001", "schema": "0002", "seconds": 0.1}
    up = scene.commands.ran[0]
    assert up.env["DATABASE_URL"].startswith("postgresql://fake_migrate:")
    assert "lock_timeout=2000ms" in up.env["PGOPTIONS"]
    assert up.env["DATABASE_URL"] in up.secrets
    run(migrate, ctx)
    assert [key for key in scene.commands.keys if "/up#" in key] == ["v1.0.0/production/migrate/up#1"]


@pytest.mark.parametrize(("ended", "error"), [(NO, GateFailed), (LATE, TimedOut)])
def test_a_migration_that_fails_says_that_the_schema_may_be_half_way(
    scene: Scene, ended: Ended, error: type[Exception]
) -> None:
    scene.commands.script["*/up#*"] = ended
    with pytest.raises(error, match="the database migration") as raised:
        run(migrate, at(scene, "production/migrate"))
    assert "the schema of production was 0001 before and may be half-way" in str(raised.value)
    if isinstance(raised.value, GateFailed):
        assert raised.value.cause == "migration"


def test_a_migration_that_is_cut_off_again_and_again_is_given_up_as_unknown(scene: Scene) -> None:
    scene.commands.script["*/up#*"] = Ended(None, False, 1, "")
    with pytest.raises(UnknownOutcome, match="was cut off 3 times"):
        run(migrate, at(scene, "production/migrate"))
    assert len(scene.commands.ran) == 3


def test_the_schema_goes_down_with_the_new_releases_own_files(scene: Scene) -> None:
    def downs(command: Command) -> Ended:
        schema_is(scene, "0001")
        assert command.argv[-1] == "0001"
        assert command.cwd == scene.artifacts.path(ARTIFACT)
        return OK

    schema_is(scene, "0002")
    scene.commands.script = {"*/down#*": downs, **scene.commands.script}
    assert run(down, going_back(scene, "production/back-down")).says == "schema is 0001 again"


def test_a_schema_that_is_back_already_is_left_alone(scene: Scene) -> None:
    schema_is(scene, "0001")
    run(down, going_back(scene, "production/back-down"))
    assert [key for key in scene.commands.keys if "/down#" in key] == []


@pytest.mark.parametrize("of", [HELD, DOWN])
def test_after_a_failed_migration_down_runs_always(scene: Scene, of: Release) -> None:
    """It may have left things that no version number tells of."""
    schema_is(scene, "0001")
    ctx = going_back(scene, "production/back-down", of, failed="production/migrate")
    run(down, ctx)
    run(down, ctx)
    assert [key for key in scene.commands.keys if "/down#" in key] == ["v1.0.0/production/back-down/down#1"]


def test_a_down_migration_that_fails_needs_a_person(scene: Scene) -> None:
    schema_is(scene, "0002")
    scene.commands.script["*/down#*"] = NO
    with pytest.raises(GateFailed, match="the down migration failed") as error:
        run(down, going_back(scene, "production/back-down"))
    assert "requests may be waiting" in error.value.state
    assert "goaround rollback" in error.value.remedy


def test_a_down_migration_that_did_nothing_is_not_believed(scene: Scene) -> None:
    schema_is(scene, "0002")
    ctx = going_back(scene, "production/back-down")
    down.act(ctx)
    assert down.observe(ctx) is None


# --- suites and checklists ------------------------------------------------------------------------


def test_a_suite_runs_against_its_environment_and_its_last_line_is_kept(scene: Scene) -> None:
    scene.commands.script["*/smoke#*"] = Ended(0, False, 2, "...\n12 passed\n")
    ctx = at(scene, "production/smoke")
    assert run(tests, ctx).says == "12 passed (2.0 s)"
    assert run(tests, ctx).facts == {"seconds": 2}
    (command,) = scene.commands.ran
    assert command.argv == ("smoke", scene.config.environments.production.base_url)
    assert command.secrets == ("hunter2",)


@pytest.mark.parametrize(("ended", "error"), [(NO, GateFailed), (LATE, TimedOut)])
def test_a_suite_that_fails_or_hangs_fails_the_gate(scene: Scene, ended: Ended, error: type[Exception]) -> None:
    scene.commands.script["*/integration#*"] = ended
    with pytest.raises(error, match="the integration suite"):
        run(tests, at(scene, "staging/integration"))


def test_after_a_rollback_the_old_versions_own_suite_runs(scene: Scene) -> None:
    run(tests, going_back(scene, "production/back-smoke"))
    assert scene.commands.ran[0].cwd == scene.artifacts.path(OLD["artifact"])


@pytest.mark.parametrize(("severity", "says"), [(None, "fine (owner)"), ("minor", "minor: fine (owner)")])
def test_an_answer_is_evidence_with_its_severity(scene: Scene, severity: str | None, says: str) -> None:
    story = Story(opened())
    story.until("staging/check-rls")
    step = story.step()
    story.tell(Answered(step.key, "owner", "fine", severity))  # type: ignore[arg-type]
    report = run(answer, scene.context(story.start(), step))
    assert (report.says, report.facts["severity"]) == (says, severity)


def test_a_critical_answer_fails_the_gate_and_none_is_not_one(scene: Scene) -> None:
    story = Story(opened())
    story.until("staging/check-rls")
    step = story.step()
    assert answer.observe(scene.context(story.state, step)) is None
    story.tell(Answered(step.key, "owner", "everybody sees everything", "critical"))
    with pytest.raises(GateFailed, match="owner found something critical: everybody sees everything"):
        run(answer, scene.context(story.start(), step))


def test_a_sign_off_without_a_fitting_signature_does_not_pass(scene: Scene) -> None:
    story = Story(opened())
    story.until("staging/sign-off")
    step = story.step()
    with pytest.raises(GateFailed, match="not enough signatures stand"):
        run(sign_off, scene.context(story.state, step))
    story.sign("stranger")
    with pytest.raises(GateFailed, match="not enough signatures stand"):
        run(sign_off, scene.context(story.state, step))
    story.sign("second")
    assert run(sign_off, scene.context(story.state, step)).facts["by"] == ["second"]


# --- notices --------------------------------------------------------------------------------------

HOOK = "http://resolved.invalid/env:ANNOUNCE_URL"


def test_everybody_is_told_once_by_a_key_that_stays_the_same(scene: Scene) -> None:
    ctx = at(scene, "production/announce")
    assert run(notify, ctx).facts == {"told": ["told by wall", "told webhook 2"]}
    run(notify, ctx)
    assert scene.http.posted == [(HOOK, "v1.0.0/production/announce/1")]
    (command,) = scene.commands.ran
    assert command.env["GOAROUND_KEY"] == "v1.0.0/production/announce/0"


def test_every_notice_tells_the_journals_head(scene: Scene) -> None:
    run(notify, at(scene, "production/announce"))
    assert scene.commands.ran[0].env["GOAROUND_JOURNAL"] == "7:sha256:head"
    assert json.loads(scene.http.bodies[0])["journal"] == {"number": 7, "digest": "sha256:head"}


@pytest.mark.parametrize("status", [500, 302, None])
def test_an_announcement_that_is_not_delivered_stops_the_release(scene: Scene, status: int | None) -> None:
    scene.http.post_answer = Answer(status, "no route", 0.1)
    with pytest.raises(GateFailed, match=f"notice 2 was not delivered: webhook answered {status or 'no route'}") as no:
        run(notify, at(scene, "production/announce"))
    assert no.value.state == "production is unchanged"


def test_so_does_a_command_that_fails_or_is_cut_off(scene: Scene) -> None:
    scene.commands.script["*notice-0*"] = NO
    with pytest.raises(GateFailed, match="notice 1 was not delivered: wall: relation already exists"):
        run(notify, at(scene, "production/announce"))
    scene = Scene(scene.folder)
    scene.commands.script["*notice-0*"] = Ended(None, False, 0, "")
    with pytest.raises(GateFailed, match="was cut off 3 times"):
        run(notify, at(scene, "production/announce"))


@pytest.mark.parametrize("answer_", [Answer(500, "", 0.1), Answer(None, "timed out", 3)])
def test_an_alert_that_is_not_delivered_is_reported_and_stops_nothing(scene: Scene, answer_: Answer) -> None:
    scene.http.post_answer = answer_
    report = run(notify, going_back(scene, "production/alert"))
    assert report.says.startswith("notice 1 was not delivered")


# --- on the way back ------------------------------------------------------------------------------


def test_stop_names_the_releases_that_are_held(scene: Scene) -> None:
    ctx = going_back(scene, "production/back-stop")
    assert run(stop, ctx).facts == {"held": []}
    scene.others["v1.1.0"] = Story(opened(replace(HELD, id="v1.1.0"))).state
    assert run(stop, ctx).says == "held: v1.1.0"


def switched(ctx: Context) -> timedelta:
    """How far the switch is from the clock of the scene."""
    begun = ctx.state.of("v1.0.0/production/traffic").begun_at
    assert begun is not None
    return begun - ctx.clock.now()


def test_an_assessment_counts_what_the_new_version_answered_since_the_switch(scene: Scene) -> None:
    ctx = going_back(scene, "production/back-assess")
    start = scene.clock.now() + switched(ctx)
    scene.clock.wait(switched(ctx).total_seconds() + 60)
    proxy = scene.proxy["production"]
    proxy.record(start + timedelta(seconds=1), "green", requests=100, errors=15)
    proxy.record(start + timedelta(seconds=1), "blue", requests=900, errors=900)
    proxy.record(start - timedelta(seconds=5), "green", requests=50, errors=50)
    facts = run(assess, ctx).facts
    assert (facts["severity"], facts["requests"], facts["errors"], facts["data_touched"]) == ("critical", 100, 15, True)
    assert facts["gaps"] is False


def test_an_assessment_that_cannot_read_the_log_does_not_stand_in_the_way(scene: Scene) -> None:
    class Blind(FakeProxy):
        def traffic(self, since: datetime, until: datetime) -> Traffic:
            del since, until
            raise Unavailable("the log is gone", state="s", remedy="r")

    scene.proxy["production"] = Blind()
    report = run(assess, going_back(scene, "production/back-assess"))
    assert (report.facts["severity"], report.facts["gaps"]) == ("major", True)
    assert (report.facts["requests"], report.facts["errors"]) == (None, None), "no data is never 0"
    assert "could not be told" in report.says


def test_before_the_switch_there_is_nothing_to_count(scene: Scene) -> None:
    ctx = going_back(scene, "production/back-assess", failed="production/migrate")
    facts = run(assess, ctx).facts
    assert (facts["requests"], facts["errors"], facts["severity"]) == (0, 0, "critical")


def test_an_incident_record_says_when_it_was_decided_and_when_it_was_well_again(scene: Scene) -> None:
    ctx = going_back(scene, "production/back-incident")
    facts = run(incident, ctx).facts
    assert (facts["release"], facts["back_to"], facts["cause"], facts["because"]) == (
        "v1.0.0", "v0.9.2", "trigger", "it went wrong",
    )  # fmt: skip
    assert ctx.state.back_at is not None
    restored = ctx.state.of("v1.0.0/production/back-release").ended_at
    assert restored is not None
    assert facts["rollback_seconds"] == (restored - ctx.state.back_at).total_seconds() > 0
    assert facts["root_cause"] == "TO FILL"
    written = scene.folder / "incidents" / "v1.0.0.json"
    assert json.loads(written.read_text()) == facts


def test_an_incident_record_that_people_filled_in_is_not_written_again(scene: Scene) -> None:
    ctx = going_back(scene, "production/back-incident")
    run(incident, ctx)
    path = scene.folder / "incidents" / "v1.0.0.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "root_cause": "a missing index"}))
    assert run(incident, ctx).facts["root_cause"] == "a missing index"


def test_an_assessment_long_after_completion_counts_what_the_release_served(scene: Scene) -> None:
    ctx = going_back(scene, "production/back-assess")
    origin = ctx.state
    release = replace(origin.release, id="v1.0.0.back", kind="rollback", of=origin.release.id)
    late = replace(origin, opened=replace(origin.opened, release=release), steps={})
    switched = origin.of("v1.0.0/production/traffic").begun_at
    assert switched is not None
    scene.proxy["production"].record(switched + timedelta(seconds=1), "green", requests=7, errors=1)
    scene.clock.wait(max(0.0, (switched - scene.clock.now()).total_seconds()) + 5)
    seen = assess.observe(replace(ctx, state=late, states=lambda: {origin.release.id: origin}))
    assert (seen.facts["requests"], seen.facts["errors"]) == (7, 1)


def test_what_a_command_printed_after_its_controller_was_killed_is_kept(scene: Scene) -> None:
    ctx = at(scene, "production/migrate")
    scene.commands.script = {"*": Ended(0, False, 0.1, "applied 0002\n")}
    key = f"{ctx.step.key}/up#1"
    scene.commands.run(Command(key, ("up",), ctx.folder, {}, 1.0), lambda _offset, _text: None)
    assert list(ctx.journal.output(key)) == []
    assert ctx.ran("up") is not None
    assert [text for _, _, text in ctx.journal.output(key)] == ["applied 0002\n"]
