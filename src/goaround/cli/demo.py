"""``goaround demo``"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click

from goaround.cli.common import guarded
from goaround.domain.errors import Unavailable


@click.command(help="Release neotoma on embedded parts, then a bad version that takes itself back.")
@click.argument("which", type=click.Choice(["all", "good", "bad", "stop"]), default="all")
@click.option("--keep", is_flag=True, help="Leave everything running.")
@click.pass_obj
@guarded
def command(directory: str, which: str, keep: bool) -> int:
    checkout = Path(__file__).resolve().parents[3]
    script = checkout / "apps" / "neotoma" / "demo" / "run.py"
    if not script.exists():
        raise Unavailable(
            "the demo needs neotoma, which comes with the repository and not with the package",
            state="nothing was started",
            remedy="clone the repository and run: make demo",
        )
    folder = Path(directory) / ".goaround" / "demo"
    return subprocess.run([sys.executable, str(script), str(folder), which, *(["--keep"] if keep else [])]).returncode
