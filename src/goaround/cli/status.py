"""``goaround status``"""

from __future__ import annotations

import click

from goaround.cli.common import guarded, house, json_option, print_json, release_of


@click.command(help="Show what serves where and what is under way, or RELEASE step by step.")
@click.argument("release", required=False)
@click.option("-w", "--watch", is_flag=True, help="Follow it until it ends; Ctrl-C only detaches.")
@json_option
@click.pass_obj
@guarded
def command(directory: str, release: str | None, watch: bool, as_json: bool) -> int:
    from goaround.cli.render import overview, release_text, result_json

    home = house(directory)
    if watch:
        return _follow(directory, release)
    states = home.states.refresh().all()
    if release is not None:
        state = release_of(home, release)
        if as_json:
            print_json(result_json(state, states, 0))
        else:
            click.echo(release_text(state, states))
    elif as_json:
        print_json(_overview_json(directory))
    else:
        click.echo(overview(states))
    return 0


def _overview_json(directory: str) -> object:
    from dataclasses import asdict

    from goaround.cli.render import result_json
    from goaround.domain.environments import ENVIRONMENTS, occupant, serving

    states = house(directory).states.refresh().all()
    environments = {}
    for name in ENVIRONMENTS:
        now, held = serving(states.values(), name), occupant(states.values(), name)
        environments[name] = {"serves": asdict(now) if now else None, "belongs_to": held.release.id if held else None}
    under_way = [result_json(state, states, 0) for state in states.values() if state.closed is None]
    return {"environments": environments, "under_way": under_way}


def _follow(directory: str, release: str | None) -> int:
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
                return exit_code(state, decision)
            home.clock.wait(FOLLOW_SECONDS)
