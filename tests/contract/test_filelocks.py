"""One controller per environment, whatever is killed, frozen or left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.fakes.clock import START
from tests.fakes.locks import FakeLocks
from tests.polling import until

from goaround.adapters.filelocks import FileLocks
from goaround.domain.errors import Locked, Unavailable
from goaround.outliving import processid
from goaround.ports import Holder, Locks

ENVIRONMENT = "production"
Started = Callable[..., "subprocess.Popen[str]"]


def _locks(tmp_path: Path, orphan_seconds: float = 30.0) -> FileLocks:
    return FileLocks(tmp_path / "locks", time.sleep, orphan_seconds=orphan_seconds)


@pytest.fixture
def locks(tmp_path: Path) -> FileLocks:
    return _locks(tmp_path)


@pytest.fixture(params=["real", "fake"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Locks:
    return _locks(tmp_path) if request.param == "real" else FakeLocks()


@pytest.fixture
def controller(tmp_path: Path) -> Iterator[Started]:
    """Starts controllers that hold ``production``, and ends them."""
    started: list[subprocess.Popen[str]] = []

    def start(*argv: str, timeout: float = 30.0) -> subprocess.Popen[str]:
        program = str(Path(__file__).with_name("controller.py"))
        words = [sys.executable, program, str(tmp_path), ENVIRONMENT, "v1.0.0/production/migrate", str(timeout), *argv]
        started.append(subprocess.Popen(words, stdout=subprocess.PIPE, text=True))
        assert started[-1].stdout is not None
        assert started[-1].stdout.readline() == "held\n"
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def _sleeping(tmp_path: Path) -> tuple[str, ...]:
    """A command that runs until the file ``go`` is there, for 30 seconds at most."""
    waits = "i=0; while [ ! -e go ] && [ $i -lt 1500 ]; do sleep 0.02; i=$((i+1)); done"
    return "/bin/sh", "-c", f"cd '{tmp_path}'; echo $$ > pid; touch began; {waits}"


# --- the contract, on the real adapter and on the fake ------------------------------------------


def test_an_environment_is_held_for_as_long_as_it_is_used(either: Locks) -> None:
    assert either.holder(ENVIRONMENT) is None
    with either.hold(ENVIRONMENT, "controller of v1.0.0"):
        holder = either.holder(ENVIRONMENT)
        assert holder is not None
        assert holder.what == "controller of v1.0.0"
        assert either.holder("staging") is None
    assert either.holder(ENVIRONMENT) is None


def test_what_is_held_can_be_held_again_by_the_same(either: Locks) -> None:
    with either.hold(ENVIRONMENT, "controller of v1.0.0"):
        with either.hold(ENVIRONMENT, "inner"):
            pass
        assert either.holder(ENVIRONMENT) is not None
    assert either.holder(ENVIRONMENT) is None


def test_an_environment_is_let_go_when_its_use_fails(either: Locks) -> None:
    with pytest.raises(ZeroDivisionError), either.hold(ENVIRONMENT, "controller"):
        raise ZeroDivisionError
    assert either.holder(ENVIRONMENT) is None


def test_the_fake_refuses_what_somebody_else_holds_until_it_is_taken_over() -> None:
    fake = FakeLocks()
    fake.others[ENVIRONMENT] = Holder(7, "controller of v0.9.0", START)
    with pytest.raises(Locked), fake.hold(ENVIRONMENT, "controller of v1.0.0"):
        pass
    assert not fake.take_over(ENVIRONMENT, 30)
    fake.hung.add(ENVIRONMENT)
    assert fake.take_over(ENVIRONMENT, 30)
    with fake.hold(ENVIRONMENT, "controller of v1.0.0"):
        fake.beat()


# --- two controllers ------------------------------------------------------------------------------


def test_a_second_controller_is_told_who_holds_the_environment(locks: FileLocks, controller: Started) -> None:
    first = controller()
    with pytest.raises(Locked) as caught, locks.hold(ENVIRONMENT, "controller of v1.0.1"):
        pass
    assert f"held by controller of v1.0.0 (pid {first.pid}" in caught.value.what
    assert caught.value.state == "nothing was changed"
    with locks.hold("staging", "controller of v1.0.1"):
        pass


def test_a_dead_controller_holds_nothing(locks: FileLocks, controller: Started) -> None:
    first = controller()
    first.kill()
    first.wait()
    with locks.hold(ENVIRONMENT, "controller of v1.0.1"):
        holder = locks.holder(ENVIRONMENT)
        assert holder is not None
        assert (holder.pid, holder.what) == (os.getpid(), "controller of v1.0.1")


def test_of_two_objects_in_one_process_only_one_holds(tmp_path: Path) -> None:
    with (
        _locks(tmp_path).hold(ENVIRONMENT, "one"),
        pytest.raises(Locked, match="held by one"),
        _locks(tmp_path).hold(ENVIRONMENT, "two"),
    ):
        pass


def test_a_lock_file_that_was_removed_is_made_anew_and_guards_again(tmp_path: Path, locks: FileLocks) -> None:
    with locks.hold(ENVIRONMENT, "one"):
        pass
    (tmp_path / "locks" / "production.lock").unlink()
    with locks.hold(ENVIRONMENT, "one"), pytest.raises(Locked), _locks(tmp_path).hold(ENVIRONMENT, "two"):
        pass


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "locks").touch()
    with pytest.raises(Unavailable, match="cannot be opened"), _locks(tmp_path).hold(ENVIRONMENT, "one"):
        pass


def test_a_lock_that_cannot_be_signed_is_let_go(tmp_path: Path, locks: FileLocks) -> None:
    (tmp_path / "locks" / "production.json").mkdir(parents=True)  # stands for a full disk
    with pytest.raises(Unavailable, match="could not be signed"), locks.hold(ENVIRONMENT, "one"):
        pass
    (tmp_path / "locks" / "production.json").rmdir()
    with _locks(tmp_path).hold(ENVIRONMENT, "two"):
        pass


# --- commands of a dead controller ----------------------------------------------------------------


def test_a_command_of_a_dead_controller_is_waited_for(tmp_path: Path, controller: Started) -> None:
    first = controller(*_sleeping(tmp_path))
    until((tmp_path / "began").exists)
    first.kill()
    first.wait()
    said: list[str] = []

    def on_wait(sentence: str) -> None:
        holder = _locks(tmp_path).holder(ENVIRONMENT)
        assert holder is not None
        said.extend([sentence, holder.what])
        (tmp_path / "go").touch()

    waiting = FileLocks(tmp_path / "locks", time.sleep, on_wait)
    with waiting.hold(ENVIRONMENT, "controller of v1.0.0"):
        assert (tmp_path / "go").exists(), "it did not wait"
    assert "command v1.0.0/production/migrate" in said[0]
    assert said[1] == "command v1.0.0/production/migrate"


def test_a_command_holds_the_environment_even_if_its_shim_is_killed_too(tmp_path: Path, controller: Started) -> None:
    stray = f"(setsid sh -c 'echo $$ > {tmp_path}/stray; exec sleep 60' &); "
    shell, flag, script = _sleeping(tmp_path)
    first = controller(shell, flag, stray + script)
    until(lambda: (tmp_path / "began").exists() and (tmp_path / "stray").exists())
    pid = int(until((tmp_path / "stray").read_text))
    shim = _locks(tmp_path).holder(ENVIRONMENT)
    assert shim is not None
    first.kill()
    first.wait()
    shim = _locks(tmp_path).holder(ENVIRONMENT)
    assert shim is not None
    os.kill(shim.pid, signal.SIGKILL)
    until(lambda: processid.identity(shim.pid) is None)
    left = f"process {pid} (sleep), left behind by a command"
    until(lambda: (holder := _locks(tmp_path).holder(ENVIRONMENT)) and holder.what == left)
    began = time.monotonic()
    with _locks(tmp_path, orphan_seconds=0.6).hold(ENVIRONMENT, "controller of v1.0.0"):
        assert time.monotonic() - began >= 0.6
        assert processid.identity(pid) is None


def test_a_controller_that_lets_go_does_not_take_the_lock_from_its_commands(locks: FileLocks) -> None:
    with locks.hold(ENVIRONMENT, "one"):
        command = subprocess.Popen(["sleep", "60"], pass_fds=locks.inherited_fds())
    holder = locks.holder(ENVIRONMENT)
    assert holder is not None
    assert holder.pid == command.pid
    command.kill()
    command.wait()
    assert locks.holder(ENVIRONMENT) is None
    assert locks.inherited_fds() == ()


def test_other_children_do_not_inherit_the_lock(locks: FileLocks) -> None:
    with locks.hold(ENVIRONMENT, "one"):
        child = subprocess.Popen(["sleep", "60"], close_fds=False)
    try:
        assert locks.holder(ENVIRONMENT) is None
    finally:
        child.kill()
        child.wait()


# --- a controller that hangs ----------------------------------------------------------------------


def test_a_frozen_controller_is_ended_and_one_that_beats_is_not(locks: FileLocks, controller: Started) -> None:
    first = controller()
    assert not locks.take_over(ENVIRONMENT, 0.5)
    first.send_signal(signal.SIGSTOP)
    until(
        lambda: (held := locks.holder(ENVIRONMENT)) and (START.now(held.alive_at.tzinfo) - held.alive_at).seconds >= 1
    )
    assert locks.take_over(ENVIRONMENT, 1.0)
    assert first.wait(timeout=10) == -signal.SIGKILL
    assert not locks.take_over(ENVIRONMENT, 0.0)
    with locks.hold(ENVIRONMENT, "controller of v1.0.1"):
        pass


def test_a_controller_that_wakes_up_in_time_is_left_alone(tmp_path: Path, controller: Started) -> None:
    first = controller()
    first.send_signal(signal.SIGSTOP)
    os.utime(tmp_path / "locks" / "production.beat", (0, 0))

    def tick(seconds: float) -> None:
        first.send_signal(signal.SIGCONT)
        time.sleep(seconds)

    locks = FileLocks(tmp_path / "locks", tick)
    assert not locks.take_over(ENVIRONMENT, 0.5)
    assert first.poll() is None


def test_a_controller_that_let_go_is_not_ended_however_long_it_is_silent(tmp_path: Path, locks: FileLocks) -> None:
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        with locks.hold(ENVIRONMENT, "one"):
            pass
        who = processid.identity(stranger.pid)
        assert who is not None
        (tmp_path / "locks" / "production.json").write_text(json.dumps({**who._asdict(), "what": "one"}))
        os.utime(tmp_path / "locks" / "production.beat", (0, 0))
        assert not locks.take_over(ENVIRONMENT, 0.1)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.parametrize("wrong", [{"start": 1}, {"boot": "another"}])
def test_a_stranger_with_the_number_of_the_holder_is_not_ended(
    tmp_path: Path, locks: FileLocks, wrong: dict[str, object]
) -> None:
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        with _locks(tmp_path).hold(ENVIRONMENT, "one"):
            who = processid.identity(stranger.pid)
            assert who is not None
            record = {**who._asdict(), "what": "one", **wrong}
            (tmp_path / "locks" / "production.json").write_text(json.dumps(record))
            os.utime(tmp_path / "locks" / "production.beat", (0, 0))
            assert not locks.take_over(ENVIRONMENT, 0.1)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_controller_never_ends_itself(tmp_path: Path) -> None:
    with _locks(tmp_path).hold(ENVIRONMENT, "one"):
        os.utime(tmp_path / "locks" / "production.beat", (0, 0))
        assert not _locks(tmp_path).take_over(ENVIRONMENT, 0.1)


def test_commands_of_an_ended_controller_run_on_and_are_waited_for(tmp_path: Path, controller: Started) -> None:
    first = controller(*_sleeping(tmp_path))
    until((tmp_path / "began").exists)
    first.send_signal(signal.SIGSTOP)
    os.utime(tmp_path / "locks" / "production.beat", (0, 0))
    locks = FileLocks(tmp_path / "locks", time.sleep, lambda _sentence: (tmp_path / "go").touch())
    assert locks.take_over(ENVIRONMENT, 5.0)
    assert processid.identity(int((tmp_path / "pid").read_text())) is not None
    with locks.hold(ENVIRONMENT, "controller of v1.0.1"):
        assert processid.identity(int((tmp_path / "pid").read_text())) is None


def test_a_beat_does_not_depend_on_the_time_of_day(locks: FileLocks, monkeypatch: pytest.MonkeyPatch) -> None:
    with locks.hold(ENVIRONMENT, "one"):
        monkeypatch.setattr(time, "time", lambda: 9e9)
        locks.beat()
        holder = locks.holder(ENVIRONMENT)
        assert holder is not None
        assert abs((holder.alive_at - START.now(holder.alive_at.tzinfo)).total_seconds()) < 5
