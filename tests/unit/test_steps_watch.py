"""The watch: what it reads, when it goes back, how long it looks, and that no data is never health."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.proxy import FakeProxy
from tests.fakes.scene import Scene, run
from tests.unit.releases import FULL_TERMS, RELEASE, Story, opened

from goaround.domain.gates import Second, Seen, WatchLimits
from goaround.ports import SLOTS, Bucket, ProcessSpec, Slot, Traffic
from goaround.steps import watch
from goaround.steps.context import Context, GateFailed
from goaround.steps.watch import SETTLE_SECONDS, _Log

TERMS = replace(FULL_TERMS, watch=WatchLimits(for_seconds=360, extend_seconds=360, after_rollback_seconds=180))


class Watched:
    """Production under watch: v1.0.0 in slot green, the clock at the beginning of the watch."""

    def __init__(self, scene: Scene, name: str = "production/watch") -> None:
        self.scene = scene
        story = Story(opened(RELEASE, TERMS))
        if "back" in name:
            story.until("production/watch")
            story.fails("trigger")
            story.turns_back()
        story.until(name)
        step = story.step()
        self.ctx: Context = scene.context(story.start(), step)
        self.begun = story.now
        scene.clock.set_back((scene.clock.now() - story.now).total_seconds())
        for environment in ("staging", "production"):
            for slot in SLOTS:
                scene.runtime[environment].start(slot, ProcessSpec(slot, (), scene.folder, {}))

    @property
    def proxy(self) -> FakeProxy:
        return self.scene.proxy["production"]

    def seconds(self, span: range, slot: Slot | None = "green", errors: int = 0, ms: int = 20) -> None:
        for at in span:
            self.proxy.record(self.begun + timedelta(seconds=at), slot, errors=errors, latency_ms=ms)

    def gap(self, begin: float, end: float) -> None:
        self.proxy.gaps.append((self.begun + timedelta(seconds=begin), self.begun + timedelta(seconds=end)))

    def elapsed(self) -> float:
        return (self.scene.clock.now() - self.begun).total_seconds()

    def fails(self) -> GateFailed:
        with pytest.raises(GateFailed) as error:
            run(watch, self.ctx)
        return error.value


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(Scene(tmp_path))


def test_a_quiet_span_with_good_numbers_passes_when_it_is_over_and_not_before(watched: Watched) -> None:
    watched.seconds(range(370))
    report = run(watch, watched.ctx)
    assert 360 <= watched.elapsed() < 362
    assert report.facts["verdict"] == "passed"
    assert report.facts["requests"] in (360, 361)


def test_a_trigger_fires_as_soon_as_it_is_known(watched: Watched) -> None:
    watched.seconds(range(100))
    watched.seconds(range(100, 370), errors=1)
    error = watched.fails()
    assert (error.cause, error.facts) == ("trigger", {"trigger": "errors"})
    assert 100 < watched.elapsed() < 110


def test_latency_fires_only_after_it_lasted(watched: Watched) -> None:
    watched.seconds(range(370), ms=11_000)
    assert watched.fails().facts == {"trigger": "p95"}
    assert 300 <= watched.elapsed() < 302


def test_a_limit_broken_without_a_trigger_fails_at_the_end(watched: Watched) -> None:
    watched.seconds(range(370))
    watched.seconds(range(0, 370, 25), errors=1)
    error = watched.fails()
    assert error.cause == "gate"
    assert error.facts["verdict"] == "failed"
    assert "allowed: errors < 1 %" in error.what
    assert watched.elapsed() >= 360


def test_the_other_versions_traffic_is_not_judged_and_that_of_nobody_is(watched: Watched) -> None:
    watched.seconds(range(370))
    watched.seconds(range(370), slot="blue", errors=1)
    assert run(watch, watched.ctx).facts["errors"] == 0


def test_answers_that_the_front_door_gave_itself_count_as_failed(watched: Watched) -> None:
    watched.seconds(range(370))
    watched.seconds(range(60), slot=None, errors=1)
    assert watched.fails().facts == {"trigger": "errors"}


def test_without_traffic_it_looks_longer_and_then_could_not_tell(watched: Watched) -> None:
    error = watched.fails()
    assert 720 <= watched.elapsed() < 722
    assert (error.cause, error.facts["verdict"]) == ("gate", "could not tell")
    assert error.remedy.startswith("no data is never health")


def test_what_comes_while_it_looks_longer_is_enough(watched: Watched) -> None:
    watched.seconds(range(500, 530))
    assert run(watch, watched.ctx).facts["requests"] == 20
    assert 500 < watched.elapsed() < 530


def test_a_log_with_gaps_could_not_tell_however_good_the_rest(watched: Watched) -> None:
    watched.seconds(range(730))
    watched.gap(100, 160)
    error = watched.fails()
    assert error.facts["verdict"] == "could not tell"
    assert "no data for 60 s" in error.what


def test_a_short_gap_is_outgrown_by_looking_longer(watched: Watched) -> None:
    watched.seconds(range(730))
    watched.gap(100, 119)
    run(watch, watched.ctx)
    assert watched.elapsed() == pytest.approx(19 / 0.05, abs=1)


def test_a_process_that_is_gone_with_its_supervisor_takes_production_back(watched: Watched) -> None:
    watched.seconds(range(370))

    def dies(_seconds: float) -> None:
        if watched.elapsed() > 50:
            watched.scene.clock.on_wait = lambda _seconds: None
            watched.scene.runtime["production"].kill_supervisor("green")

    watched.scene.clock.on_wait = dies
    error = watched.fails()
    assert (error.cause, error.facts) == ("trigger", {"trigger": "lost process"})
    assert "is gone, and so is its supervisor" in error.what
    assert 50 < watched.elapsed() < 52


def test_a_process_that_dies_under_watch_takes_production_back_though_it_was_restarted(watched: Watched) -> None:
    watched.seconds(range(370))
    watched.scene.runtime["production"].die("green")
    assert "died 1 times under watch" in watched.fails().what


def test_after_a_rollback_the_old_version_is_watched_without_triggers(tmp_path: Path) -> None:
    watched = Watched(Scene(tmp_path), "production/back-watch")
    watched.seconds(range(190), slot="blue")
    watched.seconds(range(190), slot="green", errors=1)
    assert run(watch, watched.ctx).facts["errors"] == 0
    assert 180 <= watched.elapsed() < 182


def test_after_a_rollback_errors_fail_at_the_end_and_pull_nothing(tmp_path: Path) -> None:
    watched = Watched(Scene(tmp_path), "production/back-watch")
    watched.seconds(range(190), slot="blue", errors=1)
    assert watched.fails().cause == "gate"


def test_a_controller_that_died_in_between_misses_nothing(watched: Watched) -> None:
    """Its successor reads the log anew from when the watch began."""
    watched.seconds(range(370))
    watched.scene.clock.wait(360)
    report = watch.observe(watched.ctx)
    assert report is not None
    assert report.facts["requests"] == 360


# --- the log, read bit by bit ---------------------------------------------------------------------


@given(
    st.lists(st.tuples(st.integers(0, 90), st.integers(0, 3), st.integers(1, 4)), max_size=30),
    st.lists(st.tuples(st.integers(0, 80), st.integers(3, 20)), max_size=2, unique_by=lambda gap: gap[0] // 30),
    st.lists(st.floats(0.1, 12), min_size=1, max_size=20),
    st.floats(0, 0.9),
)
@settings(max_examples=150, deadline=None)
def test_a_log_read_bit_by_bit_is_the_same_as_read_at_once(
    traffic: list[tuple[int, int, int]], gaps: list[tuple[int, int]], pauses: list[float], fraction: float
) -> None:
    begun = datetime.fromisoformat("2026-01-01T12:00:00+00:00") + timedelta(seconds=fraction)
    seconds = begun.replace(microsecond=0)
    proxy = FakeProxy()
    for at, errors, requests in traffic:
        when = seconds + timedelta(seconds=at)
        proxy.buckets.append(Bucket(when, "green", requests, min(errors, requests), 0, 0, (at,) * requests))
    proxy.gaps = [(seconds + timedelta(seconds=at), seconds + timedelta(seconds=at + long)) for at, long in gaps]

    def log() -> _Log:
        made = object.__new__(_Log)
        made.begun = made._settled_until = begun
        made._settled, made._gap_seconds = [], 0.0
        made._read = lambda since, until: _read(proxy.traffic(since, until), begun)  # type: ignore[method-assign]
        return made

    patient, now = log(), begun
    for pause in pauses:
        now += timedelta(seconds=pause)
        bit_by_bit, at_once = patient.read(now), log().read(now)
        assert _sums(bit_by_bit) == _sums(at_once)
        assert bit_by_bit.gap_seconds == pytest.approx(at_once.gap_seconds, abs=1e-3)
    assert patient._settled_until <= max(begun, now - timedelta(seconds=SETTLE_SECONDS))


def _read(traffic: Traffic, begun: datetime) -> tuple[list[Second], float]:
    found = [Second((b.at - begun).total_seconds(), b.requests, b.errors, b.latency_ms) for b in traffic.buckets]
    return found, sum((end - begin).total_seconds() for begin, end in traffic.gaps)


def _sums(seen: Seen) -> tuple[float, list[tuple[float, int, int, tuple[int, ...]]]]:
    return seen.elapsed_seconds, sorted((s.at, s.requests, s.errors, s.latency_ms) for s in seen.seconds)
