"""What every front door does, the real one and the fake."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.fakes.proxy import FakeProxy
from tests.front_door import World
from tests.front_door import world as real_world
from tests.polling import until

from goaround.domain.errors import Unavailable
from goaround.ports import SLOTS, Proxy, Slot


@dataclass(frozen=True)
class Scene:
    """A front door, and what the test does around it. ``visit`` says who answers: a slot, or ``maintenance``."""

    proxy: Proxy
    visit: Callable[[], str]
    set_up: Callable[[Slot, bool], None]
    kill: Callable[[], None]


@contextmanager
def fake() -> Iterator[Scene]:
    proxy = FakeProxy()

    def visit() -> str:
        who = proxy.visit()
        proxy.record(datetime.now(UTC), who if who in SLOTS else None, errors=int(who == "maintenance"))
        return who

    yield Scene(proxy, visit, proxy.up.__setitem__, lambda: setattr(proxy, "dead", True))


@contextmanager
def real(folder: Path) -> Iterator[Scene]:
    def set_up(door: World, slot: Slot, up: bool) -> None:
        door.tell_service(slot, "/well" if up else "/sick")
        until(lambda: door.proxy.state().up[slot] == up)

    def kill(door: World) -> None:
        door.runtime.stop(door.proxy.name)

    def visit(door: World) -> str:
        reply = door.ask()
        return reply.version if reply.status == 200 else "maintenance"

    with real_world(folder, serving=None) as door:
        until(lambda: all(door.proxy.state().up.values()))
        yield Scene(door.proxy, lambda: visit(door), lambda slot, up: set_up(door, slot, up), lambda: kill(door))


@pytest.fixture(params=["real", "fake"])
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    with real(tmp_path) if request.param == "real" else fake() as there:
        there.proxy.ensure()
        yield there


def test_at_first_visitors_get_the_maintenance_answer(scene: Scene) -> None:
    state = scene.proxy.ensure()
    assert (state.running, state.serving, state.holding) == (True, None, False)
    assert scene.visit() == "maintenance"


def test_all_new_requests_go_to_the_slot_that_serves(scene: Scene) -> None:
    for slot in ("blue", "green", "green", "blue"):
        scene.proxy.serve("blue" if slot == "blue" else "green")
        assert scene.proxy.state().serving == slot
        assert scene.visit() == slot
    scene.proxy.serve(None)
    assert scene.visit() == "maintenance"


def test_a_slot_that_is_not_up_gets_nothing_and_nothing_changes(scene: Scene) -> None:
    scene.proxy.serve("blue")
    scene.set_up("green", False)
    with pytest.raises(Unavailable):
        scene.proxy.serve("green")
    state = scene.proxy.state()
    assert (state.serving, state.up) == ("blue", {"blue": True, "green": False})
    assert scene.visit() == "blue"
    scene.set_up("green", True)
    scene.proxy.serve("green")
    assert scene.visit() == "green"


def test_holding_and_serving_are_told_apart(scene: Scene) -> None:
    scene.proxy.serve("blue")
    for _ in range(2):
        scene.proxy.hold(True)
        state = scene.proxy.state()
        assert (state.serving, state.holding) == ("blue", True)
    scene.proxy.serve("green")
    assert scene.proxy.state().holding
    scene.proxy.hold(False)
    state = scene.proxy.state()
    assert (state.serving, state.holding) == ("green", False)
    assert scene.visit() == "green"


def test_what_it_was_told_outlives_it(scene: Scene) -> None:
    scene.proxy.serve("green")
    scene.proxy.hold(True)
    scene.kill()
    state = scene.proxy.state()
    assert (state.running, state.serving, state.holding) == (False, "green", True)
    assert not any(state.up.values())
    with pytest.raises(Unavailable):
        scene.proxy.serve("blue")
    state = scene.proxy.ensure()
    assert (state.running, state.serving, state.holding) == (True, "green", True)


def test_traffic_is_counted_by_slot_and_second(scene: Scene) -> None:
    since = datetime.now(UTC).replace(microsecond=0)
    scene.visit()
    scene.proxy.serve("blue")
    for _ in range(3):
        scene.visit()
    scene.proxy.serve("green")
    scene.visit()

    def counts() -> dict[Slot | None, tuple[int, int]]:
        buckets = scene.proxy.traffic(since, datetime.now(UTC)).buckets
        assert list(buckets) == sorted(buckets, key=lambda bucket: bucket.at)
        assert all(bucket.at.microsecond == 0 for bucket in buckets)
        assert all(len(bucket.latency_ms) == bucket.requests for bucket in buckets)
        of = {slot: [b for b in buckets if b.slot == slot] for slot in (*SLOTS, None)}
        return {slot: (sum(b.requests for b in bs), sum(b.errors for b in bs)) for slot, bs in of.items()}

    until(lambda: counts() == {"blue": (3, 0), "green": (1, 0), None: (1, 1)})
    later = datetime.now(UTC) + timedelta(hours=1)
    assert scene.proxy.traffic(later, later + timedelta(seconds=1)).buckets == ()
