"""Claims about two releases at once: whatever one has come to, the other is held while production goes back."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.releases import HELD, PLAIN, Story, opened, taken_back

from goaround.domain.decisions import Do, Wait, decide
from goaround.domain.environments import held_by, occupant, serving
from goaround.domain.release import Outcome

NEXT = replace(PLAIN, id="v1.1.0", version="v1.1.0", previous="v1.0.0")
STAGING_STEPS = sum(step.environment == "staging" for step in opened(NEXT).plan.steps) - 1  # one is at the very end


def forward_to(story: Story, steps: int) -> None:
    for _ in range(steps):
        story.until(f"{story.step().environment}/{story.step().name}")
        following = story.state.plan.steps[story.state.plan.steps.index(story.step()) + 1]
        story.until(f"{following.environment}/{following.name}")


@given(st.integers(0, STAGING_STEPS - 1), st.booleans(), st.integers(0, 40))
@settings(max_examples=60, deadline=None)
def test_a_release_in_staging_waits_while_production_goes_back_and_then_goes_on(
    steps: int, under_way: bool, back_steps: int
) -> None:
    first = Story(opened(HELD))
    first.released()
    second = Story(opened(NEXT), first.seq)
    forward_to(second, steps)
    if under_way:
        second.start()
    back = Story(taken_back(first.state.opened, environments=("production",)), second.seq)

    def decided() -> object:
        return decide(second.state, back.now, held_by([first.state, second.state, back.state], "v1.1.0"))

    held = Wait(second.step(), "held: v1.0.0.back is rolling back production", None, on_person=False)
    assert decided() == held
    back.turns_back()
    for _ in range(back_steps):
        if back.state.next_step is not None:
            back.passes()
        assert decided() == held
    back.to_the_end()
    assert decided() == held
    back.closes(Outcome.ROLLED_BACK)
    after = decided()
    assert isinstance(after, Do | Wait)
    assert after.step == second.step()
    assert after != held
    states = [first.state, second.state, back.state]
    assert occupant(states, "staging") is second.state
    now = serving(states, "production")
    assert now is not None
    assert now.version == "v0.9.2" != second.state.release.previous
