"""goaround new makes the folder of a release whole or not at all, with what is known of it and nothing invented."""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from tests.polling import until
from tests.unit.config_examples import FULL, HOURS, LEAST
from tests.unit.releases import RELEASE, Story, opened

from goaround.adapters.git import GitRepository
from goaround.adapters.sqlite_journal import SqliteJournal
from goaround.cli.folder import DOCUMENTS, Wanted, files, newest
from goaround.cli.main import cli
from goaround.cli.markdown import BEGIN, END
from goaround.cli.new import make
from goaround.config.load import parse_config, parse_manifest
from goaround.config.models import Config
from goaround.domain.errors import ConfigurationError, Refused, Unavailable
from goaround.domain.release import FeatureUnit, Outcome, Release
from goaround.engine.opening import Asked, open_release

FULL_CONFIG = parse_config(FULL, "goaround.toml")
LEAST_CONFIG = parse_config(LEAST, "goaround.toml")
HOURS_CONFIG = parse_config(LEAST.replace('environments.production.listen = "127.0.0.1:7490"\n', "") + HOURS, "hours")
WANTED = Wanted("v1.0.0", "v0.9.2", "mark", "Memory for agents", date(2026, 10, 12))


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """Verbs take SIGTERM for themselves."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "goaround.toml").write_text(FULL)
    return tmp_path


def goaround(project: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["-C", str(project), *words], prog_name="goaround")


def listed(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def journal(project: Path, story: Story) -> None:
    with closing(SqliteJournal(project / ".goaround" / "journal.sqlite3")) as kept:
        for record in story.records:
            kept.append(record.release, record.event)


# --- what is in it --------------------------------------------------------------------------------


def test_the_documents_are_those_of_the_strategy() -> None:
    assert list(files(WANTED, FULL_CONFIG)) == ["manifest.toml", *DOCUMENTS]
    assert set(DOCUMENTS) == {
        "release_plan.md", "acceptance_criteria.md", "integration_tests.md", "pre_mortem.md", "monitoring_plan.md",
        "deployment_strategy.md", "status.md",
    }  # fmt: skip


def test_the_values_of_the_release_are_filled_in() -> None:
    made = {name: content.decode() for name, content in files(WANTED, FULL_CONFIG).items()}
    manifest = parse_manifest(made["manifest.toml"], "manifest.toml", "v1.0.0")
    assert (manifest.version, manifest.previous, manifest.name) == ("v1.0.0", "v0.9.2", "Memory for agents")
    assert (manifest.owner, manifest.target_date, manifest.migrations.rollback) == ("mark", date(2026, 10, 12), "down")
    assert "| replaces | v0.9.2 |\n| owner | mark |\n| target date | 2026-10-12 |" in made["release_plan.md"]
    assert "| errors | < 1 % | > 10 % in 1m |\n| P95 | < 5 s | > 10 s for 300 s |" in made["monitoring_plan.md"]
    assert "`pytest --base-url '{base_url}'`" in made["integration_tests.md"]
    assert "  - rls: Are users walled off?\n" in made["acceptance_criteria.md"]
    assert "production is signed off by owner or second" in made["acceptance_criteria.md"]
    assert "Target: 15m from the decision" in made["deployment_strategy.md"]
    assert "not before 3 d after staging" in made["deployment_strategy.md"]
    assert made["status.md"].count(BEGIN) == made["status.md"].count(END) == 1


@pytest.mark.parametrize("config", [FULL_CONFIG, LEAST_CONFIG, HOURS_CONFIG], ids=["full", "least", "hours"])
@pytest.mark.parametrize("wanted", [WANTED, Wanted("v0.1.0", None, "mark")], ids=["full", "least"])
def test_nothing_is_left_open_in_them_but_what_is_marked(config: Config, wanted: Wanted) -> None:
    made = {name: content.decode() for name, content in files(wanted, config).items()}
    parse_manifest(made["manifest.toml"], "manifest.toml", wanted.version)
    for name, text in made.items():
        assert "TO FILL" in text
        assert "$" not in text, name
        assert "None" not in text, name
        assert text.endswith("\n")
        assert "\n\n\n" not in text, name


def test_its_examples_are_a_manifest_once_they_are_filled_in() -> None:
    text = files(WANTED, FULL_CONFIG)["manifest.toml"].decode()
    # What is commented out and is TOML; the other comments are words.
    uncommented = re.sub(r"^# (?=\[\[|[a-z_]+ = )", "", text, flags=re.MULTILINE).replace('"..."', '"x"')
    uncommented = uncommented.replace("tests = []", 'tests = ["t.py"]').replace('query = "x"', "")
    manifest = parse_manifest(uncommented, "manifest.toml")
    assert (len(manifest.features), len(manifest.acceptance), len(manifest.pre_mortem)) == (1, 1, 1)


@given(
    st.text(st.characters(codec="utf-8"), min_size=1).filter(lambda text: text.isprintable() and text == text.strip())
)
def test_any_name_can_be_written_down(name: str) -> None:
    wanted = Wanted("v1.0.0", None, name or "x", name)
    made = files(wanted, LEAST_CONFIG)
    manifest = parse_manifest(made["manifest.toml"].decode(), "manifest.toml")
    assert (manifest.name, manifest.owner) == (name, name)
    assert made["status.md"].count(BEGIN.encode()) == 1


@pytest.mark.parametrize(
    ("names", "before", "found"),
    [
        ((), "v1.0.0", None),
        (("v0.9.2", "v0.10.0", "v0.9.10"), "v1.0.0", "v0.10.0"),
        (("v0.9.2", "v1.1.0"), "v1.0.0", "v0.9.2"),
        (("v1.0.0-rc.2", "v1.0.0-rc.10", "v1.0.0-alpha"), "v1.0.0", "v1.0.0-rc.10"),
        (("v1.0.0", "v1.0.0-rc.1"), "v1.0.0-rc.2", "v1.0.0-rc.1"),
        (("drafts", ".v0.9.0.half", "v0.8.0"), "v1.0.0", "v0.8.0"),
    ],
)
def test_the_newest_is_the_highest_version_before_it(names: tuple[str, ...], before: str, found: str | None) -> None:
    assert newest(names, before) == found


# --- the verb -------------------------------------------------------------------------------------


def test_a_folder_is_made_that_check_finds_right(project: Path) -> None:
    done = goaround(project, "new", "v1.0.0", "--name", "Memory", "--owner", "mark", "--target-date", "2026-10-12")
    assert done.exit_code == 0
    assert "grep -rn 'TO FILL' releases/v1.0.0" in done.stdout
    assert listed(project / "releases" / "v1.0.0") == sorted(["manifest.toml", *DOCUMENTS])
    assert goaround(project, "check").stdout == "goaround.toml and 1 manifests are right\n"
    said = json.loads(goaround(project, "new", "v1.1.0", "--json").stdout)
    assert said["previous"] == "v1.0.0"
    assert said["files"] == [f"releases/v1.1.0/{name}" for name in ("manifest.toml", *DOCUMENTS)]
    assert listed(project / "releases") == ["v1.0.0", "v1.1.0"]
    assert not (project / ".goaround").exists()


def test_the_previous_version_is_what_production_serves(project: Path) -> None:
    story = Story(opened(RELEASE))
    story.released()
    journal(project, story)
    (project / "releases" / "v1.2.0").mkdir(parents=True)
    assert json.loads(goaround(project, "new", "v1.3.0", "--json").stdout)["previous"] == "v1.0.0"


def test_a_release_is_opened_with_what_its_manifest_says(project: Path) -> None:
    goaround(project, "new", "v1.0.0", "--name", "Memory", "--target-date", "2026-10-12")
    manifest = project / "releases" / "v1.0.0" / "manifest.toml"
    manifest.write_text(
        manifest.read_text() + '[[features]]\nid = "FU-1"\nname = "n"\npriority = "P0"\ntests = ["t"]\n'
    )
    made = _opened(project)
    assert made.units == (FeatureUnit("FU-1", "n", "P0", tests=("t",)),)
    assert (made.name, made.owner, made.target_date) == ("Memory", "owner", date(2026, 10, 12))
    manifest.write_text(manifest.read_text().replace("v1.0.0", "v1.1.0"))
    with pytest.raises(ConfigurationError, match="its folder says"):
        _opened(project)


def _opened(project: Path) -> Release:
    for words in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message=it"]):
        people = ("-c", "user.name=owner", "-c", "user.email=owner@example.org")
        subprocess.run(["git", *people, *words], cwd=project, check=True)
    asked = Asked("v1.0.0", "HEAD", "owner")
    return open_release(asked, FULL_CONFIG, FULL, GitRepository(project), {}).release


def test_what_is_there_is_never_overwritten(project: Path) -> None:
    assert goaround(project, "new", "v1.0.0").exit_code == 0
    notes = project / "releases" / "v1.0.0" / "status.md"
    notes.write_text("mine")
    done = goaround(project, "new", "v1.0.0")
    assert done.exit_code == 9
    assert "is there already" in done.stderr
    assert notes.read_text() == "mine"
    (project / "releases" / "v1.1.0").symlink_to("nowhere")
    assert goaround(project, "new", "v1.1.0").exit_code == 9
    (project / "releases" / "v1.2.0").mkdir()
    assert goaround(project, "new", "v1.2.0").exit_code == 9


@pytest.mark.parametrize(
    ("outcome", "what"),
    [
        (Outcome.RELEASED, "v1.0.0 has been released"),
        (Outcome.ROLLED_BACK, "v1.0.0 was rolled back from production"),
    ],
)
def test_a_version_that_was_in_production_is_refused(project: Path, outcome: Outcome, what: str) -> None:
    story = Story(opened(RELEASE))
    story.until("production/watch")
    if outcome is Outcome.ROLLED_BACK:
        story.fails("trigger", "too many errors")
        story.turns_back()
    story.to_the_end()
    story.closes(outcome)
    journal(project, story)
    done = goaround(project, "new", "v1.0.0")
    assert done.exit_code == 9
    assert what in done.stderr
    assert "next version" in done.stderr
    assert not (project / "releases").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["1.0"], ["../v1.0.0"], ["v1.0.0-staging"], ["v1.0.0/"], ["v1.0.0\n"], ["v1.0.0", "--target-date", "soon"],
        ["v1.0.0", "--name", "two\nlines"], ["v1.0.0", "--owner", " "], ["v1.0.0", "--name", "\x7f"],
    ],
)  # fmt: skip
def test_calls_that_make_no_sense_end_with_2_and_make_nothing(project: Path, words: list[str]) -> None:
    assert goaround(project, "new", *words).exit_code == 2
    assert listed(project) == ["goaround.toml"]


def test_where_there_is_no_configuration_nothing_is_made(tmp_path: Path) -> None:
    assert goaround(tmp_path, "new", "v1.0.0").exit_code == 3
    assert listed(tmp_path) == []


# --- whole or not at all --------------------------------------------------------------------------


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "releases" / "v1.0.0"
    with pytest.raises(Unavailable, match="could not be made"):
        make(folder, {"a.md": b"a", "no/such/place": b""})
    assert listed(folder.parent) == []
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable, match="could not be made"):
        make(tmp_path / "file" / "v1.0.0", {"a.md": b"a"})


def test_what_a_killed_one_left_is_in_nobodys_way(project: Path) -> None:
    """Killed while it writes: half a folder stays, that is no release to anybody, and the next one takes its place."""
    program = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom goaround.cli.new import make\n"
        "class Bytes(dict):\n  def items(self):\n    yield 'manifest.toml', b'version = '\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "make(Path(sys.argv[1]), Bytes())"
    )
    folder = project / "releases" / "v1.0.0"
    done = subprocess.run([sys.executable, "-c", program, str(folder)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert listed(folder.parent) == [".v1.0.0.half"]
    assert goaround(project, "check").stdout == "goaround.toml and 0 manifests are right\n"
    assert goaround(project, "new", "v1.0.0").exit_code == 0
    assert listed(folder.parent) == ["v1.0.0"]


def test_of_two_at_once_the_second_waits_and_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "v1.0.0"
    program = (
        "import sys\nfrom pathlib import Path\nfrom goaround.cli.new import make\n"
        "from goaround.domain.errors import Refused\n"
        "try: make(Path(sys.argv[1]), {'a.md': b'second'})\nexcept Refused: sys.exit(9)"
    )
    first = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(first, fcntl.LOCK_EX)
    second = subprocess.Popen([sys.executable, "-c", program, str(folder)])
    try:
        waiting = re.compile(rf"-> FLOCK +ADVISORY +WRITE {second.pid} ")
        until(lambda: bool(waiting.search(Path("/proc/locks").read_text())), what="the second to wait")
        folder.mkdir()
        os.close(first)
        assert second.wait(20) == 9
    finally:
        second.kill()
        second.wait()
    assert listed(folder) == []


def test_a_folder_of_that_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="is there already"):
        make(tmp_path, {})
