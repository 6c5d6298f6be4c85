"""The public conformance suite of MCP, against neotoma as it runs and against neotoma with the suite's own fixtures."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from apps.neotoma.tests import support_conformance
from apps.neotoma.tests.conftest import HERE
from apps.neotoma.tests.support import TOKEN, Database, Service, serving

pytestmark = pytest.mark.xdist_group("conformance")  # one worker installs the suite
ACTIVE = 30
"""Scenarios of the active suite of 0.1.16."""
NEWEST, OF_THE_NEWEST = "2026-07-28", 20
"""A revision, and the preview's active scenarios for it."""
WITHOUT_FIXTURES = ("server-initialize", "ping", "tools-list", "dns-rebinding-protection")


@pytest.fixture(scope="module")
def with_fixtures(current_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Neotoma with the suite's fixtures."""
    logs = tmp_path_factory.mktemp("fixtures")
    with serving(HERE, current_database, logs, program=support_conformance.SERVED) as service:
        yield service


def test_neotoma_with_the_suites_fixtures_passes_every_active_scenario(with_fixtures: Service, tmp_path: Path) -> None:
    with support_conformance.carrying(TOKEN, f"{with_fixtures.url}/mcp") as url:
        found = support_conformance.checks(url, tmp_path / "results")
    assert support_conformance.complaints(found) == []
    assert len(found) == ACTIVE
    print(f"conformance: {support_conformance.passed(found)} checks of {len(found)} scenarios passed")
    assert support_conformance.passed(found) >= ACTIVE + 10


def test_the_newest_revision_passes_every_scenario_of_the_preview(with_fixtures: Service, tmp_path: Path) -> None:
    with support_conformance.carrying(TOKEN, f"{with_fixtures.url}/mcp") as url:
        words = ("--spec-version", NEWEST)
        found = support_conformance.checks(url, tmp_path / "results", *words, suite=support_conformance.PREVIEW)
    assert support_conformance.complaints(found) == []
    assert len(found) == OF_THE_NEWEST
    print(f"conformance, {NEWEST}: {support_conformance.passed(found)} checks of {len(found)} scenarios passed")
    assert support_conformance.passed(found) >= 2 * OF_THE_NEWEST


@pytest.mark.parametrize("scenario", WITHOUT_FIXTURES)
def test_neotoma_as_it_runs_passes_what_needs_no_fixtures(current: Service, tmp_path: Path, scenario: str) -> None:
    with support_conformance.carrying(TOKEN, f"{current.url}/mcp") as url:
        found = support_conformance.checks(url, tmp_path / "results", "--scenario", scenario)
    assert support_conformance.complaints(found) == []
    assert support_conformance.passed(found) >= 1


@pytest.mark.parametrize("scenario", ["tools-list", "http-header-validation", "dns-rebinding-protection"])
def test_neotoma_as_it_runs_speaks_the_newest_revision(current: Service, tmp_path: Path, scenario: str) -> None:
    with support_conformance.carrying(TOKEN, f"{current.url}/mcp") as url:
        words = ("--scenario", scenario, "--spec-version", NEWEST)
        found = support_conformance.checks(url, tmp_path / "results", *words, suite=support_conformance.PREVIEW)
    assert support_conformance.complaints(found) == []
    assert support_conformance.passed(found) >= 2


def test_the_suite_sees_a_server_that_lets_nobody_in(current: Service, tmp_path: Path) -> None:
    found = support_conformance.checks(f"{current.url}/mcp", tmp_path / "results", "--scenario", "ping")
    assert support_conformance.passed(found) == 0
    assert len(support_conformance.complaints(found)) == 1


def test_the_lock_names_the_public_registry_alone() -> None:
    lock = (support_conformance.FOLDER / "package-lock.json").read_text()
    addresses = [line.split('"')[3] for line in lock.splitlines() if '"resolved":' in line]
    assert len(addresses) > 100
    assert all(address.startswith("https://registry.npmjs.org/") for address in addresses)
