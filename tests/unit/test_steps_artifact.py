"""From a commit to its artifact and its tags: built once, compared, signed, pushed, and tidied when not needed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.fakes.scene import Scene, run
from tests.unit.releases import ARTIFACT, FULL_TERMS, HELD, OLD, PLAIN, Story, opened

from goaround.config.load import parse_config
from goaround.domain.errors import Refused, Unavailable
from goaround.domain.release import Outcome, Release
from goaround.ports import Command, Ended
from goaround.steps import build, push, tag, tidy
from goaround.steps.context import Context, GateFailed, Report

PROVEN = replace(FULL_TERMS, proven=True, push="origin")
SECOND = replace(HELD, id="v1.0.0.2", attempt=2)
NO = Ended(3, False, 1.5, "no compiler\n")


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def at(scene: Scene, name: str, of: Release = HELD, key: str = "ssh-ed25519 FAKE") -> Context:
    """The step of a release that wants keys; the fakes' controller has the key ``ssh-ed25519 FAKE``."""
    story = Story(replace(opened(of, PROVEN), controller_key=key))
    story.until(name)
    step = story.step()
    return scene.context(story.start(), step)


def build_as(scene: Scene, more: str) -> None:
    """Build by other terms from now on."""
    toml = scene.config.model_copy(update={"build": scene.config.build.model_validate(_build(more))})
    scene.config = toml


def _build(more: str) -> dict[str, object]:
    least = 'service = "s"\nowner = "o"\nrun.command = ["serve", "{port}"]\n'
    least += 'environments.staging.listen = "h:7480"\nenvironments.production.listen = "h:7490"\n'
    build = parse_config(f'{least}[build]\ncommand = ["uv", "build"]\ntimeout = "5m"\n{more}', "goaround.toml").build
    return build.model_dump(by_alias=True) | {"timeout": "5m"}


def built_before(scene: Scene, of: Release = HELD) -> Report:
    """An earlier attempt that built, and then failed in staging."""
    story = Story(opened(of))
    story.until("staging/build")
    step = story.step()
    report = run(build, scene.context(story.start(), step))
    story.passes_started(**report.facts)
    story.until("staging/health")
    story.fails()
    story.turns_back()
    story.to_the_end()
    scene.others[of.id] = story.closes(Outcome.FAILED)
    return report


# --- built once -----------------------------------------------------------------------------------


def test_a_second_attempt_at_a_commit_takes_what_the_first_one_built(scene: Scene) -> None:
    first = built_before(scene)
    second = run(build, at(scene, "staging/build", SECOND))
    assert second.facts == {**first.facts, "built_by": "v1.0.0"}
    assert second.says.startswith("built by v1.0.0 sha256:")
    assert len(scene.commands.ran) == 1


def test_a_third_attempt_takes_it_from_the_first_through_the_second(scene: Scene) -> None:
    built_before(scene)
    built_before(scene, SECOND)
    third = run(build, at(scene, "staging/build", replace(HELD, id="v1.0.0.3", attempt=3)))
    assert third.facts["built_by"] == "v1.0.0"
    assert len(scene.commands.ran) == 1


@pytest.mark.parametrize("other", ["commit", "command", "environment", "altered", "not in the journal", "unchecked"])
def test_it_is_built_again_where_anything_is_not_as_it_was(scene: Scene, other: str) -> None:
    release = SECOND
    before = built_before(scene)
    match other:
        case "commit":
            release = replace(SECOND, commit="d" * 40)
        case "command":
            scene.config = scene.config.model_copy(
                update={"build": scene.config.build.model_copy(update={"command": ("make",)})}
            )
        case "altered":
            scene.artifacts.missing.add(str(before.facts["artifact"]))
        case "not in the journal":
            scene.others.clear()
        case "unchecked":
            build_as(scene, 'inherit_env = ["UV_CACHE_DIR", "HOME"]\ncheck_reproducible = true\n')
    ctx = at(scene, "staging/build", release)
    if other == "environment":
        ctx = replace(ctx, environ={**ctx.environ, "UV_CACHE_DIR": "/elsewhere"})
    assert build.observe(ctx) is None
    build.act(ctx)
    assert len(scene.commands.ran) == (3 if other == "unchecked" else 2)


