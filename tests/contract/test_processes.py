"""Services outlive their controller, come back after their death, and are never there twice."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from tests.fakes.runtime import FakeRuntime
from tests.polling import until

from goaround.adapters.processes import SupervisedProcesses
from goaround.adapters.supervisor import next_pause
from goaround.domain.errors import Refused, Unavailable
from goaround.outliving import processid, rotatedlog
from goaround.ports import ProcessSpec, ProcessState, Runtime

NAME = "production/blue"
SECRET = "correct-horse-battery"


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[SupervisedProcesses]:
    made = SupervisedProcesses(tmp_path / "run", time.sleep)
    yield made
    made.stop(NAME)


@pytest.fixture(params=["real", "fake"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Runtime]:
    made: Runtime = SupervisedProcesses(tmp_path / "run", time.sleep) if request.param == "real" else FakeRuntime()
    yield made
    made.stop(NAME)


def _spec(folder: Path, script: str = "exec sleep 60", token: str = "v1") -> ProcessSpec:
    env = {"PATH": os.environ["PATH"], "PASSWORD": SECRET}
    return ProcessSpec(token, ("/bin/sh", "-c", script), folder, env, (SECRET,), stop_grace_seconds=5.0)


def _pid(state: ProcessState | None) -> int:
    assert state is not None
    assert state.pid is not None
    return state.pid


def _supervisor(state: ProcessState | None) -> int:
    assert state is not None
    assert state.supervisor_pid is not None
    return state.supervisor_pid


def _folder(tmp_path: Path) -> Path:
    (found,) = (tmp_path / "run").iterdir()
    return found


# --- the contract, on the real adapter and on the fake ------------------------------------------


def test_a_process_that_was_started_runs_until_it_is_stopped(either: Runtime, tmp_path: Path) -> None:
    assert either.state(NAME) is None
    started = either.start(NAME, _spec(tmp_path))
    assert (started.token, started.running, started.deaths) == ("v1", True, 0)
    assert either.state(NAME) == started
    assert either.state("production/green") is None
    either.stop(NAME)
    assert either.state(NAME) is None


def test_starting_what_runs_already_changes_nothing(either: Runtime, tmp_path: Path) -> None:
    assert either.start(NAME, _spec(tmp_path)) == either.start(NAME, _spec(tmp_path))


def test_another_version_does_not_replace_one_that_runs(either: Runtime, tmp_path: Path) -> None:
    started = either.start(NAME, _spec(tmp_path))
    with pytest.raises(Refused):
        either.start(NAME, _spec(tmp_path, token="v2"))
    assert either.state(NAME) == started


def test_stopping_what_does_not_run_is_fine(either: Runtime) -> None:
    either.stop(NAME)
    assert either.log(NAME) == ""


def test_the_fake_counts_deaths_and_refuses_to_start_what_is_broken(tmp_path: Path) -> None:
    fake = FakeRuntime()
    fake.broken = {"v2"}
    with pytest.raises(Unavailable):
        fake.start(NAME, _spec(tmp_path, token="v2"))
    fake.start(NAME, _spec(tmp_path))
    fake.die(NAME, 3, comes_back=False)
    state = fake.state(NAME)
    assert state is not None
    assert (state.deaths, state.last_exit, state.running, state.pid) == (1, 3, False, None)
    fake.kill_supervisor(NAME)
    assert fake.state(NAME) is None


# --- starting ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "says"), [(("no-such-program",), "no such program"), (("/etc/passwd",), "Permission")]
)
def test_what_cannot_be_started_is_said_and_leaves_nothing(
    runtime: SupervisedProcesses, tmp_path: Path, argv: tuple[str, ...], says: str
) -> None:
    with pytest.raises(Unavailable, match=says):
        runtime.start(NAME, ProcessSpec("v1", argv, tmp_path, {"PATH": "/usr/bin:/bin"}))
    assert runtime.state(NAME) is None


def test_a_full_disk_is_said_and_leaves_nothing(runtime: SupervisedProcesses, tmp_path: Path) -> None:
    folder = tmp_path / "run" / "production%2Fblue.run"
    (folder / "record.json").mkdir(parents=True)  # stands for a disk that does not take the record
    with pytest.raises(Unavailable):
        runtime.start(NAME, _spec(tmp_path, "echo $$ > pid; exec sleep 60"))
    pids = [int((tmp_path / "pid").read_text())] if (tmp_path / "pid").exists() else []
    assert not any(processid.identity(pid) for pid in pids)
    (folder / "record.json").rmdir()
    assert runtime.start(NAME, _spec(tmp_path)).running


def test_a_process_gets_exactly_the_declared_environment_and_its_own_folder(
    runtime: SupervisedProcesses, tmp_path: Path
) -> None:
    spec = ProcessSpec("v1", ("/bin/sh", "-c", "/usr/bin/env; pwd; exec /bin/sleep 60"), tmp_path, {"A": "1"})
    runtime.start(NAME, spec)
    until(lambda: str(tmp_path) in runtime.log(NAME))
    assert set(runtime.log(NAME).splitlines()) == {"A=1", f"PWD={tmp_path}", str(tmp_path)}


def test_no_secret_is_on_disk_or_in_the_process_table(runtime: SupervisedProcesses, tmp_path: Path) -> None:
    script = f'printf "%s" "{SECRET[:6]}"; printf "%s\\n" "$(echo $PASSWORD | cut -c 7-)"; exec sleep 60'
    runtime.start(NAME, _spec(tmp_path, script.replace(SECRET[:6], "$(echo $PASSWORD | cut -c 1-6)")))
    until(lambda: runtime.log(NAME) == "***\n")
    everything = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for pid in processid.pids():
        try:
            everything += Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
    assert SECRET.encode() not in everything
    assert SECRET[6:].encode() not in everything


# --- outliving the controller -----------------------------------------------------------------------

CONTROLLER = """
import sys, time
from pathlib import Path
from goaround.adapters.filelocks import FileLocks
from goaround.adapters.processes import SupervisedProcesses
from goaround.ports import ProcessSpec
folder = Path(sys.argv[1])
locks = FileLocks(folder / "locks", time.sleep)
with locks.hold("production", "controller of v1"):
    spec = ProcessSpec("v1", ("/bin/sleep", "60"), folder, {})
    print(SupervisedProcesses(folder / "run", time.sleep).start("production/blue", spec).pid, flush=True)
    time.sleep(60)
