"""``goaround demo``"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click

from goaround.cli.common import guarded, json_option, print_json
from goaround.domain.errors import Unavailable


@click.command(help="Release neotoma on embedded parts, then a bad version that takes itself back.")
@click.argument("which", type=click.Choice(["all", "good", "bad", "stop"]), default="all")
@click.option("--keep", is_flag=True, help="Leave everything running.")
@json_option
@click.pass_obj
@guarded
def command(directory: str, which: str, keep: bool, as_json: bool) -> int:
    checkout = Path(__file__).resolve().parents[3]
    script = checkout / "apps" / "neotoma" / "demo" / "run.py"
    if not script.exists():
        raise Unavailable(
            "the demo needs neotoma, which comes with the repository and not with the package",
            state="nothing was started",
            remedy="clone the repository and run: make demo",
        )
    folder = Path(directory) / ".goaround" / "demo"
    arguments = [sys.executable, str(script), str(folder), which, *(["--keep"] if keep else [])]
    done = subprocess.run(arguments, stdout=sys.stderr if as_json else None, check=False)
    if as_json and which != "stop":
        print_json(json.loads((folder / "summary.json").read_text()))
    return done.returncode
