"""Versions that cannot be built, migrated to or become healthy are found out in staging, which is taken back."""

from __future__ import annotations

import pytest
from tests.e2e.desk import NEXT, columns, goaround, release, session, toml, unharmed, variant
from tests.shop.shop import Shop

pytestmark = pytest.mark.xdist_group("e2e-bad-versions")
BUILDS = {
    "missing": ('["no-such-program"]', 4, "the build failed with exit code 127"),
    "failing": ('["sh", "-c", "echo no flour; exit 3"]', 4, "the build failed with exit code 3: no flour"),
    "hanging": ('["sleep", "600"]', 124, "the build did not end within its time-out"),
}


@pytest.mark.parametrize("how", BUILDS)
def test_what_cannot_be_built_is_not_deployed(standing: Shop, how: str) -> None:
    command, code, says = BUILDS[how]
    version = variant(standing, f"v1.1.0-build-{how}", NEXT)
    with toml(standing, ("[run]", f'[build]\ncommand = {command}\ntimeout = "1s"\n\n[run]')):
        release(standing, version).clear(code, says, "nothing was deployed", f"goaround logs {version} staging/build")
    assert how != "failing" or "no flour" in goaround(standing, "logs", version, "staging/build").out
    unharmed(standing)


HEALTH = '            case ["health"]:\n'
HEADER = 'self.send_header("X-Version", TOLD["version"])\n'
ILL = {
    "hangs": ((HEALTH, HEALTH + "                threading.Event().wait()\n"), "no complete answer within 3 s"),
    "redirects": (
        (HEALTH, HEALTH + '                return 302, {"see": "/items/count"}\n'),
        "302 redirects to /items/count",
    ),
    "errs": ((HEALTH, HEALTH + '                return 500, {"error": "ill"}\n'), "500 Internal Server Error"),
    "dies": (("import json\n", 'import json\nraise SystemExit("no bread")\n'), "Connection refused"),
}


@pytest.mark.parametrize("how", ILL)
def test_a_version_that_is_not_healthy_never_gets_traffic(standing: Shop, how: str) -> None:
    edit, says = ILL[how]
    version = f"v1.1.0-{how}"
    leads = ("service.py", HEADER, f'{HEADER}            self.send_header("Location", "/items/count")\n')
    variant(standing, version, NEXT, ("service.py", *edit), *([leads] if how == "redirects" else []))
    with toml(standing, ('start_timeout = "10s"', 'start_timeout = "2s"'), ('grace = "5s"', 'grace = "1s"')):
        said = release(standing, version)
    said.clear(4, says, "the traffic of staging was not moved", f"goaround logs {version} staging/green")
    assert "did not become healthy on staging/green within 2 s" in said.out
    assert how != "dies" or "no bread" in said.out
    assert standing.state(version).of(f"{version}/staging/traffic").attempt == 0
    unharmed(standing)


def test_a_migration_that_waits_for_a_lock_fails_and_nothing_is_half_done(standing: Shop) -> None:
    version = variant(standing, "v1.1.0-locked", NEXT)
    with session(standing, "staging") as somebody:
        somebody.execute("BEGIN; LOCK TABLE items IN ACCESS SHARE MODE")
        said = release(standing, version)
        assert "note" not in columns(standing, "staging")
    said.clear(4, "lock timeout", "the schema of staging was 0001 before", f"goaround logs {version} staging/migrate")
    unharmed(standing)


def test_a_migration_that_takes_too_long_is_ended_in_the_database_as_well(standing: Shop) -> None:
    """Else the server would go on with it, and have its effect after everything was taken back."""
    version = "v1.1.0-slow"
    before = "SELECT pg_sleep(0)"
    variant(standing, version, NEXT, ("migrations/0002_note.up.sql", before, "SELECT pg_sleep(50)"))
    with toml(standing, ('timeout = "30s"\n\n[run]', 'timeout = "2s"\n\n[run]')):
        said = release(standing, version)
    said.clear(124, "the database migration did not end within its time-out", "may be half-way", "goaround logs")
    going_on = "SELECT FROM pg_stat_activity WHERE query LIKE '%pg_sleep(50)%' AND pid <> pg_backend_pid()"
    assert standing.query("staging", going_on) == []
    unharmed(standing)


@pytest.mark.parametrize("loosely", [False, True], ids=["in a transaction", "half-way"])
def test_a_migration_that_fails_is_taken_back(standing: Shop, *, loosely: bool) -> None:
    version = "v1.1.0-loose" if loosely else "v1.1.0-tight"
    path, how = "migrations/0002_note.up.sql", "-- not in a transaction\n;\n" if loosely else ""
    begins = (path, "SELECT pg_sleep(0)", f"{how}SELECT 0")
    fails = (path, "DEFAULT ''", "DEFAULT '';\nSELECT 1 / 0")
    # Declared to be kept, which is said of a schema that is whole.
    kept = (f"releases/{version}/manifest.toml", 'rollback = "down"', 'rollback = "keep"')
    variant(standing, version, NEXT, begins, fails, kept)
    before = standing.migration_log("staging")
    said = release(standing, version)
    said.clear(4, "division by zero", "may be half-way; the old version serves", "goaround logs")
    unharmed(standing)
    done = standing.migration_log("staging")[len(before) :]
    assert done == ([("0002", "begun"), ("0002", "down")] if loosely else [])


def test_tests_that_fail_take_staging_back(standing: Shop) -> None:
    stale = ("probe.py", 'if suite == "integration":', "sys.exit('stale bread')\n    if suite:")
    version = variant(standing, "v1.1.0-untrue", NEXT, stale)
    said = release(standing, version)
    said.clear(4, "stale bread", "it ran against staging", f"goaround logs {version} staging/integration")
    unharmed(standing)
