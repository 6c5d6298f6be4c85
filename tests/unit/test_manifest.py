"""A manifest says what a release is made of; every mistake in it is told at once, with its place."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.config_examples import FULL

from goaround.cli.main import cli
from goaround.config.load import parse_manifest
from goaround.config.manifest import Acceptance, FailureMode
from goaround.domain.errors import ConfigurationError
from goaround.domain.release import FeatureUnit

RICH = """\
version = "v1.0.0"
previous = "v0.9.2"
name = "Memory for agents"
owner = "mark"
target_date = 2026-10-12
[migrations]
old_version_works = true

[[features]]
id = "FU-100"
name = "Uploads"
priority = "P0"
status = "completed"
tests = ["tests/test_uploads.py", "tests/test_csv.py::test_a_row"]
[[features]]
id = "FU-101"
name = "Search"
priority = "P0"
status = "in_progress"
depends_on = ["FU-100"]
tests = ["tests/test_search.py"]
[[features]]
id = "FU-102"
name = "Timeline"
priority = "P2"
depends_on = ["FU-100", "FU-101"]

[[acceptance]]
id = "uploads"
says = "People upload what they have"
test = "tests/test_uploads.py"
[[acceptance]]
id = "success"
says = "At least 95 % of uploads succeed"
query = "uploads_succeeded / uploads >= 0.95"

