"""Watch an environment through its front door's own log, for as long as configured, and judge.

All that is judged is read from the log anew each time, from when the watch began: a controller that died in between
misses nothing, because the front door outlives it. A span without proof that the log was complete is no data.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from goaround.domain.gates import Answer, Second, Seen, Verdict, judge
from goaround.domain.triggers import fired
from goaround.steps.build import write_note
from goaround.steps.context import Context, GateFailed, Report

LOOK_EVERY_SECONDS = 0.5
SETTLE_SECONDS = 5


def observe(ctx: Context) -> Report | None:
    """The verdict, once the time is over; raises when a trigger fires or a limit is broken."""
    return _look(ctx, _Log(ctx))


def act(ctx: Context) -> None:
    log = _Log(ctx)
    while _look(ctx, log) is None:
        ctx.clock.wait(LOOK_EVERY_SECONDS)
        if ctx.clock.now() < log.begun:
            log = _Log(ctx)


def _begun(ctx: Context) -> datetime:
    """When the watch began, by the journal; or, if the clock was set back since, when that was first noticed: else
    it would watch until the old time has come again."""
    started, now = ctx.state.of(ctx.step.key).started_at, ctx.clock.now()
    assert started is not None
    if started <= now:
        return started
    note = ctx.work / "begun.json"
    noticed = datetime.fromisoformat(json.loads(note.read_text())) if note.exists() else None
    if noticed is None or noticed > now:
        write_note(note, now.isoformat())
        return now
    return noticed


class _Log:
    """The traffic of the watched version since the watch began. What is settled is read once."""

    def __init__(self, ctx: Context) -> None:
        begun = _begun(ctx)
        self._ctx, self.begun, self._settled_until = ctx, begun, begun
        self._settled: list[Second] = []
        self._gap_seconds = 0.0

    def read(self, now: datetime) -> Seen:
        fresh, gaps = self._read(self._settled_until, now)
        seen = Seen([*self._settled, *fresh], (now - self.begun).total_seconds(), self._gap_seconds + gaps)
        # Whole seconds only, and late enough that a gap at their end is known for one.
        settled = (now - timedelta(seconds=SETTLE_SECONDS)).replace(microsecond=0)
        if settled - self._settled_until > timedelta(seconds=SETTLE_SECONDS):
            seconds, gaps = self._read(self._settled_until, settled)
            self._settled += seconds
            self._gap_seconds += gaps
            self._settled_until = settled
        return seen

    def _read(self, since: datetime, until: datetime) -> tuple[list[Second], float]:
        target = self._ctx.deployed(_which(self._ctx))
        traffic = self._ctx.here.proxy.traffic(since, until)
        seconds = [
            Second((bucket.at - self.begun).total_seconds(), bucket.requests, bucket.errors, bucket.latency_ms)
            for bucket in traffic.buckets
            # Without a slot: the front door answered itself because there was nobody to ask.
            if target and bucket.slot in (target["slot"], None)
        ]
        return seconds, sum((end - begin).total_seconds() for begin, end in traffic.gaps)


def _look(ctx: Context, log: _Log) -> Report | None:
    now, wanted, watch = ctx.clock.now(), _wanted_seconds(ctx), ctx.state.terms.watch
    elapsed = (now - log.begun).total_seconds()
    seen = log.read(now)
    _pull(ctx, seen)
    if elapsed < wanted:
        return None
    verdict = judge(seen, watch)
    if verdict.answer is Answer.INCONCLUSIVE and elapsed < wanted + watch.extend_seconds:
        return None
    if verdict.answer is not Answer.PASSED:
        raise GateFailed(
            f"the watch of {ctx.environment} says {verdict.answer}: {verdict.says}",
            state=f"it looked for {elapsed:.0f} s; the version under watch still serves",
            remedy="no data is never health: see goaround logs",
            facts=_facts(verdict, elapsed),
        )
    return Report(f"{verdict.says}; watched {elapsed:.0f} s", _facts(verdict, elapsed))


def _which(ctx: Context) -> str:
    return "new" if ctx.step.params["triggers"] else "old"


def _wanted_seconds(ctx: Context) -> float:
    watch = ctx.state.terms.watch
    return watch.for_seconds if ctx.step.params["triggers"] else watch.after_rollback_seconds


def _pull(ctx: Context, seen: Seen) -> None:
    trigger = fired(seen, ctx.state.terms.triggers) if ctx.step.params["triggers"] else None
    if trigger is not None:
        raise GateFailed(
            trigger.says,
            state=f"the version under watch still serves {ctx.environment}",
            remedy="goaround is taking it back",
            cause="trigger",
            facts={"trigger": trigger.name},
        )
    target = ctx.deployed(_which(ctx))
    if target is None:
        return
    state = ctx.here.runtime.state(target["slot"])
    before = ctx.found("health" if ctx.step.params["triggers"] else "back-verify").get("deaths", 0)
    if state is not None and state.supervisor_pid is not None and state.deaths <= before:
        return
    how = f"died {state.deaths - before} times under watch" if state else "is gone, and so is its supervisor"
    raise GateFailed(
        f"the process of {target['version']} in slot {target['slot']} {how}",
        state=f"it is the one that serves {ctx.environment}",
        remedy=f"see: goaround logs {ctx.release.id} {ctx.environment}/{target['slot']}",
        cause="trigger",
        facts={"trigger": "lost process"},
    )


def _facts(verdict: Verdict, elapsed: float) -> dict[str, object]:
    return {
        "verdict": str(verdict.answer),
        "requests": verdict.requests,
        "errors": verdict.errors,
        "error_ratio": verdict.error_ratio,
        "p95_seconds": verdict.p95_seconds,
        "seconds": round(elapsed, 1),
    }
