"""Run a release to its end, or follow whoever runs it."""

from __future__ import annotations

import sys

import click

from goaround.cli.asjson import result_json
from goaround.cli.common import coloured, print_json, say
from goaround.cli.live import progress
from goaround.cli.render import exit_code, release_text
from goaround.domain.decisions import Finish, Halt, Wait, decide
from goaround.domain.environments import ENVIRONMENTS, held_by
from goaround.domain.errors import Locked
from goaround.domain.journal import State
from goaround.domain.release import Outcome, Step
from goaround.domain.signoff import roles
from goaround.engine.loop import Ending, Moment, Observer
from goaround.wiring import House

HUNG_SECONDS = 30.0
FOLLOW_SECONDS = 0.3


def fly(
    home: House,
    release: str,
    *,
    wait: bool | None,
    as_json: bool,
    hung_seconds: float = HUNG_SECONDS,
    wanted: Outcome = Outcome.RELEASED,
) -> int:
    """Go on with the release, or, if another controller has it, follow that one until the release ends or waits.

    A controller that gives no sign of life is ended, and this one goes on in its place. Returns the exit code, which
    is 0 for the outcome that was wanted.
    """
    patient = sys.stderr.isatty() if wait is None else wait
    with progress() as observer:
        while True:
            try:
                ending = home.engine(observer).run(release, wait_for_people=patient)
                break
            except Locked as error:
                followed = _follow(home, release, observer, patient=patient, hung_seconds=hung_seconds, error=error)
                if followed is not None:
                    ending = followed
                    break
    return finish(home, ending, as_json=as_json, wanted=wanted)


def finish(home: House, ending: Ending, *, as_json: bool, wanted: Outcome) -> int:
    """Print how it stands; the exit code."""
    states = home.states.refresh().all()
    closed = ending.state.closed
    code = 0 if closed and closed.outcome is wanted else exit_code(ending.state, ending.decision)
    if as_json:
        print_json(result_json(ending.state, states, code))
    else:
        click.echo(release_text(ending.state, states), color=coloured())
    if isinstance(ending.decision, Wait):
        release, step = ending.state.release.id, ending.decision.step
        word = {
            "answer": f'goaround answer {step.name.removeprefix("check-")} --note "…"',
            "sign_off": f'goaround sign {release} --by {_signer(ending.state, step)} --note "…"',
        }.get(step.kind)
        say(f"{word}; then go on: goaround resume {release}" if word else f"go on then: goaround resume {release}")
    return code


def _signer(state: State, step: Step) -> str:
    """Somebody who may sign and has not."""
    signed = {one.by for one in state.signed.get(step.key, ())}
    people = [person for role in roles(state.terms, step.environment) for person in role.people]
    return next((person for person in people if person not in signed), people[0])


def _follow(
    home: House, release: str, observer: Observer, *, patient: bool, hung_seconds: float, error: Locked
) -> Ending | None:
    """Until the release stands still or its controller is gone (None: go on in its place)."""
    say(f"{error.what}; following")
    shown = 0
    while True:
        state = home.states.refresh().of(release)
        assert state is not None
        shown = show_new(home, release, shown, observer)
        decision = decide(state, home.clock.now(), held_by(home.states.all().values(), release))
        if isinstance(decision, Finish) and state.closed is not None:
            return Ending(state, decision)
        if isinstance(decision, Halt) or (isinstance(decision, Wait) and decision.on_person and not patient):
            return Ending(state, decision)
        if all(home.locks.holder(environment) is None for environment in _held_by_release(state)):
            return None
        for environment in _held_by_release(state):
            if home.locks.take_over(environment, hung_seconds):
                say(f"the controller that held {environment} gave no sign of life for {hung_seconds:g} s and was ended")
                return None
        home.clock.wait(FOLLOW_SECONDS)


def _held_by_release(state: State) -> list[str]:
    step = state.next_step
    return [step.environment] if step else list(ENVIRONMENTS)


def show_new(home: House, release: str, since: int, observer: Observer) -> int:
    """Tell the observer what the journal says beyond ``since``; the new end."""
    state = home.states.of(release)
    assert state is not None
    for record in home.journal.read(since):
        since = record.seq
        event = record.event
        moment: Moment | None = None
        match event.type:
            case "passed" | "failed" | "started" | "closed" | "opened":
                moment = event.type
            case "rolling_back":
                moment = "back"
        if record.release != release or moment is None:
            continue
        step = next((s for s in state.all_steps if s.key == getattr(event, "step", None)), None)
        said = (getattr(event, name, "") for name in ("says", "what", "because"))
        observer(moment, state, step, next(filter(None, said), step.says if step else ""))
    return since
