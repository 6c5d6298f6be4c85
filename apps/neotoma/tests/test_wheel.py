"""The wheel has all that the service needs: an installed copy migrates without the tree that it was built from."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from apps.neotoma.tests.support import Database

HERE = Path(__file__).parents[1]
UV = Path(sys.executable).with_name("uv")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel puts into one. Beside it lie somebody else's migrations."""
    folder = tmp_path_factory.mktemp("wheel")
    run = [str(UV), "build", "--quiet", "--wheel", "--no-config", "--out-dir", str(folder / "built"), str(HERE)]
    subprocess.run(run, check=True, cwd=folder, capture_output=True)
    (wheel,) = (folder / "built").glob("*.whl")
    target = folder / "installed"
    to = [str(UV), "pip", "install", "--quiet", "--no-deps", "--target", str(target), "--python", sys.executable]
    subprocess.run([*to, str(wheel)], check=True, cwd=folder, capture_output=True)
    (folder / "migrations").mkdir()
    (folder / "migrations" / "0001_foreign.up.sql").write_text("SELECT 1")
    return target


def ran(installed: Path, database: Database, *words: str) -> str:
    """What an installed ``neotoma`` prints."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(installed)}
    environment |= {"MIGRATION_DATABASE_URL": database.url("owner"), "APP_ROLE": "app"}
    command = [sys.executable, "-m", "neotoma", *words]
    done = subprocess.run(command, cwd=installed, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_installed_copy_knows_and_applies_every_migration(installed: Path, database: Database) -> None:
    names = sorted(path.name.removesuffix(".up.sql") for path in HERE.glob("migrations/*.up.sql"))
    known = [name.replace("_", " ", 1) for name in names]
    listed = ran(installed, database, "migrate", "list").splitlines()
    assert listed == [f"{name}: not applied" for name in known]
    assert ran(installed, database, "migrate", "up").endswith(f"schema {known[-1][:4]}\n")
    assert ran(installed, database, "migrate", "down", "--to", "0").endswith("schema 0\n")


def test_the_wheel_has_every_file_of_the_package(installed: Path) -> None:
    source = HERE / "src" / "neotoma"
    wanted = {path.relative_to(source) for path in source.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    assert {path for path in wanted if not (installed / "neotoma" / path).is_file()} == set()
