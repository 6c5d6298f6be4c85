"""What every verb shares: where the service is, how errors are shown, who is speaking."""

from __future__ import annotations

import functools
import getpass
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from goaround.domain.errors import GoaroundError, Refused, Stale, UsageError

if TYPE_CHECKING:
    from goaround.config.models import Config
    from goaround.domain.events import Event
    from goaround.domain.journal import State
    from goaround.wiring import House

DETACHED = 130
FOLDER = ".goaround"
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON value on standard output.")
by_option = click.option(
    "--by", metavar="NAME", help="Who says so.  [default: $GOAROUND_BY, or the name you are logged in by]"
)


def guarded(function: Callable[..., int]) -> Callable[..., NoReturn]:
    """Turn what a verb raises into a clear message and its exit code. Ctrl-C detaches: nothing that runs is harmed."""

    @functools.wraps(function)
    def run(*args: Any, **options: Any) -> NoReturn:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            sys.exit(function(*args, **options))
        except GoaroundError as error:
            show_error(error, as_json=bool(options.get("as_json")))
            sys.exit(error.exit_code)
        except KeyboardInterrupt:
            say("detached; what is under way is recorded and its commands run to their end; go on: goaround resume")
            sys.exit(DETACHED)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)

    return run


def show_error(error: GoaroundError, *, as_json: bool) -> None:
    from goaround.cli.render import error_text

    if as_json:
        print_json(error.as_json())
    say(error_text(error.what, error.state, error.remedy))


def coloured() -> bool | None:
    """Whether to print colours: never where NO_COLOR is set, otherwise as the terminal is."""
    return False if os.environ.get("NO_COLOR") else None


def say(text: str) -> None:
    """Progress and errors; data goes to standard output."""
    click.echo(text, err=True)


def print_json(value: object) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, default=str))


def house(directory: str, *, anywhere: bool = False) -> House:
    """The house in that folder. Raises ``ConfigurationError`` where there is none, unless it may be ``anywhere``."""
    from goaround.wiring import House, read_config

    project = Path(directory).resolve()
    toml = project / "goaround.toml"
    if not anywhere and not toml.exists() and not (project / FOLDER).exists():
        read_config(toml)  # says what is missing, and what to do
    return House(project, say=say)


def config_of(home: House) -> tuple[Config, str]:
    from goaround.wiring import read_config

    return read_config(home.project / "goaround.toml")


def send(home: House, wanted: str | None, signal_for: Callable[[State], Event], *, running: bool = False) -> State:
    """Give a release a signal that suits it as it is at that very moment; the state that it was given for."""
    while True:
        state = release_of(home, wanted, running=running)
        event = signal_for(state)
        try:
            home.journal.append(state.release.id, event, after=home.states.seq)
        except Stale:
            continue  # something happened in between: look again whether the signal still makes sense
        return state


def speaker(by: str | None) -> str:
    """Who gives a signal. Said, not proven."""
    name = by or os.environ.get("GOAROUND_BY") or getpass.getuser()
    if not name.strip():
        raise UsageError("nobody is named", state="nothing was done", remedy="say who with --by NAME")
    return name.strip()


def release_of(home: House, wanted: str | None, *, running: bool = False) -> State:
    """The release that is meant: by its id, or else by version (its newest attempt), or the one under way.

    Raises ``Refused`` if there is none.
    """
    states = home.states.refresh().all()
    matching = [
        state
        for state in states.values()
        if (wanted is None or wanted in (state.release.id, state.release.version))
        and (state.closed is None or not running)
    ]
    exact = [state for state in matching if state.release.id == wanted]
    if not matching:
        known = ", ".join(list(states)[-5:]) or "none yet"
        raise Refused(
            " ".join(filter(None, ["there is no release", wanted, "under way" if running else ""])),
            state="nothing was done",
            remedy=f"goaround history shows all; the last are: {known}",
        )
    if running and wanted is None and len(matching) > 1:
        raise UsageError(
            f"{len(matching)} releases are under way",
            state="nothing was done",
            remedy="name one: " + ", ".join(state.release.id for state in matching),
        )
    return exact[-1] if exact else matching[-1]
