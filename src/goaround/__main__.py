"""``goaround`` and ``python -m goaround``."""

from __future__ import annotations

from goaround.cli.main import cli


def main() -> None:
    """The command line; ends the process with one of the exit codes in ``domain/errors.py``."""
    cli(prog_name="goaround")


if __name__ == "__main__":
    main()