def test_no_value_that_a_build_inherits_is_written_down(scene: Scene) -> None:
    ctx = replace(at(scene, "staging/build"), environ={"PATH": "/usr/bin", "UV_CACHE_DIR": "s3cret-value"})
    report = run(build, ctx)
    written = "".join(path.read_text() for path in scene.folder.rglob("*.json"))
    assert "artifact" in written
    assert "s3cret" not in written + str(report)


# --- the same again -------------------------------------------------------------------------------


def test_without_the_option_it_is_said_that_nobody_looked(scene: Scene) -> None:
    report = run(build, at(scene, "staging/build"))
    assert report.facts["reproducible"] == "not checked"
    assert report.says.endswith("; reproducible: not checked")
    assert len(scene.commands.ran) == 1


def test_a_second_build_in_another_folder_with_the_same_environment_is_evidence(scene: Scene) -> None:
    build_as(scene, "check_reproducible = true\n")
    ctx = at(scene, "staging/build")
    report = run(build, ctx)
    assert (report.facts["reproducible"], "differ" in report.facts) == ("yes", False)
    one, other = scene.commands.ran
    assert one.cwd != other.cwd
    assert (one.argv, one.env, one.secrets) == (other.argv, other.env, other.secrets)
    assert not other.cwd.exists()
    assert run(build, ctx) == report
    assert len(scene.commands.ran) == 2


def test_the_first_paths_that_differ_are_named_and_nothing_fails(scene: Scene) -> None:
    build_as(scene, "check_reproducible = true\n")
    scene.artifacts.differ = tuple(f"lib/{number}.pyc" for number in range(9))
    report = run(build, at(scene, "staging/build"))
    assert report.facts["reproducible"] == "no"
    assert report.facts["differ"] == ["lib/0.pyc", "lib/1.pyc", "lib/2.pyc", "lib/3.pyc", "lib/4.pyc"]
    assert "reproducible: no (lib/0.pyc, " in report.says


def test_a_second_build_that_breaks_is_not_the_same(scene: Scene) -> None:
    build_as(scene, "check_reproducible = true\n")
    scene.commands.script["*again*"] = NO
    report = run(build, at(scene, "staging/build"))
    assert report.facts["reproducible"] == "no"
    assert report.facts["why"] == "the second build failed with exit code 3: no compiler"


def test_where_it_is_required_the_release_ends_and_both_folders_stay(scene: Scene) -> None:
    build_as(scene, "require_reproducible = true\n")
    scene.artifacts.differ = ("app.bin",)
    ctx = at(scene, "staging/build")
    for _ in range(2):
        with pytest.raises(GateFailed, match=r"not reproducible: reproducible: no \(app.bin\)") as error:
            run(build, ctx)
        assert error.value.facts == {"reproducible": "no", "differ": ["app.bin"]}
        assert error.value.state == "nothing was deployed"
    assert sorted(path.name for path in ctx.work.glob("tree-*")) == ["tree-0", "tree-0-again"]
    assert len(scene.commands.ran) == 2


def test_a_controller_that_is_killed_between_the_two_builds_makes_only_the_second(scene: Scene) -> None:
    build_as(scene, "check_reproducible = true\n")

    def killed(command: Command) -> Ended:
        del command
        raise KeyboardInterrupt

    scene.commands.script["*again#1"] = killed
    ctx = at(scene, "staging/build")
    with pytest.raises(KeyboardInterrupt):
        build.act(ctx)
    assert run(build, ctx).facts["reproducible"] == "yes"
    assert [key.partition("build/")[2] for key in scene.commands.keys] == [
        "build-0#1", "build-0-again#1", "build-0-again#1.1",
    ]  # fmt: skip


