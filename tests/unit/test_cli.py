"""The command line: quick help, clear errors, exit codes that mean something, and JSON for programs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.polling import until
from tests.unit.config_examples import FULL
from tests.unit.releases import HELD, Story, opened, taken_back

from goaround.adapters.sqlite_journal import SqliteJournal
from goaround.cli.main import VERBS, cli
from goaround.domain.release import Outcome

HEAVY = ("rich", "pydantic", "httpx", "psycopg", "starlette")


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


def journal(project: Path, *stories: Story) -> None:
    with closing(SqliteJournal(project / ".goaround" / "journal.sqlite3")) as kept:
        for record in sorted((r for story in stories for r in story.records), key=lambda record: record.seq):
            kept.append(record.release, record.event)


def at_sign_off(seq: int = 0) -> Story:
    story = Story(opened(HELD), seq)
    story.until("staging/sign-off")
    return story


# --- help -----------------------------------------------------------------------------------------


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys\nfrom goaround.cli.main import cli\n"
        "try: cli(['--help'], prog_name='goaround')\nexcept SystemExit: pass\n"
        f"print('HEAVY', [name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "HEAVY []"


def test_help_names_every_verb_in_one_line_each() -> None:
    lines = CliRunner().invoke(cli, ["--help"], prog_name="goaround").output
    assert all(f"\n  {verb} " in lines for verb in VERBS)
    assert "Exit codes" in lines


@pytest.mark.parametrize("verb", [*(verb for verb in VERBS if verb != "audit"), "audit verify"])
def test_every_verb_has_help_and_json(verb: str) -> None:
    for flag in ("--help", "-h"):
        done = CliRunner().invoke(cli, [*verb.split(), flag])
        assert done.exit_code == 0
        assert "--json" in done.output
        assert done.output.startswith("Usage: ")


# --- usage and configuration ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ["fly"],
        ["--no-such-option"],
        ["release"],
        ["release", "v1", "v2"],
        ["sign", "--colour", "red"],
        ["refuse"],
        ["abort"],
        ["answer", "rls"],
        ["answer", "rls", "--note", "x", "--severity", "horrible"],
        ["rollback", "--to"],
    ],
)
def test_calls_that_make_no_sense_end_with_2(project: Path, words: list[str]) -> None:
    done = goaround(project, *words)
    assert done.exit_code == 2
    assert "Error" in done.stderr


def test_nobody_cannot_sign(project: Path) -> None:
    journal(project, at_sign_off())
    assert goaround(project, "sign", "--by", "  ").exit_code == 2


MISTAKEN = FULL.replace('owner = "owner"', "owner = 7").replace('start_timeout = "30s"', 'start_timeout = "soon"')


def test_every_mistake_in_the_configuration_is_told_at_once_and_ends_with_3(project: Path) -> None:
    (project / "goaround.toml").write_text(MISTAKEN)
    (project / "releases" / "v1.0.0").mkdir(parents=True)
    (project / "releases" / "v1.0.0" / "manifest.toml").write_text('version = "one"\n')
    done = goaround(project, "check")
    assert done.exit_code == 3
    assert "goaround.toml:3:" in done.stderr
    assert "start_timeout" in done.stderr or "soon" in done.stderr
    assert "manifest.toml:1:" in done.stderr
    assert done.stdout == ""


def test_programs_get_the_mistakes_as_json(project: Path) -> None:
    (project / "goaround.toml").write_text(MISTAKEN)
    done = goaround(project, "check", "--json")
    found = json.loads(done.stdout)
    assert done.exit_code == 3
    assert found["error"] == "ConfigurationError"
    assert len(found["mistakes"]) == 2


@pytest.mark.parametrize("verb", [["check"], ["plan", "v1.0.0"], ["release", "v1.0.0"]])
def test_where_there_is_no_configuration_it_says_so_and_writes_nothing(tmp_path: Path, verb: list[str]) -> None:
    done = goaround(tmp_path, *verb)
    assert done.exit_code == 3
    assert "goaround.toml:1:1: cannot be read" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_configuration_without_mistakes_is_right(project: Path) -> None:
    assert goaround(project, "check").stdout == "goaround.toml and 0 manifests are right\n"


# --- releases that are not there ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["status", "v9.9.9"], "there is no release v9.9.9"),
        (["status", "-w"], "there is no release under way"),
        (["resume"], "there is no release under way"),
        (["resume", "v9.9.9"], "there is no release v9.9.9"),
        (["sign"], "there is no release under way"),
        (["refuse", "--reason", "x"], "there is no release under way"),
        (["abort", "--reason", "x"], "there is no release under way"),
        (["answer", "rls", "--note", "x"], "there is no release under way"),
        (["logs"], "there is no release"),
        (["logs", "v9.9.9"], "there is no release v9.9.9"),
        (["rollback"], "production serves nothing, and what was before it is not known any more"),
    ],
)
def test_what_is_not_there_is_refused_with_9_for_people_and_programs(
    project: Path, words: list[str], what: str
) -> None:
    done = goaround(project, *words)
    assert (done.exit_code, done.stdout) == (9, "")
    assert done.stderr.startswith(f"error: {what}\n  now: ")
    assert "\n  do:  " in done.stderr
    told = goaround(project, *words, "--json")
    assert told.exit_code == 9
    assert json.loads(told.stdout)["what"] == what
    assert set(json.loads(told.stdout)) == {"error", "what", "state", "remedy"}


def test_overview_and_history_of_nothing_are_no_errors(project: Path) -> None:
    assert goaround(project, "status").exit_code == 0
    assert json.loads(goaround(project, "history", "--json").stdout) == []


# --- people's words -------------------------------------------------------------------------------


def test_a_signature_is_given_once_by_somebody_who_may(project: Path) -> None:
    journal(project, at_sign_off())
    refused = goaround(project, "sign", "--by", "stranger")
    assert refused.exit_code == 9
    assert "stranger may not sign for staging" in refused.stderr
    done = goaround(project, "sign", "--by", "second", "--json")
    assert (done.exit_code, json.loads(done.stdout)["step"]) == (0, "v1.0.0/staging/sign-off")
    again = goaround(project, "sign", "--by", "owner")
    assert again.exit_code == 9
    assert "has been signed by second" in again.stderr


def test_without_a_name_the_release_under_way_is_meant_not_the_one_opened_last(project: Path) -> None:
    """A rollback of production was opened and ended while this release waited in staging."""
    waiting = at_sign_off()
    other = Story(opened(HELD), 1000)
    back = Story(taken_back(other.state.opened), waiting.seq)
    back.turns_back()
    back.to_the_end()
    back.closes(Outcome.ROLLED_BACK)
    journal(project, waiting, back)
    assert goaround(project, "sign", "--by", "owner").exit_code == 0


def test_where_two_are_under_way_it_asks_which(project: Path) -> None:
    waiting = at_sign_off()
    journal(project, waiting, Story(taken_back(opened(HELD)), waiting.seq))
    done = goaround(project, "sign", "--by", "owner")
    assert done.exit_code == 2
    assert "name one: v1.0.0, v1.0.0.back" in done.stderr


def test_a_release_that_waits_for_a_signature_is_resumed_into_waiting_with_5(project: Path) -> None:
    journal(project, at_sign_off())
    done = goaround(project, "resume", "--no-wait", "--json")
    assert done.exit_code == 5
    assert json.loads(done.stdout)["says"].startswith("v1.0.0 waits")
    assert "goaround resume v1.0.0" in done.stderr


def test_a_release_that_has_ended_is_resumed_into_its_outcome(project: Path) -> None:
    story = at_sign_off()
    story.released()
    journal(project, story)
    done = goaround(project, "resume", "v1.0.0", "--json")
    assert (done.exit_code, json.loads(done.stdout)["outcome"]) == (0, "released")


def test_status_and_history_tell_people_and_programs_the_same(project: Path) -> None:
    journal(project, at_sign_off())
    assert "v1.0.0 waits: may v1.0.0 go to production?" in goaround(project, "status").stdout
    found = json.loads(goaround(project, "status", "--json").stdout)
    assert found["environments"]["staging"]["serves"]["version"] == "v1.0.0"
    assert found["under_way"][0]["release"] == "v1.0.0"
    assert json.loads(goaround(project, "status", "v1.0.0", "--json").stdout)["version"] == "v1.0.0"
    assert "under way" in goaround(project, "history").stdout


def test_the_journal_is_shown_and_checked(project: Path) -> None:
    journal(project, at_sign_off())
    done = goaround(project, "logs", "--journal")
    count = len(done.stdout.splitlines()) - 1
    assert done.stdout.splitlines()[-1] == f"{count} events, chain intact"
    assert len(json.loads(goaround(project, "logs", "--journal", "--json").stdout)) == count


def test_a_journal_that_cannot_be_read_ends_with_7(project: Path) -> None:
    (project / ".goaround").mkdir()
    (project / ".goaround" / "journal.sqlite3").write_bytes(b"no journal at all " * 100)
    for verb in ("status", "history", "resume"):
        done = goaround(project, verb, "--json")
        assert done.exit_code == 7
        assert json.loads(done.stdout)["error"] == "JournalUnreadable"


# --- detaching ------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_detach_with_130_and_harm_nothing(project: Path, how: signal.Signals) -> None:
    journal(project, at_sign_off())
    # A shell that starts the tests in the background has its children ignore Ctrl-C; here it is as on a terminal.
    listening = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    words = [sys.executable, "-c", f"{listening}; from goaround.__main__ import main; main()"]
    words += ["-C", str(project), "status", "-w"]
    following = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert following.stderr is not None
        assert following.stderr.readline(), "it shows what there is before it waits"
        until(lambda: _listens(following.pid, how), what="the signal to be handled")
        following.send_signal(how)
        _, said = following.communicate(timeout=20)
    finally:
        following.kill()
        following.communicate()
    assert following.returncode == 130
    assert said.splitlines()[-1].startswith("detached; what is under way is recorded")
    assert "goaround resume" in said


def _listens(pid: int, how: signal.Signals) -> bool:
    """Whether the process has a handler for the signal, as the kernel tells it."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(caught & (1 << (how - 1))) and os.getpid() != pid
