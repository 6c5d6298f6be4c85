"""``goaround status``"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from goaround.cli.common import coloured, guarded, house, json_option, print_json, release_of

if TYPE_CHECKING:
    from goaround.domain.journal import State
    from goaround.wiring import House


@click.command(help="Show what serves where and what is under way, or RELEASE step by step.")
@click.argument("release", required=False)
@click.option("-w", "--watch", is_flag=True, help="Follow it until it ends; Ctrl-C only detaches.")
@click.option("--write", is_flag=True, help="Write it into releases/VERSION/status.md, between its markers.")
@json_option
@click.pass_obj
@guarded
def command(directory: str, release: str | None, watch: bool, write: bool, as_json: bool) -> int:
    from goaround.cli.asjson import result_json
    from goaround.cli.render import overview, release_text, standing_code

    if write and (watch or release is None):
        raise click.UsageError("--write goes with the name of a release, and without --watch")
    home = house(directory)
    if write:
        assert release is not None
        return _write(home, release, as_json=as_json)
    if watch:
        return _follow(directory, release, as_json=as_json)
    states = home.states.refresh().all()
    if release is not None:
        state = release_of(home, release)
        if as_json:
            print_json(result_json(state, states, standing_code(state, states)))
        else:
            click.echo(release_text(state, states) + _controller(home, state), color=coloured())
    elif as_json:
        print_json(_overview_json(directory))
    else:
        under_way = [state for state in states.values() if state.closed is None]
        click.echo(overview(states) + "".join(_controller(home, state) for state in under_way), color=coloured())
    return 0


def _write(home: House, release: str, *, as_json: bool) -> int:
    from goaround.cli.statusfile import write

    path, changed = write(home, release)
    if as_json:
        print_json({"file": str(path), "changed": changed})
    else:
        click.echo(f"{path} {'is up to date; commit it when you like' if changed else 'was up to date'}")
    return 0


def _controller(home: House, state: State) -> str:
    """Who runs the release, where somebody should."""
    from goaround.domain.decisions import Halt, Wait, decide

    step = state.next_step
    decision = decide(state, home.clock.now())
    if (
        state.closed
        or step is None
        or isinstance(decision, Halt)
        or (isinstance(decision, Wait) and decision.on_person)
    ):
        return ""
    holder = home.locks.holder(step.environment)
    if holder is None:
        return f"\nnobody runs {state.release.id}; go on with it: goaround resume {state.release.id}"
    silent = (home.clock.now() - holder.alive_at).total_seconds()
    return f"\nrun by {holder.what} (pid {holder.pid}), last sign of life {silent:.0f} s ago"


def _overview_json(directory: str) -> object:
    from dataclasses import asdict

    from goaround.cli.asjson import result_json
    from goaround.cli.render import standing_code
    from goaround.domain.environments import ENVIRONMENTS, occupant, serving

    states = house(directory).states.refresh().all()
    environments = {}
    for name in ENVIRONMENTS:
        now, held = serving(states.values(), name), occupant(states.values(), name)
        environments[name] = {"serves": asdict(now) if now else None, "belongs_to": held.release.id if held else None}
    under_way = [
        result_json(state, states, standing_code(state, states)) for state in states.values() if state.closed is None
    ]
    return {"environments": environments, "under_way": under_way}


def _follow(directory: str, release: str | None, *, as_json: bool) -> int:
    from goaround.cli.asjson import result_json
    from goaround.cli.live import progress
    from goaround.cli.render import exit_code
    from goaround.cli.running import FOLLOW_SECONDS, show_new
    from goaround.domain.decisions import Finish, Halt, decide

    home = house(directory)
    followed = release_of(home, release, running=release is None).release.id
    shown = 0
    with progress() as observer:
        while True:
            state = home.states.refresh().of(followed)
            assert state is not None
            shown = show_new(home, followed, shown, observer)
            decision = decide(state, home.clock.now())
            if state.closed is not None or isinstance(decision, Halt):
                assert isinstance(decision, Finish | Halt)
                code = exit_code(state, decision)
                break
            home.clock.wait(FOLLOW_SECONDS)
    if as_json:
        print_json(result_json(state, home.states.all(), code))
    return code
