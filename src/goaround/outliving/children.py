"""Starting a child process, and ending all that has come of it; standard library only.

Used by the shim and the supervisor, which are single-threaded, so forking is safe in them.
"""

# Pathlib takes as long to import as everything else here together.
# ruff: noqa: PTH100, PTH112, PTH120, PTH123

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Mapping, Sequence

from goaround.outliving import processid

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


class CannotStart(Exception):
    """The program could not be started; the text says why."""


def script(module: str, *arguments: str) -> tuple[str, ...]:
    """The command line that runs ``main(arguments)`` of a module of this package without site-packages (15 ms)."""
    code = "import sys,importlib as i;sys.path.insert(0,sys.argv[1]);i.import_module(sys.argv[2]).main(sys.argv[3:])"
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    return (sys.executable, "-I", "-S", "-c", code, root, module, *arguments)


def adopt_orphans() -> None:
    """Become the parent of every descendant that loses its own, so that none escapes by ``setsid`` or forking twice."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def spawn(argv: Sequence[str], cwd: str, env: Mapping[str, str], output: int) -> int:
    """Start a program in its own session with exactly this environment; returns its pid, also its group.

    Inheritable file descriptors are passed on. It dies when the calling process dies.
    Raises ``CannotStart`` (no such program, no such folder, ...); nothing runs then.
    """
    told, telling = os.pipe()  # closed by a successful exec, which is how success is told
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        _become(argv, cwd, env, output, parent, telling)
    os.close(telling)
    with open(told, "rb") as file:
        problem = file.read()
    if problem:
        os.waitpid(pid, 0)
        raise CannotStart(problem.decode("utf-8", "replace"))
    return pid


def _become(argv: Sequence[str], cwd: str, env: Mapping[str, str], output: int, parent: int, telling: int) -> None:
    try:
        os.setsid()
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before this could be asked for
            os._exit(1)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        os.chdir(cwd)
        os.execvpe(argv[0], list(argv), dict(env))
    except FileNotFoundError:
        place = f"in {cwd}" if os.path.isdir(cwd) else f"because the folder {cwd} is missing"
        os.write(telling, f"{argv[0]}: no such program {place}".encode("utf-8", "replace"))
    except BaseException as error:  # noqa: BLE001 (whatever it is, the forked copy must end here)
        os.write(telling, f"{argv[0]}: {error}".encode("utf-8", "replace"))
    os._exit(127)


def end_group(group: int, number: int = signal.SIGKILL) -> None:
    """Signal a process group; one that is gone already is fine."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # gone, or only zombies are left
        return


def end_all() -> None:
    """Kill and reap every child, adopted ones included, until none is left."""
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0]:
                continue
        except ChildProcessError:
            return
        # Children that are not reaped keep their numbers, so this cannot hit a stranger. Each one that dies may
        # leave its own children to this process; a round follows for them.
        for pid in _children():
            os.kill(pid, signal.SIGKILL)
        os.waitpid(-1, 0)


def reap_others(main: int) -> None:
    """Reap adopted children that ended by themselves, and leave the main one alone."""
    while (found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) and found.si_pid != main:
        os.waitpid(found.si_pid, 0)


def exit_code(status: int) -> int:
    """The exit code in a wait status; 128 plus the number for a signal, as a shell says it."""
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _children() -> list[int]:
    me = os.getpid()
    return [pid for pid in processid.pids() if (found := processid.stat(pid)) is not None and found.parent == me]


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
