"""The way back of one environment, for every case there is."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from tests.unit.releases import DOWN, FIRST, FULL_TERMS, HELD, PLAIN, RELEASE

from goaround.domain.recovery import Recovery, Touched, choose
from goaround.domain.release import Release

PLACED = Touched(placed=True)
MIGRATED = Touched(placed=True, migrating=True)
SERVING = Touched(placed=True, migrating=True, serving=True)
HALF_WAY = Touched(placed=True, migrating=True, migration_failed=True)
NO_DOWN = replace(FULL_TERMS, can_go_down=False)


def test_untouched_is_untouched_and_placed_is_something() -> None:
    assert not Touched().anything
    assert PLACED.anything


@pytest.mark.parametrize("touched", [PLACED, MIGRATED, SERVING, HALF_WAY])
def test_a_first_release_goes_back_to_nobody_and_its_schema_stays(touched: Touched) -> None:
    found = choose(FIRST, FULL_TERMS, touched)
    assert (found.to, found.schema, found.hold) == (None, "keep", False)


@pytest.mark.parametrize("release", [RELEASE, DOWN, HELD])
def test_before_a_migration_began_the_schema_is_kept(release: Release) -> None:
    assert choose(release, FULL_TERMS, PLACED) == Recovery("v0.9.2", "keep", False, "the schema was not changed")


def test_a_release_without_migrations_keeps_the_schema() -> None:
    assert choose(PLAIN, FULL_TERMS, replace(SERVING, migrating=False)).schema == "keep"
    assert choose(PLAIN, FULL_TERMS, SERVING).schema == "keep"


def test_a_declared_keep_is_kept() -> None:
    found = choose(RELEASE, FULL_TERMS, SERVING)
    assert found == Recovery("v0.9.2", "keep", False, "v0.9.2 is declared to work on the new schema")


def test_without_down_migrations_the_schema_can_only_be_kept() -> None:
    assert choose(DOWN, NO_DOWN, SERVING).schema == "keep"
    assert choose(DOWN, NO_DOWN, HALF_WAY).schema == "keep"


@pytest.mark.parametrize("touched", [MIGRATED, SERVING])
def test_traffic_moves_first_where_the_old_version_works_on_the_new_schema(touched: Touched) -> None:
    assert choose(DOWN, FULL_TERMS, touched) == Recovery(
        "v0.9.2", "down", False, "traffic moves first, then the schema"
    )


@pytest.mark.parametrize("touched", [MIGRATED, SERVING])
def test_requests_wait_where_it_does_not(touched: Touched) -> None:
    found = choose(HELD, FULL_TERMS, touched)
    assert (found.to, found.schema, found.hold) == ("v0.9.2", "down", True)


@pytest.mark.parametrize("release", [RELEASE, DOWN, HELD])
def test_a_migration_that_failed_half_way_is_taken_down_even_if_a_keep_was_declared(release: Release) -> None:
    found = choose(release, FULL_TERMS, HALF_WAY)
    assert (found.schema, found.hold) == ("down", not release.old_version_works)
    assert "half-way" in found.because


def test_requests_wait_only_for_a_schema_that_changes() -> None:
    touches = [Touched(*flags) for flags in itertools.product((False, True), repeat=4)]
    for release, terms, touched in itertools.product(
        (RELEASE, DOWN, HELD, PLAIN, FIRST), (FULL_TERMS, NO_DOWN), touches
    ):
        found = choose(release, terms, touched)
        assert not found.hold or found.schema == "down"
        assert found.schema == "keep" or (terms.can_go_down and touched.migrating)
        assert found.to == release.previous
        assert found.because
