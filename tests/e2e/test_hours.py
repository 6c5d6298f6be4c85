"""Production changes only when it may; a release waits for that as it waits for people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.e2e.desk import NEXT, goaround, release, serves, toml, unharmed, variant
from tests.shop.shop import Shop

pytestmark = pytest.mark.xdist_group("e2e-people")
LISTEN = "[environments.production]\n"


def test_in_a_freeze_a_signed_release_waits_with_nothing_held_and_can_be_ended(standing: Shop) -> None:
    version = variant(standing, "v1.1.0-frozen", NEXT)
    today = datetime.now(UTC).date()
    first, last = today - timedelta(days=1), today + timedelta(days=1)
    freeze = f'freezes = [{{ from = {first}, to = {last}, reason = "stocktaking" }}]\n'
    with toml(standing, (LISTEN, LISTEN + freeze)):
        assert "(stocktaking)" in goaround(standing, "plan", version, "--ref", f"release/{version}").ended(0).out
        release(standing, version).ended(5)
        goaround(standing, "answer", "look", "--note", "fine").ended(0)
        goaround(standing, "resume").ended(5)
        goaround(standing, "sign").ended(0)
        said = goaround(standing, "resume").ended(5)
        opens = last + timedelta(days=1)
        assert f"frozen from {first} to {last}: stocktaking; it waits until {opens} 00:00 UTC" in said.all
        assert f"go on then: goaround resume {version}" in said.err
        assert all(standing.house.locks.holder(name) is None for name in ("staging", "production"))
        assert serves(standing, "production", "v1.0.0")
        goaround(standing, "abort", "--reason", "not before the new year").ended(0)
    unharmed(standing)
