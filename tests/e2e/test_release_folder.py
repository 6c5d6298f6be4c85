"""From an empty folder to a page that tells a real release, with the people's words kept."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.e2e.desk import NEXT, goaround
from tests.shop.shop import Shop

pytestmark = pytest.mark.xdist_group("e2e-people")
UNIT = '[[features]]\nid = "FU-1"\nname = "Notes"\npriority = "P0"\nstatus = "completed"\ntests = ["probe.py"]\n'


@contextmanager
def branch(shop: Shop, name: str, origin: str) -> Iterator[None]:
    shop.git("switch", "--quiet", "--create", name, origin)
    try:
        yield
    finally:
        shop.git("switch", "--quiet", "--discard-changes", "main")


def test_a_folder_that_was_made_is_planned_with_its_units(standing: Shop) -> None:
    with branch(standing, "made", f"release/{NEXT}"):
        made = goaround(standing, "new", "v1.2.0", "--owner", "mark", "--json").ended(0).json
        assert made["previous"] == "v1.0.0", "what production serves"
        manifest = standing.project / "releases" / "v1.2.0" / "manifest.toml"
        manifest.write_text(manifest.read_text() + UNIT.replace('["probe.py"]', "[]"))
        standing.git("add", "--all")
        standing.git("commit", "--quiet", "--message=v1.2.0")
        refused = goaround(standing, "plan", "v1.2.0").ended(3)
        assert "releases/v1.2.0/manifest.toml:" in refused.err
        assert "FU-1 is P0 and has no tests" in refused.err
        manifest.write_text(manifest.read_text().replace("tests = []\n", 'tests = ["probe.py"]\n'))
        goaround(standing, "check").ended(0)
        standing.git("commit", "--quiet", "--all", "--message=v1.2.0")
        planned = goaround(standing, "plan", "v1.2.0").ended(0)
        assert "P0 units: 1 of 1 completed: ✓ FU-1 Notes" in planned.out
        assert goaround(standing, "plan", "v1.2.0", "--json").ended(0).json["units"][0]["tests"] == ["probe.py"]


def test_a_real_release_is_told_in_its_page_and_the_words_of_people_stay(standing: Shop) -> None:
    goaround(standing, "new", "v1.0.0").clear(9, "v1.0.0 has been released", "nothing was", "next version")
    with branch(standing, "told", "release/v1.0.0"):
        page = standing.project / "releases" / "v1.0.0" / "status.md"
        theirs = "# Ours\r\n\n<!-- goaround:begin -->\nold\n<!-- goaround:end -->\nand *ours*"
        page.write_bytes(theirs.encode())
        assert goaround(standing, "status", "v1.0.0", "--write", "--json").ended(0).json["changed"] is True
        told = page.read_bytes().decode()
        assert told.startswith("# Ours\r\n\n<!-- goaround:begin -->\n")
        assert told.endswith("<!-- goaround:end -->\nand *ours*")
        assert "**v1.0.0 released: " in told
        assert re.search(
            r"\| ✓ \| production/watch \| 0 of \d+ requests failed \(0\.00%\), P95 [\d.]+ s; allowed: ", told
        )
        assert len(re.findall(r"\| (?:staging|production)/sign-off \| owner \| \d{4}-.* \| yes, by name \|", told)) == 2
        assert goaround(standing, "status", "v1.0.0", "--write", "--json").ended(0).json["changed"] is False
        assert json.loads(goaround(standing, "status", "v1.0.0", "--json").out)["outcome"] == "released"
        page.unlink()