"""


def test_a_process_outlives_its_controller_and_does_not_hold_its_lock(
    runtime: SupervisedProcesses, tmp_path: Path
) -> None:
    argv = [sys.executable, "-c", CONTROLLER, str(tmp_path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, start_new_session=True) as controller:
        assert controller.stdout is not None
        pid = int(controller.stdout.readline())
        os.killpg(controller.pid, signal.SIGKILL)
    state = runtime.state(NAME)
    assert _pid(state) == pid
    assert processid.lock_holders(str(tmp_path / "locks" / "production.lock")) == []
    assert runtime.start(NAME, _spec(tmp_path)) == state


# --- death and back-off ------------------------------------------------------------------------------


def test_a_process_that_was_killed_comes_back_and_its_death_is_counted(
    runtime: SupervisedProcesses, tmp_path: Path
) -> None:
    first = _pid(runtime.start(NAME, _spec(tmp_path)))
    os.kill(first, signal.SIGKILL)
    state = until(lambda: (now := runtime.state(NAME)) and now.running and now.deaths and now)
    assert isinstance(state, ProcessState)
    assert (state.deaths, state.last_exit) == (1, 137)
    assert _pid(state) != first
    assert "died with 137" in runtime.log(NAME)


def test_a_process_that_dies_at_once_is_started_ever_more_slowly(runtime: SupervisedProcesses, tmp_path: Path) -> None:
    runtime.start(NAME, _spec(tmp_path, "date +%s.%N >> births; exit 3"))
    births = until(lambda: len(lines := (tmp_path / "births").read_text().split()) >= 4 and lines)
    assert isinstance(births, list)
    first, second, third = (float(b) - float(a) for a, b in pairwise(births[:4]))
    assert 0.2 <= first < second < third
    assert third >= 0.8
    runtime.stop(NAME)  # in the middle of a pause
    assert runtime.state(NAME) is None


def test_the_pause_grows_to_five_seconds_and_starts_over_after_a_steady_life() -> None:
    pauses = [0.0]
    for _ in range(5000):
        pauses.append(next_pause(pauses[-1], 0.01))
    assert pauses[1:8] == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    assert set(pauses[7:]) == {5.0}
    assert next_pause(5.0, 30.0) == 0.2


def test_a_program_that_vanished_counts_as_dying(runtime: SupervisedProcesses, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o700)
    pid = _pid(runtime.start(NAME, ProcessSpec("v1", (str(program),), tmp_path, {"PATH": "/usr/bin:/bin"})))
    program.unlink()
    os.kill(pid, signal.SIGKILL)
    state = until(lambda: (now := runtime.state(NAME)) and now.deaths >= 2 and now)
    assert isinstance(state, ProcessState)
    assert (state.running, state.last_exit) == (False, 127)
    assert "no such program" in runtime.log(NAME)


def test_workers_of_a_dead_process_are_ended_before_the_next_is_started(
    runtime: SupervisedProcesses, tmp_path: Path
) -> None:
    script = "(setsid sh -c 'echo $$ >> workers; exec sleep 60' &); sleep 60 & echo $! >> workers; wait"
    pid = _pid(runtime.start(NAME, _spec(tmp_path, script)))
    workers = until(lambda: len(words := (tmp_path / "workers").read_text().split()) == 2 and words)
    assert isinstance(workers, list)
    os.kill(pid, signal.SIGKILL)
    until(lambda: (state := runtime.state(NAME)) and state.deaths == 1 and state.running)
    assert not any(processid.identity(int(worker)) for worker in workers)


# --- stopping -----------------------------------------------------------------------------------------


def test_stopping_gives_the_process_its_grace(runtime: SupervisedProcesses, tmp_path: Path) -> None:
    ready = "trap 'echo drained; exit 0' TERM; echo ready; while :; do sleep 0.05; done"
    runtime.start(NAME, _spec(tmp_path, ready))
    until(lambda: "ready" in runtime.log(NAME))
    runtime.stop(NAME)
    assert "drained" in runtime.log(NAME)
    record = json.loads((_folder(tmp_path) / "record.json").read_text())
    assert (record["stopped"], record["last_exit"], record["deaths"]) == (True, 0, 0)


def test_after_the_grace_the_whole_group_is_killed_and_what_escaped_it(
    runtime: SupervisedProcesses, tmp_path: Path
) -> None:
    script = (
        "trap '' TERM; (setsid sh -c 'echo $$ > far; exec sleep 60' &); echo $$ > near; while :; do sleep 0.05; done"
    )
    supervisor = _supervisor(runtime.start(NAME, replace(_spec(tmp_path, script), stop_grace_seconds=0.3)))
    pids = [int(until((tmp_path / name).read_text)) for name in _there(tmp_path, "near", "far")]
    runtime.stop(NAME)
    assert not any(processid.identity(pid) for pid in [*pids, supervisor])
    record = json.loads((_folder(tmp_path) / "record.json").read_text())
    assert (record["stopped"], record["last_exit"]) == (True, 137), "not the supervisor ended it"


def _there(folder: Path, *names: str) -> tuple[str, ...]:
    until(lambda: all((folder / name).exists() for name in names))
    return names


def test_a_frozen_process_and_a_frozen_supervisor_can_be_stopped(
    runtime: SupervisedProcesses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("goaround.adapters.processes._KILL_SECONDS", 0.2)
    state = runtime.start(NAME, replace(_spec(tmp_path), stop_grace_seconds=0.1))
    for pid in (_pid(state), _supervisor(state)):
        os.kill(pid, signal.SIGSTOP)
    runtime.stop(NAME)
    assert processid.identity(_pid(state)) is None
    assert processid.identity(_supervisor(state)) is None


# --- a killed supervisor --------------------------------------------------------------------------------


def test_with_its_supervisor_killed_the_process_dies_too(runtime: SupervisedProcesses, tmp_path: Path) -> None:
    state = runtime.start(NAME, _spec(tmp_path))
    os.kill(_supervisor(state), signal.SIGKILL)
    until(lambda: processid.identity(_pid(state)) is None)
    assert runtime.state(NAME) is None


@pytest.mark.parametrize("escape", ["", "setsid "])
def test_what_a_killed_supervisor_left_behind_is_ended_before_a_new_start(
    runtime: SupervisedProcesses, tmp_path: Path, escape: str
) -> None:
    script = f"{escape}sh -c 'echo $$ > worker; exec sleep 60' & while :; do sleep 0.05; done"
    state = runtime.start(NAME, _spec(tmp_path, script))
    _there(tmp_path, "worker")
    worker = int(until((tmp_path / "worker").read_text))
    os.kill(_supervisor(state), signal.SIGKILL)
    until(lambda: runtime.state(NAME) is None)
    assert processid.identity(worker) is not None
    assert runtime.start(NAME, _spec(tmp_path, token="v2")).token == "v2"
    assert processid.identity(worker) is None


def test_a_worker_that_let_go_of_every_file_is_still_found_by_its_group(
    runtime: SupervisedProcesses, tmp_path: Path
) -> None:
    code = "import os, time; os.closerange(3, 256); open('worker', 'w').write(str(os.getpid())); time.sleep(60)"
    script = f'{sys.executable} -I -S -c "{code}" & while :; do sleep 0.05; done'
    state = runtime.start(NAME, _spec(tmp_path, script))
    _there(tmp_path, "worker")
    worker = int(until((tmp_path / "worker").read_text))
    os.kill(_supervisor(state), signal.SIGKILL)
    until(lambda: runtime.state(NAME) is None)
    runtime.stop(NAME)
    assert processid.identity(worker) is None


@pytest.mark.parametrize("wrong", [{"start": 1}, {"boot": "another"}])
def test_a_record_whose_numbers_belong_to_strangers_now_is_not_adopted_nor_are_they_ended(
    runtime: SupervisedProcesses, tmp_path: Path, wrong: dict[str, object]
) -> None:
    runtime.start(NAME, _spec(tmp_path))
    runtime.stop(NAME)
    path = _folder(tmp_path) / "record.json"
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as stranger:
        who = processid.identity(stranger.pid)
        assert who is not None
        other = {**who._asdict(), **wrong}
        record = json.loads(path.read_text()) | {"stopped": False, "supervisor": other, "service": other}
        path.write_text(json.dumps(record))
        assert runtime.state(NAME) is None
        runtime.stop(NAME)
        path.write_text(json.dumps(record))
        assert runtime.start(NAME, _spec(tmp_path, token="v2")).token == "v2"
        assert stranger.poll() is None
        stranger.kill()


def test_without_its_record_a_living_supervisor_is_replaced_and_not_doubled(
    runtime: SupervisedProcesses, tmp_path: Path
) -> None:
    first = runtime.start(NAME, _spec(tmp_path))
    (_folder(tmp_path) / "record.json").write_text("torn")
    second = runtime.start(NAME, _spec(tmp_path))
    assert _pid(second) != _pid(first)
    assert processid.identity(_pid(first)) is None
    assert processid.identity(_supervisor(first)) is None


# --- the log -----------------------------------------------------------------------------------------


def test_the_log_is_read_across_rotations_and_old_files_go(runtime: SupervisedProcesses, tmp_path: Path) -> None:
    script = "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done; echo end; exec sleep 60"
    runtime.start(NAME, replace(_spec(tmp_path, script), log_max_bytes=4003, log_files=3))
    until(lambda: runtime.log(NAME, 1) == "end\n")
    files = [Path(path) for path in rotatedlog.files(str(_folder(tmp_path)))]
    assert len(files) == 3
    assert all(path.stat().st_size <= 4013 for path in files)
    assert int(files[-1].suffix[1:]) > 3
    assert all(path.read_bytes().startswith(b"line ") and path.read_bytes().endswith(b"\n") for path in files)
    lines = runtime.log(NAME, 500).splitlines()
    assert lines[:-1] == [f"line {i}" for i in range(2501, 3000)]
    assert str(files[0]).startswith(str(runtime.log_path(NAME)))


def test_a_burst_that_is_larger_than_any_pipe_is_logged_whole(runtime: SupervisedProcesses, tmp_path: Path) -> None:
    code = "import time; print(*(f'{i:07}' for i in range(500_000)), sep='\\n', flush=True); time.sleep(60)"
    runtime.start(
        NAME, ProcessSpec("v1", (sys.executable, "-I", "-S", "-c", code), tmp_path, {}, log_max_bytes=1_000_000)
    )
    until(lambda: runtime.log(NAME, 1) == "0499999\n", 20)
    numbers = [line for path in rotatedlog.files(str(_folder(tmp_path))) for line in Path(path).read_text().split()]
    assert numbers == [f"{i:07}" for i in range(500_000)]


def test_a_line_that_a_kill_cut_off_does_not_run_into_the_next(tmp_path: Path) -> None:
    rotatedlog.RotatedLog(str(tmp_path), 1000, 3).write(b"whole\ncut o")
    log = rotatedlog.RotatedLog(str(tmp_path), 1000, 3)
    log.write(b"next")
    log.say("service died")
    assert rotatedlog.tail(str(tmp_path), 10) == "whole\ncut o\nnext\ngoaround: service died\n"


def test_a_line_without_end_does_not_fill_the_disk(tmp_path: Path) -> None:
    log = rotatedlog.RotatedLog(str(tmp_path), 1000, 3)
    for _ in range(100):
        log.write(b"x" * 500)
    assert sum(Path(path).stat().st_size for path in rotatedlog.files(str(tmp_path))) <= 3 * 2500


def test_lines_that_a_full_disk_cost_are_owned_up_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = rotatedlog.RotatedLog(str(tmp_path), 1000, 3)

    def full(_fd: int, _content: bytes) -> None:
        raise OSError(28, "No space left on device")

    log.write(b"before\n")
    with monkeypatch.context() as disk:
        disk.setattr("goaround.outliving.durable.write_all", full)
        log.write(b"lost\n")
    log.write(b"after\n")
    assert rotatedlog.tail(str(tmp_path), 10) == "before\n\ngoaround: 5 bytes of this log were lost\nafter\n"


# --- the heartbeat --------------------------------------------------------------------------------------


def test_the_heartbeat_comes_every_second_even_if_it_is_never_answered(
    runtime: SupervisedProcesses, tmp_path: Path
) -> None:
    beats: list[tuple[float, bytes]] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            silent = []
            for answered in (True, False, True):
                connection, _ = server.accept()
                connection.settimeout(5)
                beats.append((time.monotonic(), connection.recv(1000)))
                if answered:
                    connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
                    connection.close()
                else:
                    silent.append(connection)
            for connection in silent:
                connection.close()

        listener = threading.Thread(target=listen)
        listener.start()
        port = server.getsockname()[1]
        url = f"http://127.0.0.1:{port}/beat"
        spec = ProcessSpec("v1", ("/bin/sleep", "60"), tmp_path, {}, heartbeat_url=url)
        supervisor = _supervisor(runtime.start(NAME, spec))
        listener.join(10)
        assert _cpu_ticks(supervisor) < 20, "it spins"
    assert [words for _, words in beats] == [f"GET /beat HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()] * 3
    assert all(0.8 < later - earlier < 2.0 for (earlier, _), (later, _) in pairwise(beats))


def test_a_heartbeat_that_nobody_hears_costs_next_to_nothing(runtime: SupervisedProcesses, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/beat"
    spec = ProcessSpec(
        "v1", ("/bin/sh", "-c", "sleep 1.5; echo done; sleep 60"), tmp_path, {"PATH": "/bin"}, heartbeat_url=url
    )
    supervisor = _supervisor(runtime.start(NAME, spec))
    before = _cpu_ticks(supervisor)
    until(lambda: runtime.log(NAME) == "done\n")
    assert _cpu_ticks(supervisor) - before < 20, "it spins"


def _cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
