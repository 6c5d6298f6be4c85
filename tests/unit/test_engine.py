"""The engine walks a plan: intent first, observe before act, and whatever happens ends in the journal."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest
from tests.fakes.clock import START, FakeClock
from tests.fakes.locks import FakeLocks
from tests.fakes.scene import Scene
from tests.unit.releases import BARE_TERMS, FULL_TERMS, PLAIN, opened

from goaround.domain.decisions import RETRY_SECONDS, Finish, Halt, Wait
from goaround.domain.errors import Locked, Refused, TimedOut, Unavailable, UnknownOutcome
from goaround.domain.events import AbortAsked, Answered, Closed, Event, Failed, RollbackAsked, Sealed, Started
from goaround.domain.journal import State
from goaround.domain.release import Environment, Outcome, Phase, Plan, Step
from goaround.engine.clock import ATTEND_SECONDS, AttentiveClock
from goaround.engine.loop import GRACE_SECONDS, Ending, Engine, kind_of
from goaround.ports import Holder
from goaround.steps import commit
from goaround.steps.context import Context, GateFailed, Report


class FakeKind(ModuleType):
    """A kind of step whose effect is a name in a set. ``before`` runs in the act, before the effect; ``blind``: the
    effect is never seen."""

    def __init__(self, name: str, effects: set[str], did: list[str]) -> None:
        super().__init__(name)
        self.effects, self.did = effects, did
        self.before: Callable[[Context], None] = lambda _ctx: None
        self.blind = False

    def observe(self, ctx: Context) -> Report | None:
        self.did.append(f"observe {ctx.step.name}")
        return (
            Report(f"{ctx.step.name} is there", {"n": 1}) if ctx.step.key in self.effects and not self.blind else None
        )

    def act(self, ctx: Context) -> None:
        self.did.append(f"act {ctx.step.name}")
        self.before(ctx)
        self.effects.add(ctx.step.key)


def step(name: str, environment: Environment = "staging", kind: str = "", **more: object) -> Step:
    phase = Phase.STAGING if environment == "staging" else Phase.PRODUCTION
    made = Step(f"v1.0.0/{environment}/{name}", phase, environment, kind or name, f"do {name}")
    return replace(made, **more)  # type: ignore[arg-type]


class Walk:
    """An engine among fakes, with a small plan."""

    def __init__(self, folder: Path, *steps: Step, terms_alert: bool = False, sealed: bool = False) -> None:
        self.scene = Scene(folder)
        self.locks = FakeLocks()
        self.effects: set[str] = set()
        self.did: list[str] = []
        self.kinds: dict[str, FakeKind] = {}
        self.moments: list[str] = []
        self.clock = AttentiveClock(self.scene.clock)
        terms = FULL_TERMS if terms_alert else BARE_TERMS
        event = replace(opened(PLAIN, terms), plan=Plan(steps), controller_key="ssh-ed25519 FAKE" if sealed else "")
        self.write(event)
        self.engine = Engine(
            self.scene.journal,
            self.scene.states,
            self.locks,
            self.clock,
            self.scene.signatures,
            self.scene.context,
            self.observe,
            self.kind,
        )

    def kind(self, name: str) -> FakeKind:
        return self.kinds.setdefault(name, FakeKind(name, self.effects, self.did))

    def observe(self, moment: str, state: State, step: Step | None, says: str) -> None:
        del says
        self.moments.append(f"{moment} {step.name if step else state.release.id}")
        if moment in ("acting", "acted"):
            self.did.append(moment)

    def write(self, event: Event) -> None:
        self.scene.journal.append("v1.0.0", event)

    def run(self, *, wait_for_people: bool = False) -> Ending:
        return self.engine.run("v1.0.0", wait_for_people=wait_for_people)

    @property
    def happened(self) -> list[str]:
        return self.scene.journal.types

    def failure(self) -> Failed:
        return next(r.event for r in reversed(self.scene.journal.read()) if isinstance(r.event, Failed))


def raises(error: Exception) -> Callable[[Context], None]:
    def act(_ctx: Context) -> None:
        raise error

    return act


# --- one step -------------------------------------------------------------------------------------


def test_the_intent_is_written_before_the_act(tmp_path: Path) -> None:
    walk = Walk(tmp_path, step("one"))
    seen: list[str] = []
    walk.kind("one").before = lambda _ctx: seen.extend(walk.happened)
    walk.run()
    assert seen == ["opened", "started staging/one"]
    assert walk.happened == ["opened", "started staging/one", "passed staging/one", "closed"]


def test_without_the_intent_on_disk_nothing_is_done(tmp_path: Path) -> None:
    walk = Walk(tmp_path, step("one"))
    walk.scene.journal.full = True
    with pytest.raises(Unavailable):
        walk.run()
    assert walk.did == []
    assert walk.locks.held == {}


def test_a_step_observes_acts_and_observes(tmp_path: Path) -> None:
    walk = Walk(tmp_path, step("one"))
    ending = walk.run()
    assert walk.did == ["observe one", "acting", "act one", "acted", "observe one"]
    assert walk.moments == [
        "started one", "acting one", "acted one", "passed one", "closed v1.0.0",
    ]  # fmt: skip
    assert ending.decision == Finish(Outcome.RELEASED, "v1.0.0 serves production")
    assert ending.state.evidence("staging", "one") == {"n": 1}


def test_an_effect_that_is_there_already_is_not_had_again(tmp_path: Path) -> None:
    walk = Walk(tmp_path, step("one"))
    walk.effects.add("v1.0.0/staging/one")
    walk.run()
    assert walk.did == ["observe one"]


def test_a_step_that_a_crash_left_under_way_is_taken_up_as_the_same_attempt(tmp_path: Path) -> None:
    walk = Walk(tmp_path, step("one"))
    walk.write(Started("v1.0.0/staging/one", 1))
    walk.effects.add("v1.0.0/staging/one")
    walk.run()
    assert walk.did == ["observe one"]
    assert walk.happened.count("started staging/one") == 2
    assert walk.scene.states.all()["v1.0.0"].of("v1.0.0/staging/one").attempt == 1


def test_a_step_whose_effect_is_not_there_after_acting_fails(tmp_path: Path) -> None:
    walk = Walk(tmp_path, step("one"))
    walk.kind("one").blind = True
    assert walk.run().decision == Finish(
        Outcome.FAILED, "v1.0.0/staging/one was done, and its effect is not there; no environment was changed"
    )
    assert walk.failure().cause == "error"


@pytest.mark.parametrize(
    ("error", "cause", "what"),
    [
        (
            ZeroDivisionError("of nothing"),
            "error",
            "an error that goaround does not know: ZeroDivisionError: of nothing",
        ),
        (KeyError("x"), "error", "KeyError: 'x'"),
        (Unavailable("it is down", state="s", remedy="r"), "error", "it is down"),
        (TimedOut("too slow", state="s", remedy="r"), "timeout", "too slow"),
        (UnknownOutcome("who knows", state="s", remedy="r"), "unknown", "who knows"),
        (Locked("taken", state="s", remedy="r"), "error", "taken"),
        (GateFailed("no", state="s", remedy="r", cause="trigger", facts={"trigger": "p95"}), "trigger", "no"),
    ],
)
def test_whatever_a_step_raises_ends_in_the_journal_and_not_as_a_traceback(
    tmp_path: Path, error: Exception, cause: str, what: str
) -> None:
    walk = Walk(tmp_path, step("one"))
    walk.kind("one").before = raises(error)
    ending = walk.run()
    assert isinstance(ending.decision, Finish)
    assert ending.decision.outcome is Outcome.FAILED
    failed = walk.failure()
    assert failed.cause == cause
    assert what in failed.what
    assert failed.state
    assert failed.remedy
    assert failed.evidence == (error.facts if isinstance(error, GateFailed) else {})
    assert walk.happened[-2:] == ["failed staging/one", "closed"]


def test_a_kind_of_step_that_this_goaround_does_not_have_fails_in_the_journal(tmp_path: Path) -> None:
    walk = Walk(tmp_path, step("levitate"))
    walk.engine.kind_of = kind_of
    assert isinstance(walk.run().decision, Finish)
    assert "ModuleNotFoundError" in walk.failure().what


def test_ctrl_c_leaves_the_step_as_it_is_for_whoever_goes_on(tmp_path: Path) -> None:
    walk = Walk(tmp_path, step("one"))

    def ctrl_c(_ctx: Context) -> None:
        raise KeyboardInterrupt

    walk.kind("one").before = ctrl_c
    with pytest.raises(KeyboardInterrupt):
        walk.run()
    assert walk.happened == ["opened", "started staging/one"]
    assert walk.locks.held == {}
    walk.kind("one").before = lambda _ctx: None
    assert isinstance(walk.run().decision, Finish)


def test_a_kind_is_the_module_of_that_name() -> None:
    assert kind_of("commit") is commit


def test_a_release_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="there is no release v9"):
        Walk(tmp_path, step("one")).engine.run("v9", wait_for_people=False)


def test_a_release_that_has_ended_says_so_again_and_does_nothing(tmp_path: Path) -> None:
    walk = Walk(tmp_path, step("one"))
    first = walk.run()
    happened = list(walk.happened)
    assert walk.run().decision == first.decision
    assert walk.happened == happened


# --- time-outs and people's words -----------------------------------------------------------------


def waits(clock: AttentiveClock, seconds: float) -> Callable[[Context], None]:
    def act(_ctx: Context) -> None:
        for _ in range(int(seconds)):
            clock.wait(1)

    return act


def test_a_step_that_does_not_end_in_time_fails_as_timed_out(tmp_path: Path) -> None:
    walk = Walk(tmp_path, step("one", timeout_seconds=60))
    walk.kind("one").before = waits(walk.clock, 3600)
    walk.run()
    assert walk.failure().cause == "timeout"
    assert walk.failure().what == "v1.0.0/staging/one did not end within 60 s"
    took = walk.scene.clock.now() - START
    assert timedelta(seconds=60 + GRACE_SECONDS) < took < timedelta(seconds=60 + GRACE_SECONDS + 3)


def test_a_step_may_use_all_of_its_time(tmp_path: Path) -> None:
    walk = Walk(tmp_path, step("one", timeout_seconds=60))
    walk.kind("one").before = waits(walk.clock, 60)
    assert walk.run().decision == Finish(Outcome.RELEASED, "v1.0.0 serves production")


@pytest.mark.parametrize("word", [AbortAsked("owner", "no"), RollbackAsked("owner", "no")])
def test_a_word_to_stop_reaches_a_step_that_waits(tmp_path: Path, word: Event) -> None:
    walk = Walk(tmp_path, step("one", timeout_seconds=3600))

    def act(_ctx: Context) -> None:
        walk.clock.wait(5)
        walk.write(word)
        waits(walk.clock, 1000)(_ctx)

    walk.kind("one").before = act
    ending = walk.run()
    assert isinstance(ending.decision, Finish)
    assert ending.decision.outcome is Outcome.ABORTED
    assert walk.scene.clock.now() - START < timedelta(seconds=8)
    assert walk.happened == ["opened", "started staging/one", word.type, "closed"]


def test_a_step_that_must_not_be_broken_off_is_brought_to_its_end_first(tmp_path: Path) -> None:
    walk = Walk(tmp_path, step("one", interruptible=False, timeout_seconds=60), step("two"))

    def act(_ctx: Context) -> None:
        walk.write(AbortAsked("owner", "no"))
        waits(walk.clock, 10)(_ctx)

    walk.kind("one").before = act
    ending = walk.run()
    assert isinstance(ending.decision, Finish)
    assert ending.decision.outcome is Outcome.ABORTED
    assert walk.happened == ["opened", "started staging/one", "abort", "passed staging/one", "closed"]


def test_outside_a_step_nobody_is_attended() -> None:
    clock, called = AttentiveClock(FakeClock()), []
    with clock.attending(lambda: called.append(clock.now())):
        for _ in range(10):
            clock.wait(ATTEND_SECONDS / 2)
    assert len(called) == 5
    clock.wait(10)
    assert len(called) == 5


def test_a_clock_that_was_set_back_goes_on_attending() -> None:
    fake = FakeClock()
    clock, called = AttentiveClock(fake), []
    with clock.attending(lambda: called.append(clock.now())):
        clock.wait(1)
        fake.set_back(3600)
        clock.wait(1)
    assert len(called) == 2


# --- trying again ---------------------------------------------------------------------------------


def test_a_step_that_may_be_repeated_is_after_a_pause(tmp_path: Path) -> None:
    walk = Walk(tmp_path, step("one", tries=3))
    times: list[float] = []

    def act(ctx: Context) -> None:
        times.append(walk.scene.clock.now().timestamp())
        if ctx.attempt < 3:
            raise GateFailed("not yet", state="s", remedy="r")

    walk.kind("one").before = act
    assert walk.run().decision == Finish(Outcome.RELEASED, "v1.0.0 serves production")
    assert len(times) == 3
    assert all(later - sooner >= RETRY_SECONDS for sooner, later in pairwise(times))


# --- locks and people -----------------------------------------------------------------------------


def test_a_step_is_done_under_the_lock_of_its_environment(tmp_path: Path) -> None:
    walk = Walk(tmp_path, step("one"), step("two", "production"))
    held: list[set[str]] = []
    for name in ("one", "two"):
        walk.kind(name).before = lambda _ctx: held.append(set(walk.locks.held))
    walk.run()
    assert held == [{"staging"}, {"staging", "production"}]
    assert walk.locks.held == {}


def test_what_somebody_else_holds_is_not_touched(tmp_path: Path) -> None:
    walk = Walk(tmp_path, step("one"))
    walk.locks.others["staging"] = Holder(7, "controller of v1.0.0", START)
    with pytest.raises(Locked):
        walk.run()
    assert walk.happened == ["opened"]
    assert walk.did == []


def test_after_getting_the_lock_it_looks_again_what_there_is_to_do(tmp_path: Path) -> None:
    """Whoever held it may have gone on in the meantime."""
    walk = Walk(tmp_path, step("one"))

    class Slow(FakeLocks):
        def hold(self, environment, what):  # type: ignore[no-untyped-def]
            walk.write(AbortAsked("owner", "while it waited for the lock"))
            return super().hold(environment, what)

    walk.engine.locks = Slow()
    walk.run()
    assert walk.happened == ["opened", "abort", "closed"]


ASK = step("ask", kind="answer")


def test_without_waiting_for_people_it_ends_where_one_is_needed(tmp_path: Path) -> None:
    walk = Walk(tmp_path, step("one"), ASK)
    ending = walk.run()
    assert isinstance(ending.decision, Wait)
    assert ending.decision.step == ASK
    assert walk.happened[-1] == "passed staging/one"
    assert walk.locks.held == {}


def test_while_people_think_nobody_holds_the_lock(tmp_path: Path) -> None:
    walk = Walk(tmp_path, step("one"), ASK)
    held: list[dict[str, str]] = []

    def think(_seconds: float) -> None:
        held.append(dict(walk.locks.held))
        if len(held) == 3:
            walk.write(Answered(ASK.key, "owner", "fine"))

    walk.scene.clock.on_wait = think
    assert isinstance(walk.run(wait_for_people=True).decision, Finish)
    assert held == [{}, {}, {}]


def test_a_release_that_another_holds_waits_without_the_locks_that_the_other_needs(tmp_path: Path) -> None:
    walk = Walk(tmp_path, step("one"), step("two"))
    first = replace(opened(PLAIN, BARE_TERMS), release=replace(PLAIN, id="v0.9.2.back", kind="rollback", of="v0.9.2"))
    held: list[dict[str, str]] = []

    def another_begins(_ctx: Context) -> None:
        walk.scene.journal.append("v0.9.2.back", first)

    def goes_on(_seconds: float) -> None:
        held.append(dict(walk.locks.held))
        if len(held) == 2:
            walk.scene.journal.append("v0.9.2.back", Closed(Outcome.ROLLED_BACK, "back"))

    walk.kind("one").before = another_begins
    walk.scene.clock.on_wait = goes_on
    assert isinstance(walk.run().decision, Finish)
    assert held == [{}, {}]
    assert "waiting two" in walk.moments
    assert walk.did[-1] == "observe two"


# --- going back -----------------------------------------------------------------------------------

DEPLOY, TRAFFIC = step("deploy"), step("traffic")


def test_a_failure_turns_the_release_back_and_nothing_interrupts_that(tmp_path: Path) -> None:
    walk = Walk(tmp_path, DEPLOY, TRAFFIC)

    def no_traffic(ctx: Context) -> None:
        walk.write(AbortAsked("owner", "no"))
        waits(walk.clock, 2)(ctx)
        if ctx.step.name == "traffic":
            raise GateFailed("no", state="s", remedy="r")

    walk.kind("traffic").before = no_traffic
    ending = walk.run()
    assert isinstance(ending.decision, Finish)
    assert ending.decision.outcome is Outcome.ABORTED
    back = walk.happened[walk.happened.index("rolling_back") :]
    assert "passed staging/back-traffic" in back
    assert "back v1.0.0" in walk.moments


def test_a_way_back_that_fails_halts_calls_a_person_once_and_goes_on_when_asked(tmp_path: Path) -> None:
    walk = Walk(tmp_path, DEPLOY, TRAFFIC, terms_alert=True)
    walk.kind("traffic").before = raises(Unavailable("no proxy", state="as it was", remedy="start it"))
    ending = walk.run()
    assert isinstance(ending.decision, Halt)
    assert (ending.decision.step.name, ending.decision.state) == ("back-traffic", "as it was")
    assert [url for url, _ in walk.scene.http.posted] == ["http://resolved.invalid/http://127.0.0.1:9999/alert"]
    told = list(walk.scene.http.posted)
    assert isinstance(walk.run().decision, Halt)
    assert walk.scene.http.posted == told
    walk.kind("traffic").before = lambda _ctx: None
    walk.write(RollbackAsked("owner", "mended"))
    ended = walk.run().decision
    assert isinstance(ended, Finish)
    assert ended.outcome is Outcome.FAILED
    assert walk.scene.http.posted == told


def test_a_halt_stays_a_halt_even_if_nobody_can_be_called(tmp_path: Path) -> None:
    walk = Walk(tmp_path, DEPLOY, TRAFFIC, terms_alert=True)
    walk.kind("traffic").before = raises(Unavailable("no proxy", state="as it was", remedy="start it"))

    def context(state: State, step: Step, attempt: int) -> Context:
        if "/halted-" in step.key:
            raise OSError("no room for anything")
        return walk.scene.context(state, step, attempt)

    walk.engine.context_of = context
    assert isinstance(walk.run().decision, Halt)
    assert walk.moments[-1].startswith("failed halted-")


def test_what_is_decided_is_decided_anew_if_something_was_written_meanwhile(tmp_path: Path) -> None:
    walk = Walk(tmp_path, step("one"))
    said: list[Event] = [AbortAsked("owner", "at the last moment")]

    def somebody_else(event: Event) -> None:
        if isinstance(event, Closed) and said:
            walk.write(said.pop())

    walk.scene.journal.before_append = somebody_else
    ending = walk.run()
    assert isinstance(ending.decision, Finish)
    assert ending.decision.outcome is Outcome.ABORTED
    assert walk.happened.count("closed") == 1


def test_an_error_of_a_context_that_cannot_be_built_ends_in_the_journal(tmp_path: Path) -> None:
    walk = Walk(tmp_path, step("one"))

    def broken(_state: State, _step: Step, _attempt: int) -> Context:
        raise Unavailable("goaround.toml as it was then cannot be read", state="s", remedy="r")

    walk.engine.context_of = broken
    assert isinstance(walk.run().decision, Finish)
    assert "cannot be read" in walk.failure().what


# --- seals ----------------------------------------------------------------------------------------

STAGED, WATCHED = step("one"), replace(step("two"), phase=Phase.WATCH)


def test_the_journal_is_sealed_at_the_end_of_each_phase_and_of_all(tmp_path: Path) -> None:
    walk = Walk(tmp_path, STAGED, WATCHED, sealed=True)
    walk.run()
    assert walk.happened == [
        *("opened", "started staging/one", "passed staging/one", "sealed"),
        *("started staging/two", "passed staging/two", "sealed"),
        *("closed", "sealed"),
    ]
    records = walk.scene.journal.read()
    for before, record in pairwise(records):
        if isinstance(record.event, Sealed):
            assert json.loads(record.event.document)["journal"] == {"number": before.seq, "digest": before.digest}
            assert record.event.signature == f"journal@shop sealed {record.event.document}"
    walk.run()
    assert walk.happened.count("sealed") == 3


def test_without_keys_nothing_is_sealed(tmp_path: Path) -> None:
    walk = Walk(tmp_path, STAGED)
    walk.run()
    assert "sealed" not in walk.happened


def test_a_seal_of_another_key_than_the_release_was_opened_with_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk = Walk(tmp_path, STAGED, WATCHED, sealed=True)
    monkeypatch.setattr(walk.scene.signatures, "controller_key", lambda: "ssh-ed25519 ANOTHER")
    with pytest.raises(Refused, match="another one than when this release was opened"):
        walk.run()
    assert "sealed" not in walk.happened


def test_a_release_does_not_go_on_unsealed_but_a_rollback_does(tmp_path: Path) -> None:
    walk = Walk(tmp_path, STAGED, replace(DEPLOY, phase=Phase.WATCH), replace(TRAFFIC, phase=Phase.WATCH), sealed=True)
    walk.scene.signatures.broken = True
    with pytest.raises(Unavailable, match="there is no key"):
        walk.run()
    assert walk.happened == ["opened", "started staging/one", "passed staging/one"]
    walk.scene.signatures.broken = False
    walk.kind("traffic").before = raises(Unavailable("no proxy", state="as it was", remedy="start it"))
    walk.kind("stop").before = lambda _ctx: setattr(walk.scene.signatures, "broken", True)
    walk.run()
    assert "rolling_back" in walk.happened
