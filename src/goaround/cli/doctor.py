"""``goaround doctor``"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import click

from goaround.cli.common import config_of, guarded, house, json_option, print_json

if TYPE_CHECKING:
    from goaround.config.models import Config
    from goaround.wiring import House

FAILED = 4
MISCONFIGURED = 3
CONFIGURATION = "configuration"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. ``answer`` is passed, failed or could not tell."""

    what: str
    answer: str
    says: str


@click.command(help="Look at what a release needs of this machine, and say what is missing. Starts nothing.")
@json_option
@click.pass_obj
@guarded
def command(directory: str, as_json: bool) -> int:
    from goaround.cli.render import columns

    home = house(directory, anywhere=True)
    findings = [found for what, check in _checks(home) for found in _look(what, check)]
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        marks = {"passed": "✓", "failed": "✗", "could not tell": "?"}
        click.echo(columns((marks[f.answer], f.what, f.says) for f in findings))
    wrong = {finding.what for finding in findings if finding.answer != "passed"}
    return MISCONFIGURED if CONFIGURATION in wrong else FAILED if wrong else 0


def _look(what: str, check: Callable[[], str]) -> list[Finding]:
    """What was found; of a configuration, every mistake."""
    from goaround.domain.errors import ConfigurationError, GoaroundError

    try:
        return [Finding(what, "passed", check())]
    except ConfigurationError as error:
        return [Finding(what, "failed", mistake) for mistake in error.mistakes]
    except GoaroundError as error:
        return [Finding(what, "failed", f"{error.what} — {error.remedy}".replace("\n", " "))]
    except Exception as error:  # noqa: BLE001  # a doctor does not fall over because of a patient
        return [Finding(what, "could not tell", f"{type(error).__name__}: {error}")]


def _checks(home: House) -> list[tuple[str, Callable[[], str]]]:
    """What is looked at, in the order in which one thing needs another."""
    from goaround.domain.errors import ConfigurationError

    checks: list[tuple[str, Callable[[], str]]] = [
        ("repository", lambda: f"HEAD is {home.repository.commit('HEAD').digest[:10]}"),
        (CONFIGURATION, lambda: f"{config_of(home)[0].service}: goaround.toml is right"),
        ("haproxy", home.haproxy),
        ("journal", lambda: _journal(home)),
        ("disk", lambda: _disk(home)),
    ]
    try:
        config, _ = config_of(home)
    except ConfigurationError:  # said above, with all its mistakes; without it there are no environments to look at
        return checks
    for environment in ("staging", "production"):
        checks += _environment(home, config, environment)
    return checks


def _environment(home: House, config: Config, environment: str) -> list[tuple[str, Callable[[], str]]]:
    from goaround.domain.release import Environment

    name: Environment = "staging" if environment == "staging" else "production"

    def variables() -> str:
        return f"{len(home.neighbours(config, name).values())} present"

    def front_door() -> str:
        front = home.neighbours(config, name).proxy.state()
        if not front.running:
            return "not running; a release starts it"
        return f"runs, serving {front.serving or 'nobody'}" + (", holding requests" if front.holding else "")

    def database() -> str:
        return home.database_report(config, name)

    def lock() -> str:
        holder = home.locks.holder(environment)
        return f"held by {holder.what} (pid {holder.pid})" if holder else "free"

    looks = (("variables", variables), ("front door", front_door), ("database", database), ("lock", lock))
    return [(f"{environment} {what}", check) for what, check in looks]


def _journal(home: House) -> str:
    if not (home.folder / "journal.sqlite3").exists():
        return "none yet; the first release writes it"
    return f"{home.journal.verify()} events, chain intact"


def _disk(home: House) -> str:
    import shutil

    from goaround.domain.errors import Unavailable
    from goaround.steps.disk import ALWAYS_BYTES

    free = shutil.disk_usage(home.project).free
    if free < ALWAYS_BYTES:
        raise Unavailable(
            f"{free / 1e9:.1f} GB free, {ALWAYS_BYTES / 1e9:.1f} GB are needed at least", state="", remedy="make room"
        )
    return f"{free / 1e9:.1f} GB free"
