"""The command line says which version it is."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.mark.parametrize("version", ["v0.9.0", "v1.0.0", "v1.1.0"])
def test_the_command_line_says_which_version_it_is(tree: Callable[[str], Path], version: str) -> None:
    command = [sys.executable, "-m", "neotoma", "--version"]
    environment = {"PYTHONPATH": str(tree(version) / "src"), "PYTHONWARNINGS": "error"}
    told = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert (told.returncode, told.stdout, told.stderr) == (0, f"neotoma {version}\n", "")
