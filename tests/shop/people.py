"""The people that a release waits for."""

from __future__ import annotations

from secrets import token_hex

from goaround.domain.journal import State
from goaround.domain.signals import answer, sign, to_sign
from goaround.wiring import House

OWNER = "owner"


def say_yes(house: House, state: State) -> None:
    """Give the release what it waits for: an answer or a signature."""
    step = state.next_step
    assert step is not None
    if step.kind == "answer":
        event = answer(state, step.name.removeprefix("check-"), OWNER, "it does", None)
        house.journal.append(state.release.id, event)
    else:
        assert step.kind == "sign_off", f"{state.release.id} waits at {step.key}"
        now = house.clock.now()
        document = to_sign(state, OWNER, nonce=token_hex(16), now=now, head=house.states.head, note="good")
        house.journal.append(state.release.id, sign(state, document, "", now))