[[pre_mortem]]
id = "pool"
what = "The connection pool runs dry"
probability = "low"
impact = "high"
signals = ["P95 of /search", "errors 503"]
rollback = "keep the schema, move the traffic"
"""


def mistakes(text: str, folder: str = "") -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as refused:
        parse_manifest(text, "manifest.toml", folder)
    return refused.value.mistakes


def test_a_manifest_says_what_the_release_is_made_of() -> None:
    manifest = parse_manifest(RICH, "manifest.toml", "v1.0.0")
    assert (manifest.name, manifest.owner, manifest.target_date) == ("Memory for agents", "mark", date(2026, 10, 12))
    assert [feature.unit for feature in manifest.features] == [
        FeatureUnit(
            "FU-100", "Uploads", "P0", "completed", (), ("tests/test_uploads.py", "tests/test_csv.py::test_a_row")
        ),
        FeatureUnit("FU-101", "Search", "P0", "in_progress", ("FU-100",), ("tests/test_search.py",)),
        FeatureUnit("FU-102", "Timeline", "P2", "planned", ("FU-100", "FU-101")),
    ]
    assert manifest.acceptance[1] == Acceptance(
        id="success", says="At least 95 % of uploads succeed", query="uploads_succeeded / uploads >= 0.95"
    )
    assert manifest.pre_mortem[0] == FailureMode(
        id="pool", what="The connection pool runs dry", probability="low", impact="high",
        signals=("P95 of /search", "errors 503"), rollback="keep the schema, move the traffic",
    )  # fmt: skip


def test_all_of_it_may_be_left_out() -> None:
    manifest = parse_manifest('version = "v1.0.0"', "manifest.toml")
    assert (manifest.name, manifest.owner, manifest.target_date) == (None, None, None)
    assert (manifest.features, manifest.acceptance, manifest.pre_mortem) == ((), (), ())


@pytest.mark.parametrize(
    ("old", "new", "place", "sentence"),
    [
        ("2026-10-12", '"soon"', "5:1", "a day without quotes"),
        ("2026-10-12", "2026-10-12T09:00:00", "5:1", "a day without"),
        ('"Memory for agents"', '"two\\nlines"', "3:1", "in one line"),
        ('owner = "mark"', 'owner = ""', "4:1", "in one line, not empty"),
        ('id = "FU-102"', 'id = "FU 102"', "23:1", "a short name of letters"),
        ('priority = "P0"', 'priority = "P3"', "12:1", "'P0', 'P1' or 'P2'"),
        ('"in_progress"', '"nearly"', "19:1", "'planned', 'in_progress' or 'completed'"),
        ('"tests/test_uploads.py", ', '"../elsewhere.py", ', "14:10", "within the repository"),
        ('"tests/test_uploads.py", ', '"/etc/passwd", ', "14:10", "within the repository"),
        ('id = "FU-102"', 'id = "FU-101"', "23:1", "used twice in features"),
        ('id = "success"', 'id = "uploads"', "33:1", "used twice in acceptance"),
        ('["FU-100", "FU-101"]', '["FU-100", "FU-109"]', "26:25", "known here: FU-100, FU-101, FU-102"),
        ('depends_on = ["FU-100"]', 'depends_on = ["FU-101"]', "20:15", "FU-101 → FU-101"),
        ('depends_on = ["FU-100"]', 'depends_on = ["FU-102"]', "20:15", "FU-101 → FU-102 → FU-101"),
        ('tests = ["tests/test_search.py"]', "tests = []", "21:1", "FU-101 is P0 and has no tests"),
        ('tests = ["tests/test_search.py"]', "", "15:1", "FU-101 is P0 and has no tests"),
        ('query = "uploads', 'test = "t.py"\nquery = "uploads', "32:1", "exactly one of the two"),
        ('test = "tests/test_uploads.py"', "", "28:1", "exactly one of the two"),
        ('probability = "low"', 'probability = "0.1"', "40:1", "'low', 'medium' or 'high'"),
        ('impact = "high"', "", "37:1", "impact is missing"),
        ('what = "The connection pool runs dry"', 'what = " "', "39:1", "some words"),
        ('signals = ["P95 of /search"', "signals = [95", "42:12", "is a number"),
        ("[[pre_mortem]]", "[[premortem]]", "37:3", "did you mean pre_mortem?"),
    ],
)
def test_a_mistake_is_told_with_its_place(old: str, new: str, place: str, sentence: str) -> None:
    assert old in RICH
    found = mistakes(RICH.replace(old, new, 1))
    assert len(found) == 1, found
    assert found[0].startswith(f"manifest.toml:{place}: ")
    assert sentence in found[0]
    assert " — " in found[0]


def test_a_completed_unit_needs_what_it_depends_on_completed() -> None:
    early = RICH.replace('priority = "P2"', 'priority = "P2"\nstatus = "completed"')
    assert mistakes(early) == (
        "manifest.toml:27:25: FU-102 is completed, and 'FU-101' that it depends on is in_progress"
        " — complete that first, or correct one of the two",
    )
    unsaid = RICH.replace('status = "in_progress"\n', "").replace(
        'priority = "P2"', 'priority = "P2"\nstatus = "completed"'
    )
    assert "'FU-101' that it depends on is planned" in mistakes(unsaid)[0]


def test_one_mistake_hides_no_other() -> None:
    text = RICH
    for old, new in (
        ("2026-10-12", '"soon"'),
        ('depends_on = ["FU-100"]', 'depends_on = ["FU-102", "nothing"]'),
        ('tests = ["tests/test_search.py"]', ""),
        ('id = "success"', 'id = "uploads"'),
        ('probability = "low"', 'probability = "never"'),
    ):
        text = text.replace(old, new, 1)
    assert [mistake.split(": ")[0] for mistake in mistakes(text, "v1.1.0")] == [
        "manifest.toml:1:1",
        "manifest.toml:5:1",
        "manifest.toml:15:1",
        "manifest.toml:20:15",
        "manifest.toml:20:25",
        "manifest.toml:33:1",
        "manifest.toml:40:1",
    ]


def test_of_two_units_with_one_id_the_first_is_meant() -> None:
    found = mistakes(RICH.replace('"FU-102"', '"FU-100"'))
    assert [mistake.split(": ", 1)[1] for mistake in found] == [
        "id 'FU-100' is used twice in features — choose another"
    ]


def test_tables_that_are_none_are_told_once() -> None:
    assert "features is a number — write a list" in mistakes('version = "v1.0.0"\nfeatures = 3')[0]
    assert "features.0 is text — write a table" in mistakes('version = "v1.0.0"\nfeatures = ["FU-1"]')[0]
    unit = 'version = "v1.0.0"\n[[features]]\nid = "a"\nname = "a"\npriority = "P1"\n'
    assert len(mistakes(unit + "depends_on = 3")) == len(mistakes(unit + "depends_on = [3]")) == 1


@given(st.lists(st.lists(st.integers(0, 5), max_size=3, unique=True), min_size=6, max_size=6))
def test_a_circle_is_found_where_there_is_one_and_nowhere_else(needs: list[list[int]]) -> None:
    units = "".join(
        f'[[features]]\nid = "u{unit}"\nname = "u"\npriority = "P1"\ndepends_on = {[f"u{other}" for other in others]}\n'
        for unit, others in enumerate(needs)
    )
    left = set(range(6))
    while free := {unit for unit in left if not left.intersection(needs[unit])}:
        left -= free
    try:
        parse_manifest(f'version = "v1.0.0"\n{units}', "manifest.toml")
        found = ""
    except ConfigurationError as error:
        found = str(error)
    assert ("in a circle" in found) == bool(left)


def test_check_finds_a_manifest_in_the_folder_of_another_version(tmp_path: Path) -> None:
    (tmp_path / "goaround.toml").write_text(FULL)
    folder = tmp_path / "releases" / "v1.1.0"
    folder.mkdir(parents=True)
    (folder / "manifest.toml").write_text(RICH)
    done = CliRunner().invoke(cli, ["-C", str(tmp_path), "check"])
    assert done.exit_code == 3
    assert "manifest.toml:1:1: version is v1.0.0, its folder says v1.1.0" in done.stderr
