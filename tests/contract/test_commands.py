"""Commands run once, end in time, hide secrets, and outlive their controller."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.fakes.commands import FakeCommands, echo
from tests.polling import until

from goaround.adapters.commands import ShimCommands
from goaround.domain.errors import Unavailable
from goaround.outliving import processid
from goaround.outliving.redaction import Redactor
from goaround.ports import Command, Commands, Ended

SECRET = "correct-horse-battery"
KEY = "v1.0.0/production/migrate"


def _command(folder: Path, code: str, key: str = KEY, timeout: float = 30.0, **env: str) -> Command:
    return Command(key, (sys.executable, "-I", "-S", "-c", code), folder, env, timeout, (SECRET,))


def _shell(folder: Path, script: str, key: str = KEY, timeout: float = 30.0) -> Command:
    return Command(key, ("/bin/sh", "-c", script), folder, {"PATH": os.environ["PATH"]}, timeout, (SECRET,))


def _nothing(_offset: int, _text: str) -> None:
    return


@pytest.fixture
def real(tmp_path: Path) -> ShimCommands:
    return ShimCommands(tmp_path / "runs", time.sleep)


@pytest.fixture(params=["real", "fake"])
def commands(request: pytest.FixtureRequest, tmp_path: Path) -> Commands:
    return ShimCommands(tmp_path / "runs", time.sleep) if request.param == "real" else FakeCommands({"*": echo})


def _run_folder(tmp_path: Path) -> Path:
    (found,) = (tmp_path / "runs").iterdir()
    return found


# --- the contract, on the real adapter and on the fake ------------------------------------------


def test_a_command_says_how_it_ended_and_what_it_printed(commands: Commands, tmp_path: Path) -> None:
    ended = commands.run(_command(tmp_path, 'print("äh\\nja")'), _nothing)
    assert (ended.exit_code, ended.timed_out, ended.output) == (0, False, "äh\nja\n")


def test_a_key_is_run_once_and_then_only_told_about(commands: Commands, tmp_path: Path) -> None:
    first = commands.run(_command(tmp_path, 'print("one")'), _nothing)
    assert commands.run(_command(tmp_path, 'print("two")'), _nothing) == first == commands.ended(KEY)
    assert commands.run(_command(tmp_path, 'print("two")', key=KEY + "/2"), _nothing).output == "two\n"


def test_a_key_that_was_never_started_has_not_ended(commands: Commands) -> None:
    assert commands.ended(KEY) is None


def test_output_comes_with_offsets_that_are_the_same_every_time(commands: Commands, tmp_path: Path) -> None:
    first: list[tuple[int, str]] = []
    again: list[tuple[int, str]] = []
    commands.run(_command(tmp_path, 'print("äh\\nja")'), lambda at, text: first.append((at, text)))
    commands.run(_command(tmp_path, 'print("äh\\nja")'), lambda at, text: again.append((at, text)))
    assert first == again == [(0, "äh\n"), (4, "ja\n")]


def test_ending_what_does_not_run_is_fine(commands: Commands, tmp_path: Path) -> None:
    commands.end(KEY)
    ended = commands.run(_command(tmp_path, 'print("one")'), _nothing)
    commands.end(KEY)
    assert commands.ended(KEY) == ended


def test_the_fake_leaves_an_unknown_outcome_where_it_was_cut_off(tmp_path: Path) -> None:
    def cut_off(_command: Command) -> Ended:
        raise KeyboardInterrupt

    fake = FakeCommands({"*": cut_off})
    with pytest.raises(KeyboardInterrupt):
        fake.run(_command(tmp_path, ""), _nothing)
    assert fake.run(_command(tmp_path, ""), _nothing).exit_code is None
    assert fake.keys == [KEY]


# --- how it is run --------------------------------------------------------------------------------


def test_a_command_gets_exactly_the_environment_that_was_declared(real: ShimCommands, tmp_path: Path) -> None:
    command = Command(KEY, ("/usr/bin/env",), tmp_path, {"A": "1", "Ü": "\udce4"}, 10)
    assert real.run(command, _nothing).output == "A=1\nÜ=\ufffd\n"


def test_a_command_takes_signals_as_it_would_in_a_shell(real: ShimCommands, tmp_path: Path) -> None:
    assert real.run(_shell(tmp_path, "yes | head -n 1"), _nothing).output == "y\n"


def test_the_exit_code_is_as_a_shell_says_it(real: ShimCommands, tmp_path: Path) -> None:
    assert real.run(_shell(tmp_path, "exit 7", "a"), _nothing).exit_code == 7
    assert real.run(_shell(tmp_path, "kill -9 $$", "b"), _nothing).exit_code == 137


@pytest.mark.parametrize(
    ("argv", "cwd", "says"),
    [
        (("no-such-program",), ".", "no-such-program: no such program"),
        (("true",), "missing", "the folder"),
        (("/etc/passwd",), ".", "Permission denied"),
        (("tr\0ue",), ".", "embedded null"),
    ],
)
def test_a_program_that_cannot_be_started_is_a_recorded_failure(
    real: ShimCommands, tmp_path: Path, argv: tuple[str, ...], cwd: str, says: str
) -> None:
    ended = real.run(Command(KEY, argv, tmp_path / cwd, {"PATH": "/usr/bin:/bin"}, 10), _nothing)
    assert ended.exit_code == 127
    assert says in ended.output
    assert real.ended(KEY) == ended


def test_keys_that_look_like_paths_stay_in_the_folder_and_apart(real: ShimCommands, tmp_path: Path) -> None:
    keys = ["..", "../..", "a/b", "a%2Fb", "a/b/c", "x" * 300, "x" * 299 + "y", "/etc"]
    for key in keys:
        assert real.run(_shell(tmp_path, "exit 3", key), _nothing).exit_code == 3
    assert len(list((tmp_path / "runs").iterdir())) == len(keys)


def test_bytes_that_are_no_text_are_replaced_and_offsets_stay_bytes(real: ShimCommands, tmp_path: Path) -> None:
    got: list[tuple[int, str]] = []
    code = r"import os; os.write(1, b'\xff\xfe\nend')"
    ended = real.run(_command(tmp_path, code), lambda at, text: got.append((at, text)))
    assert got == [(0, "\ufffd\ufffd\n"), (3, "end")]
    assert ended.output == "\ufffd\ufffd\nend"


def test_a_long_line_is_cut_between_characters(real: ShimCommands, tmp_path: Path) -> None:
    got: list[tuple[int, str]] = []
    real.run(_command(tmp_path, "print('x' + 'ü' * 20000)", LC_ALL="C.UTF-8"), lambda at, text: got.append((at, text)))
    assert "".join(text for _, text in got) == "x" + "ü" * 20000 + "\n"
    assert [at for at, _ in got] == [0, 8191, 16383, 24575, 32767]


def test_only_the_last_64_kib_of_output_are_returned(real: ShimCommands, tmp_path: Path) -> None:
    ended = real.run(_command(tmp_path, "print('a' * 100_000 + 'z')"), _nothing)
    assert len(ended.output) == 64 * 1024
    assert ended.output.endswith("az\n")


def test_output_comes_while_the_command_runs(real: ShimCommands, tmp_path: Path) -> None:
    def on_output(_at: int, text: str) -> None:
        if text == "ready\n":
            (tmp_path / "go").touch()

    ended = real.run(_shell(tmp_path, "echo ready; while [ ! -e go ]; do sleep 0.02; done; echo done"), on_output)
    assert ended.output == "ready\ndone\n"


def test_a_command_that_cannot_be_started_for_want_of_a_disk_was_not_started(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    (runs / "k.run").mkdir()
    (runs / "k.run" / "spec.json").mkdir()  # stands for a disk that does not take the file
    with pytest.raises(Unavailable) as caught:
        ShimCommands(runs, time.sleep).run(_shell(tmp_path, "touch effect", "k"), _nothing)
    assert caught.value.state == "nothing of it was run"
    assert not (tmp_path / "effect").exists()


# --- time-outs and what would escape --------------------------------------------------------------


def test_a_time_out_ends_the_command_and_everything_it_started(real: ShimCommands, tmp_path: Path) -> None:
    script = "echo $$ > a; (setsid sh -c 'echo $$ > b; exec sleep 60' &); sleep 60 & echo $! > c; wait"
    ended = real.run(_shell(tmp_path, script, timeout=0.4), _nothing)
    assert ended.timed_out
    assert ended.exit_code == 143
    assert "timed out after 0.4 s" in ended.output
    assert not any(processid.identity(int((tmp_path / name).read_text())) for name in "abc")


def test_a_command_that_ignores_sigterm_is_killed_after_the_grace(real: ShimCommands, tmp_path: Path) -> None:
    ended = real.run(_shell(tmp_path, "trap '' TERM; while :; do sleep 0.1; done", timeout=0.2), _nothing)
    assert (ended.exit_code, ended.timed_out) == (137, True)
    assert 5.0 <= ended.seconds < 8.0


def test_nothing_that_a_command_left_behind_outlives_it(real: ShimCommands, tmp_path: Path) -> None:
    escape = "(setsid sh -c '(setsid sh -c \"echo \\$\\$ > deep; exec sleep 60\" &) ; echo $$ > far; exec sleep 60' &)"
    script = f"{escape}; sleep 60 & echo $! > near; while [ ! -s deep ] || [ ! -s far ]; do sleep 0.02; done"
    ended = real.run(_shell(tmp_path, script), _nothing)
    assert ended.exit_code == 0
    assert ended.seconds < 10
    assert not any(processid.identity(int((tmp_path / name).read_text())) for name in ("near", "far", "deep"))


# --- secrets --------------------------------------------------------------------------------------


def test_a_secret_is_never_on_disk_nor_in_the_process_table(real: ShimCommands, tmp_path: Path) -> None:
    seen: list[bytes] = []

    def look(_at: int, _text: str) -> None:
        seen.extend(_command_lines())

    halves = SECRET[:7], SECRET[7:]
    code = (
        "import os, sys, time\n"
        "value = os.environ['PASSWORD']\n"
        "print('start', value, flush=True)\n"
        "for piece in (value[:7], value[7:], '\\n'):\n"
        "    os.write(2, piece.encode()); time.sleep(0.05)\n"
    )
    ended = real.run(_command(tmp_path, code, PASSWORD=SECRET), look)
    assert ended.output == "start ***\n***\n"
    assert seen
    everything = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"PASSWORD" in everything
    for piece in (SECRET, *halves):
        assert piece.encode() not in everything
        assert not any(piece.encode() in line for line in seen)


def _command_lines() -> Iterator[bytes]:
    for pid in processid.pids():
        try:
            yield Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue


@pytest.mark.parametrize("size", range(1, 12))
def test_redaction_does_not_depend_on_where_the_pieces_are_cut(size: int) -> None:
    data = b"abcabcdabcde--ab--abcdeabcd abc\xff"
    redactor = Redactor(["abcde", "abcd", "cab", ""])
    pieces = [redactor.feed(data[at : at + size]) for at in range(0, len(data), size)]
    assert b"".join([*pieces, redactor.finish()]) == b"ab***cd***--ab--****** abc\xff"


def test_redaction_shows_at_once_what_cannot_become_a_secret() -> None:
    redactor = Redactor(["secret"])
    assert redactor.feed(b"progress 50% s") == b"progress 50% "
    assert redactor.feed(b"o") == b"so"
    assert redactor.feed(b"secre") + redactor.finish() == b"secre"


# --- kill -9 --------------------------------------------------------------------------------------


def _controller(tmp_path: Path, script: str, timeout: float = 30.0) -> subprocess.Popen[str]:
    program = Path(__file__).with_name("controller.py")
    argv = [sys.executable, str(program), str(tmp_path), "production", KEY, str(timeout), "/bin/sh", "-c", script]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)


def _kill(process: subprocess.Popen[str]) -> None:
    with process:
        process.kill()


WAITS = (  # for 30 seconds at most, so that nothing stays behind when a test fails
    "echo x >> effects; touch began; i=0; while [ ! -e go ] && [ $i -lt 1500 ]; do sleep 0.02; i=$((i+1)); done; "
    "echo finished"
)


def test_a_command_outlives_its_controller_and_a_successor_takes_it_over(real: ShimCommands, tmp_path: Path) -> None:
    controller = _controller(tmp_path, WAITS)
    until((tmp_path / "began").exists)
    _kill(controller)
    (tmp_path / "go").touch()
    ended = real.run(_shell(tmp_path, WAITS), _nothing)
    assert (ended.exit_code, ended.output) == (0, "finished\n")
    assert (tmp_path / "effects").read_text() == "x\n"


def test_a_command_of_a_dead_controller_still_times_out(real: ShimCommands, tmp_path: Path) -> None:
    controller = _controller(tmp_path, WAITS, timeout=0.5)
    until((tmp_path / "began").exists)
    _kill(controller)
    assert real.run(_shell(tmp_path, WAITS), _nothing).timed_out


def _shim(tmp_path: Path) -> int:
    return int(json.loads((_run_folder(tmp_path) / "shim.json").read_text())["pid"])


def test_with_its_shim_killed_the_outcome_is_unknown_and_nothing_is_started_again(
    real: ShimCommands, tmp_path: Path
) -> None:
    controller = _controller(tmp_path, WAITS)
    until((tmp_path / "began").exists)
    os.kill(_shim(tmp_path), signal.SIGKILL)
    assert controller.communicate(timeout=10)[0].split("\n")[1] == "ended None"
    ended = real.run(_shell(tmp_path, WAITS), _nothing)
    assert ended.exit_code is None
    assert real.ended(KEY) == ended
    assert (tmp_path / "effects").read_text() == "x\n"


def test_with_controller_and_shim_killed_the_outcome_is_unknown(real: ShimCommands, tmp_path: Path) -> None:
    controller = _controller(tmp_path, WAITS)
    until((tmp_path / "began").exists)
    _kill(controller)
    os.kill(_shim(tmp_path), signal.SIGKILL)
    assert real.run(_shell(tmp_path, WAITS), _nothing).exit_code is None


def test_what_a_killed_shim_left_behind_is_waited_for_and_ended_after_its_time_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("goaround.adapters.commands._KILL_AFTER_SECONDS", 0.5)
    script = "(setsid sh -c 'echo $$ > far; exec sleep 60' &); " + WAITS
    controller = _controller(tmp_path, script, timeout=1.0)
    until(lambda: (tmp_path / "began").exists() and (tmp_path / "far").exists() and (tmp_path / "far").read_text())
    _kill(controller)
    os.kill(_shim(tmp_path), signal.SIGKILL)
    waits: list[float] = []

    def tick(seconds: float) -> None:
        waits.append(seconds)
        time.sleep(seconds)

    assert ShimCommands(tmp_path / "runs", tick).run(_shell(tmp_path, WAITS), _nothing).exit_code is None
    assert waits
    assert processid.identity(int((tmp_path / "far").read_text())) is None


def test_a_killed_command_is_a_recorded_end(real: ShimCommands, tmp_path: Path) -> None:
    controller = _controller(tmp_path, "echo $$ > pid; " + WAITS)
    until((tmp_path / "began").exists)
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    assert controller.communicate(timeout=10)[0].split("\n")[1] == "ended 137"
    assert real.run(_shell(tmp_path, WAITS), _nothing).exit_code == 137


def test_a_stopping_machine_ends_the_command_in_order_and_records_it(real: ShimCommands, tmp_path: Path) -> None:
    controller = _controller(tmp_path, "trap 'echo tidied; exit 4' TERM; " + WAITS)
    until((tmp_path / "began").exists)
    os.kill(_shim(tmp_path), signal.SIGTERM)
    assert controller.communicate(timeout=10)[0].split("\n")[1] == "ended 4"
    ended = real.run(_shell(tmp_path, ""), _nothing)
    assert (ended.exit_code, ended.timed_out) == (4, False)
    assert ended.output.endswith("tidied\n")


def test_an_end_that_cannot_be_recorded_is_unknown_and_no_success(real: ShimCommands, tmp_path: Path) -> None:
    full = f"for run in '{tmp_path}'/runs/*; do mkdir $run/exit.json; done"  # stands for a full disk
    assert real.run(_shell(tmp_path, full), _nothing).exit_code is None
    assert real.run(_shell(tmp_path, "exit 0"), _nothing).exit_code is None


def test_a_crash_before_the_shim_began_is_proven_to_have_started_nothing(real: ShimCommands, tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "v1.0.0%2Fproduction%2Fmigrate.run"
    folder.mkdir(parents=True)
    (folder / "spec.json").write_text("{}")
    assert real.ended(KEY) is None
    assert real.run(_shell(tmp_path, "exit 0"), _nothing).exit_code == 0


def test_a_record_whose_number_now_belongs_to_a_stranger_is_not_waited_for(real: ShimCommands, tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "v1.0.0%2Fproduction%2Fmigrate.run"
    folder.mkdir(parents=True)
    (folder / "shim.json").write_text(json.dumps({"pid": os.getpid(), "start": 1, "boot": "another", "at": 0.0}))
    assert real.run(_shell(tmp_path, "exit 0"), _nothing).exit_code is None


def test_waiting_that_is_broken_off_leaves_the_command_running(tmp_path: Path) -> None:
    def interrupt(_seconds: float) -> None:
        if (tmp_path / "began").exists():
            raise KeyboardInterrupt
        time.sleep(0.01)

    with pytest.raises(KeyboardInterrupt):
        ShimCommands(tmp_path / "runs", interrupt).run(_shell(tmp_path, WAITS), _nothing)
    (tmp_path / "go").touch()
    assert ShimCommands(tmp_path / "runs", time.sleep).run(_shell(tmp_path, WAITS), _nothing).output == "finished\n"


def _interrupted(tmp_path: Path, script: str, by: str = "began") -> ShimCommands:
    """Commands whose waiting is broken off, again and again, once the file is there."""

    def interrupt(_seconds: float) -> None:
        if not by or (tmp_path / by).exists():
            raise KeyboardInterrupt
        time.sleep(0.01)

    commands = ShimCommands(tmp_path / "runs", interrupt)
    with pytest.raises(KeyboardInterrupt):
        commands.run(_shell(tmp_path, script), _nothing)
    return commands


def test_a_command_that_is_ended_gets_to_tidy_up_and_its_end_is_recorded(tmp_path: Path) -> None:
    commands = _interrupted(tmp_path, "trap 'echo tidied; exit 4' TERM; " + WAITS)
    commands.end(KEY)
    ended = commands.ended(KEY)
    assert ended is not None
    assert (ended.exit_code, ended.timed_out) == (4, False)
    assert ended.output.endswith("tidied\n")


def test_a_command_that_is_frozen_with_its_shim_is_ended_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("goaround.adapters.commands._SHIM_ENDS_WITHIN_SECONDS", 0.2)
    commands = _interrupted(tmp_path, WAITS)
    os.kill(_shim(tmp_path), signal.SIGSTOP)
    commands.end(KEY)
    ended = commands.ended(KEY)
    assert ended is not None
    assert ended.exit_code is None


def test_a_command_that_is_ended_before_its_shim_began_leaves_nothing_alive(tmp_path: Path) -> None:
    commands = _interrupted(tmp_path, WAITS, by="")
    commands.end(KEY)
    ended = commands.ended(KEY)
    assert ended is None or ended.exit_code in (None, 143)
    assert processid.lock_holders(str(_run_folder(tmp_path) / "lock")) == []


def test_what_a_killed_shim_left_behind_is_ended_too(tmp_path: Path) -> None:
    stray = "(setsid sh -c 'echo $$ > far; exec sleep 30' &); while [ ! -s far ]; do sleep 0.02; done; "
    commands = _interrupted(tmp_path, stray + WAITS)
    os.kill(_shim(tmp_path), signal.SIGKILL)
    far = int((tmp_path / "far").read_text())
    assert processid.identity(far) is not None
    commands.end(KEY)
    assert processid.identity(far) is None
    ended = commands.ended(KEY)
    assert ended is not None
    assert ended.exit_code is None
