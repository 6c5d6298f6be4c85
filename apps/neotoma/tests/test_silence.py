"""No library writes into the logs by its own rules: lines that are no JSON, and may hold what nobody should read."""

import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src"
TALKING = """
import logging, psycopg, psycopg_pool.sched_async, psycopg.transaction
names = [name for name in logging.root.manager.loggerDict if name.startswith("psycopg")]
assert len(names) > 3, names
for name in [*names, "asyncio", "python_multipart"]:
    logging.getLogger(name).warning("query cancellation interrupted: %s", "secret")
    logging.getLogger(name).error("secret")
"""
BEGUN = {
    "serve": "from neotoma import server; server.serve('127.0.0.1', 0)",
    "mcp": "import argparse; from neotoma.commands import mcp; mcp.run(argparse.Namespace())",
}


@pytest.mark.parametrize("command", BEGUN)
def test_what_the_driver_and_other_libraries_warn_of_is_not_in_the_logs(command: str) -> None:
    program = [sys.executable, "-c", f"{BEGUN[command]}\n{TALKING}"]
    done = subprocess.run(program, env={"PYTHONPATH": str(SOURCE)}, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "No database: set DATABASE_URL.\n"
