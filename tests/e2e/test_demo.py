"""The demo is what a newcomer sees first: it must show what it says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

KEYS = {
    "version", "outcome", "seconds", "rollback_seconds", "requests_served", "requests_failed", "requests_held",
    "rows_acknowledged", "rows_found",
}  # fmt: skip


@pytest.mark.timeout(400)
def test_the_demo_releases_a_good_version_and_takes_a_bad_one_back_without_losing_a_row(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "goaround", "-C", str(tmp_path), "demo", "bad", "--json"],
        capture_output=True,
        text=True,
        timeout=380,
    )
    assert done.returncode == 0, done.stderr
    good, bad = json.loads(done.stdout)
    assert json.loads((tmp_path / ".goaround/demo/summary.json").read_text()) == [good, bad]
    assert KEYS == set(good) == set(bad)
    assert (good["outcome"], bad["outcome"]) == ("released", "rolled_back")
    assert good["requests_failed"] == 0 < good["requests_served"]
    assert good["rollback_seconds"] is None
    assert 0 < bad["rollback_seconds"] < bad["seconds"]
    assert bad["requests_failed"] > 0, "the bad version was never seen to be bad"
    for one in (good, bad):
        assert one["rows_found"] == one["rows_acknowledged"] > 0
    assert "alert v1.1.0-errors" in done.stderr
    leftovers = subprocess.run(["pgrep", "-f", str(tmp_path)], capture_output=True, text=True)
    assert leftovers.stdout == "", "the demo left something running"