# --- tags -----------------------------------------------------------------------------------------


def test_a_tag_tells_release_environment_and_the_journals_head(scene: Scene) -> None:
    report = run(tag, at(scene, "staging/tag", SECOND))
    assert report.facts == {"tag": "v1.0.0-staging.2", "signed": True}
    assert scene.repository.messages["v1.0.0-staging.2"] == (
        "v1.0.0: staging\n\nrelease: v1.0.0.2\nenvironment: staging\njournal: 7:sha256:head\n"
    )


def test_a_tag_that_the_controller_did_not_sign_is_not_taken_for_one_that_it_did(scene: Scene) -> None:
    scene.repository.tag("v1.0.0-staging", HELD.commit, "by hand")
    with pytest.raises(Refused, match="not signed with the key that this release was opened with") as error:
        run(tag, at(scene, "staging/tag"))
    assert error.value.state == "the tag was left as it is"


def test_a_controller_with_another_key_makes_no_tag(scene: Scene) -> None:
    with pytest.raises(Refused, match="another one than when this release was opened"):
        run(tag, at(scene, "staging/tag", key="ssh-ed25519 LOST"))
    assert scene.repository.tags == {}


# --- afterwards -----------------------------------------------------------------------------------


def tagged(scene: Scene, name: str) -> Context:
    story = Story(opened(HELD, PROVEN))
    for step, given in (("staging/tag", "v1.0.0-staging"), ("production/tag", "v1.0.0")):
        story.until(step)
        scene.repository.tag(given, HELD.commit, "so")
        story.passes(tag=given)
    story.until(name)
    return scene.context(story.start(), story.step())


def test_exactly_the_tags_of_the_release_are_pushed(scene: Scene) -> None:
    scene.repository.tag("mine", "e" * 40, "not of a release")
    ctx = tagged(scene, "production/push")
    report = run(push, ctx)
    assert report == Report(
        "origin has v1.0.0-staging and v1.0.0", {"remote": "origin", "tags": ["v1.0.0-staging", "v1.0.0"]}
    )
    assert set(scene.repository.remote) == {"v1.0.0-staging", "v1.0.0"}
    assert push.observe(ctx) == report


def test_a_tag_that_somebody_moved_since_is_not_pushed(scene: Scene) -> None:
    ctx = tagged(scene, "production/push")
    scene.repository.tags["v1.0.0"] = "e" * 40
    with pytest.raises(Refused, match=r"the tag v1\.0\.0 is not where this release put it"):
        run(push, ctx)
    assert scene.repository.remote == {}


def test_artifacts_are_pruned_but_for_those_that_are_needed(scene: Scene) -> None:
    ctx = tagged(scene, "production/tidy")
    report = run(tidy, ctx)
    assert scene.artifacts.needed == [frozenset({ARTIFACT, OLD["artifact"]})]
    assert report.says == "1 removed, 2 may be needed"
    assert run(tidy, ctx) == report
    assert len(scene.artifacts.needed) == 1


def test_nothing_is_pruned_while_nobody_can_tell_what_another_release_builds(scene: Scene) -> None:
    scene.others["v1.1.0"] = Story(opened(replace(PLAIN, id="v1.1.0", version="v1.1.0"))).until("staging/build")
    report = run(tidy, tagged(scene, "production/tidy"))
    assert report.says == "nothing was removed: nobody can tell yet what v1.1.0 builds"
    assert scene.artifacts.needed == []


def test_a_prune_that_fails_leaves_no_note_that_it_was_done(scene: Scene) -> None:
    scene.artifacts.prune_error = Unavailable("read-only file system", state="s", remedy="r")
    ctx = tagged(scene, "production/tidy")
    with pytest.raises(Unavailable, match="read-only"):
        run(tidy, ctx)
    scene.artifacts.prune_error = None
    assert run(tidy, ctx).facts["removed"] == ["sha256:" + "9" * 64]
