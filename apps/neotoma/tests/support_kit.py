"""Runs the validation kit as goaround does: a script of the release, with an interpreter that has nothing installed."""

import os
import subprocess
import sys
from pathlib import Path

from apps.neotoma.tests.support import TOKEN, Service


def validate(tree: Path, script: str, service: Service, *options: str) -> subprocess.CompletedProcess[str]:
    """Run one script of the kit of a version against a service."""
    return validate_url(tree, script, service.url, *options)


def validate_url(tree: Path, script: str, url: str, *options: str) -> subprocess.CompletedProcess[str]:
    """The same against any address."""
    command = [sys.executable, "-S", str(tree / "validation" / f"{script}.py"), "--base-url", url, *options]
    environ = {"PATH": os.environ["PATH"], "NEOTOMA_TOKEN": TOKEN}
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120)
