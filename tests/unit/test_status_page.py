"""status.md: what goaround knows between its markers, and every other byte as people left it."""

from __future__ import annotations

import json
import re
import signal
import stat
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.unit.config_examples import FULL
from tests.unit.releases import FULL_TERMS, HELD, RELEASE, Story, opened, says_yes, taken_back

from goaround.adapters.sqlite_journal import SqliteJournal
from goaround.cli.asjson import plan_json, result_json
from goaround.cli.main import cli
from goaround.cli.markdown import BEGIN, END, between, code, plain, splice
from goaround.cli.render import plan_text, release_text
from goaround.cli.statuspage import Said, page, untold
from goaround.domain.calendar import Calendar
from goaround.domain.errors import Refused
from goaround.domain.events import BrokeGlass, Declined, Withdrawn
from goaround.domain.journal import State
from goaround.domain.release import FeatureUnit, Outcome, Release
from goaround.domain.signoff import digest

UNITS = (
    FeatureUnit("FU-1", "Uploads", "P0", "completed", (), ("tests/test_uploads.py",)),
    FeatureUnit("FU-2", "Search", "P0", "in_progress"),
    FeatureUnit("FU-3", "Timeline", "P2"),
)
NOW = datetime(2026, 2, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """Verbs take SIGTERM for themselves."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def told(*stories: Story) -> str:
    said: Said = {record.event: record.at for story in stories for record in story.records if _is_word(record.event)}
    return page("v1.0.0", {story.state.release.id: story.state for story in stories}, said, NOW)


def _is_word(event: object) -> bool:
    return type(event).__name__ in ("Signed", "BrokeGlass", "Declined", "Answered")


def rolled_back(release: Release = HELD) -> Story:
    story = Story(opened(release))
    story.until("production/watch")
    story.fails("trigger", "30 of 100 requests failed in the last 60 s (30.0%); trigger: > 10 %")
    story.turns_back()
    story.to_the_end()
    story.closes(Outcome.ROLLED_BACK, "too many errors")
    return story


# --- what is in it --------------------------------------------------------------------------------


def test_a_release_is_told_with_its_phases_evidence_timings_and_sign_offs() -> None:
    story = Story(opened(replace(RELEASE, units=UNITS)))
    story.until("staging/sign-off")
    story.tell(says_yes(story.state, "second", "looks right"))
    story.released()
    text = told(story)
    assert "**v1.0.0 released: v1.0.0 serves production**" in text
    assert "| ✓ | preflight | 6.0 s |" in text
    assert "| staging/sign-off | second | 2026-01-01 12:" in text
    assert "| looks right | yes, by name |" in text
    assert "| ✓ | production/watch | watch done |" in text
    assert re.search(r"\| staging \| \d+ s \| 2 h 00 min \|  \|", text)
    assert "| FU-1 | Uploads | completed | `tests/test_uploads.py` |" in text
    assert "| FU-2 | Search | in progress |  |" in text
    assert "Timeline" not in text
    assert "GLASS" not in text
    assert "missing" not in text


def test_of_a_release_that_ended_it_is_the_same_for_ever() -> None:
    story = rolled_back()
    states = {"v1.0.0": story.state}
    assert page("v1.0.0", states, {}, NOW) == page("v1.0.0", states, {}, NOW + timedelta(days=3000))


def test_a_rollback_is_told_with_what_went_wrong_and_its_time() -> None:
    text = told(rolled_back())
    assert "**v1.0.0 rolled back: too many errors**" in text
    assert "| ✗ | production/watch | 30 of 100 requests failed in the last 60 s (30.0%); trigger: > 10 %;" in text
    assert re.search(r"\| rollback \| \d+ s \| 15 min 00 s \|  \|", text)


def test_what_took_longer_than_expected_stands_out() -> None:
    story = Story(opened(RELEASE, replace(FULL_TERMS, staging_seconds=3)))
    story.released()
    assert re.search(r"\| staging \| \d+ s \| 3\.0 s \| \*\*\d+ s longer\*\* \|", told(story))


def test_a_target_date_is_compared_with_the_day_by_the_clocks_of_the_service() -> None:
    for target, zone, says in (
        (date(2026, 1, 1), "UTC", "in production on 2026-01-01 |"),
        (date(2025, 12, 30), "UTC", "in production on 2026-01-01, 2 days after it |"),
        (date(2026, 1, 2), "UTC", "in production on 2026-01-01, 1 day before it |"),
        (date(2026, 1, 2), "Pacific/Kiritimati", "in production on 2026-01-02 |"),  # 14 hours ahead
    ):
        terms = replace(FULL_TERMS, calendar=Calendar(zone))
        story = Story(opened(replace(RELEASE, target_date=target), terms))
        assert f"| target date | {target} |" in told(story)
        story.released()
        assert f"| target date | {target}; {says}" in told(story)


def test_broken_glass_stands_out_for_ever() -> None:
    story = Story(opened(RELEASE))
    story.until("staging/sign-off")
    step = story.step()
    story.tell(BrokeGlass(step.key, "second", "users lose <data> | now", digest(story.state.statement(step))))
    story.released()
    text = told(story)
    assert re.search(
        r"> \*\*‼ GLASS BROKEN at staging/sign-off by second, 2026-01-01 12:\d\d UTC: users lose &lt;", text
    )
    assert "| users lose &lt;data> \\| now | **GLASS BROKEN** |" in text


def test_glass_that_was_broken_for_something_else_is_told_as_such() -> None:
    story = Story(opened(RELEASE))
    story.until("staging/sign-off")
    story.tell(BrokeGlass(story.step().key, "second", "quick", "sha256:other"))
    assert "**GLASS BROKEN; void: things changed since**" in told(story)


def test_a_void_signature_is_told_with_why_and_the_missing_with_who() -> None:
    story = Story(opened(RELEASE))
    story.until("staging/sign-off")
    story.tell(says_yes(story.state, "second", "ok"))
    story.tell(Withdrawn(story.step().key, "second", "the other file"))
    text = told(story)
    assert "| ok | **void: second took it back: the other file** |" in text
    assert "| staging/sign-off | owner or second |  |  | **missing** |" in text
    assert "this was written 2026-02-01 00:00 UTC" in text


def test_a_signature_that_expired_after_it_was_used_is_not_void() -> None:
    story = Story(opened(RELEASE, replace(FULL_TERMS, sign_off_seconds=60)))
    story.until("staging/sign-off")
    story.tell(says_yes(story.state, "second", "in time", now=story.now))
    assert "**void: it expired" in told(story)
    story.passes()
    assert "**void" not in told(story)


def test_a_refusal_is_told() -> None:
    story = Story(opened(RELEASE))
    story.until("staging/sign-off")
    story.tell(Declined(story.step().key, "owner", "the CSV is wrong"))
    assert "| the CSV is wrong | **refused** |" in told(story)


def test_all_attempts_are_told_the_newest_first_and_other_versions_are_not() -> None:
    first = rolled_back()
    second = Story(opened(replace(RELEASE, id="v1.0.0.2", attempt=2)), first.seq)
    other = Story(opened(replace(RELEASE, id="v2.0.0", version="v2.0.0")), 5000)
    back = Story(taken_back(opened(HELD)), 9000)
    headings = re.findall(r"^## .*$", told(first, second, other, back), re.MULTILINE)
    assert headings == ["## v1.0.0.back", "## v1.0.0.2", "## v1.0.0"]
    assert "| takes back | v1.0.0 |" in told(first, back)


def test_before_anything_was_released_the_units_of_the_manifest_are_told() -> None:
    text = untold("v1.0.0", UNITS)
    assert "## v1.0.0 has not been released yet" in text
    assert "| FU-2 | Search | in progress |" in text


def test_the_p0_units_are_in_the_plan_and_the_status() -> None:
    opening = opened(replace(RELEASE, units=UNITS))
    line = "P0 units: 1 of 2 completed: ✓ FU-1 Uploads, ▸ FU-2 Search"
    assert line in plan_text(opening).splitlines()
    state = Story(opening).state
    assert line in release_text(state, {}).splitlines()
    for found in (plan_json(opening), result_json(state, {}, None)):
        assert json.loads(json.dumps(found))["units"][1] == {
            "id": "FU-2", "name": "Search", "priority": "P0", "status": "in_progress", "depends_on": [], "tests": [],
        }  # fmt: skip
    assert "P0" not in plan_text(opened(RELEASE)) + release_text(Story(opened(RELEASE)).state, {})


# --- words and markers ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("all right", "all right"),
        ("two\nlines\tand\r\nmore ", "two lines and more"),
        ("a | b", "a \\| b"),
        (f"{END} <script>", "&lt;!-- goaround:end --> &lt;script>"),
        ("[x](http://y) `z` **bold**", "\\[x\\](http://y) \\`z\\` \\*\\*bold\\*\\*"),
        ("rolled_back __init__", "rolled_back \\_\\_init\\_\\_"),
        ("&lt; & &amp;", "&amp;lt; & &amp;amp;"),
        ("back\\|slash", "back\\\\\\|slash"),
        ("\u202eevil\x00\x1b[31m", "evil \\[31m"),
    ],
)
def test_words_are_one_line_that_reads_as_it_was_said(said: str, written: str) -> None:
    assert plain(said) == written


def test_code_is_as_it_is_where_it_can_be() -> None:
    assert code("pytest -k 'a*'") == "`pytest -k 'a*'`"
    assert code("a | b") == "a \\| b"
    assert code("`a`") == "\\`a\\`"
    assert BEGIN not in code(BEGIN)


def test_what_is_between_the_markers_is_replaced_and_nothing_else() -> None:
    theirs = b"\xff\xfe not UTF-8\r\n" + BEGIN.encode() + b"\r\nold\r\n" + END.encode() + b" and no newline"
    assert splice(theirs, "new", "status.md") == (
        b"\xff\xfe not UTF-8\r\n" + between("new").encode() + b" and no newline"
    )


@pytest.mark.parametrize(
    ("document", "what"),
    [
        ("", f"{BEGIN} is missing and {END} is missing"),
        (BEGIN, f"{END} is missing"),
        (END, f"{BEGIN} is missing"),
        (f"{END}\n{BEGIN}", f"{END} comes before {BEGIN}"),
        (f"{BEGIN}{END}{END}", f"{END} is there 2 times"),
        (f"{BEGIN}\n{BEGIN}\n{END}", f"{BEGIN} is there 2 times"),
        (f"{BEGIN}{END}{BEGIN}{END}", f"{BEGIN} is there 2 times and {END} is there 2 times"),
        ("<!--goaround:begin-->" + END, f"{BEGIN} is missing"),
    ],
)
def test_markers_that_do_not_say_what_is_whose_are_refused(document: str, what: str) -> None:
    with pytest.raises(Refused) as refused:
        splice(document.encode(), "new", "status.md")
    assert refused.value.what == f"status.md does not say which part of it is goaround's: {what}"


# --- the verb -------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "goaround.toml").write_text(FULL)
    assert goaround(tmp_path, "new", "v1.0.0").exit_code == 0
    return tmp_path


def goaround(project: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["-C", str(project), *words], prog_name="goaround")


def journal(project: Path, story: Story) -> State:
    with closing(SqliteJournal(project / ".goaround" / "journal.sqlite3")) as kept:
        for record in story.records:
            kept.append(record.release, record.event)
    return story.state


def test_status_writes_the_page_and_leaves_what_is_the_peoples(project: Path) -> None:
    journal(project, rolled_back())
    file = project / "releases" / "v1.0.0" / "status.md"
    before = file.read_bytes().replace(b"TO FILL", b"caf\xe9\r\n")
    file.write_bytes(before + b"\r\nmine too")
    file.chmod(0o664)
    assert goaround(project, "status", "v1.0.0", "--write").exit_code == 0
    after = file.read_bytes()
    assert after.startswith(before[: before.index(BEGIN.encode())])
    assert after.endswith(END.encode() + b"\n\r\nmine too")
    assert b"**v1.0.0 rolled back: too many errors**" in after
    assert stat.S_IMODE(file.stat().st_mode) == 0o664
    written = file.stat()
    again = goaround(project, "status", "v1.0.0", "--write", "--json")
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (written.st_ino, written.st_mtime_ns)
    assert json.loads(again.stdout) == {"file": str(file), "changed": False}
    assert file.read_bytes() == after
    assert [path for path in file.parent.iterdir() if path.suffix not in (".md", ".toml")] == []


def test_the_journal_keeps_the_units_and_the_target_date(project: Path) -> None:
    release = replace(RELEASE, units=UNITS, name="Memory", owner="mark", target_date=date(2026, 10, 12))
    state = journal(project, Story(opened(release)))
    with closing(SqliteJournal(project / ".goaround" / "journal.sqlite3")) as kept:
        assert kept.read()[0].event == state.opened
    assert goaround(project, "status", "v1.0.0", "--write").exit_code == 0
    text = (project / "releases" / "v1.0.0" / "status.md").read_text()
    assert "| target date | 2026-10-12 |" in text
    assert "| owner | mark |" in text


def test_before_a_release_it_tells_the_units_of_the_manifest(project: Path) -> None:
    manifest = project / "releases" / "v1.0.0" / "manifest.toml"
    manifest.write_text(
        manifest.read_text() + '[[features]]\nid = "FU-9"\nname = "n"\npriority = "P0"\ntests = ["t"]\n'
    )
    done = goaround(project, "status", "v1.0.0", "--write", "--json")
    assert json.loads(done.stdout)["changed"] is True
    assert "| FU-9 | n | planned | `t` |" in (manifest.parent / "status.md").read_text()
    assert not (project / ".goaround").exists()


def test_a_folder_without_a_status_gets_one(project: Path) -> None:
    file = project / "releases" / "v1.0.0" / "status.md"
    file.unlink()
    assert goaround(project, "status", "v1.0.0", "--write").exit_code == 0
    assert file.read_text().startswith(f"# v1.0.0 — status\n\n{BEGIN}\n")


def test_markers_that_are_wrong_change_nothing(project: Path) -> None:
    journal(project, rolled_back())
    file = project / "releases" / "v1.0.0" / "status.md"
    file.write_text(f"{END}\nmine\n{BEGIN}")
    done = goaround(project, "status", "v1.0.0", "--write")
    assert done.exit_code == 9
    assert "now: it is as it was" in done.stderr
    assert file.read_text() == f"{END}\nmine\n{BEGIN}"


def test_a_status_that_cannot_be_written_is_told(project: Path) -> None:
    file = project / "releases" / "v1.0.0" / "status.md"
    file.unlink()
    file.mkdir()
    done = goaround(project, "status", "v1.0.0", "--write")
    assert done.exit_code == 4
    assert "could not be written: Is a directory" in done.stderr


@pytest.mark.parametrize("version", ["v9.9.9", "../v1.0.0", "v1.0.0/"])
def test_where_there_is_no_folder_nothing_is_written(project: Path, version: str) -> None:
    done = goaround(project, "status", version, "--write")
    assert done.exit_code == 9
    assert f"goaround new {version}" in done.stderr


@pytest.mark.parametrize("words", [["--write"], ["v1.0.0", "--write", "--watch"]])
def test_write_wants_one_release(project: Path, words: list[str]) -> None:
    assert goaround(project, "status", *words).exit_code == 2
