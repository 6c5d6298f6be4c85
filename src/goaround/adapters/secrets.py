"""Values of references to secrets. Errors name the reference, never the value."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

from goaround.domain.errors import TimedOut, Unavailable

_UNTOUCHED = "nothing was done with it"


class Secrets:
    """Resolves ``env:NAME``, ``file:/path`` and ``cmd:program arg`` each time it is asked, so a rotated secret is
    seen. A ``cmd:`` is split into words like a shell does, but no shell runs it."""

    def __init__(
        self, environ: Mapping[str, str] | None = None, *, cwd: Path | None = None, timeout_seconds: float = 30
    ):
        self._environ = os.environ if environ is None else environ
        self._cwd = cwd
        self._timeout_seconds = timeout_seconds

    def resolve(self, reference: str) -> str:
        """The value, without the line end of a file or output. Raises ``Unavailable`` if there is none."""
        kind, _, rest = reference.partition(":")
        match kind:
            case "env":
                value = self._environ.get(rest)
                if value is None:
                    raise _unavailable(
                        reference, "the environment variable is not set", f"set {rest} where goaround runs"
                    )
            case "file":
                value = self._file(reference, rest)
            case "cmd":
                value = self._command(reference, rest)
            case _:
                # What stands here may be the secret itself.
                raise _unavailable("a value", "it is no reference to a secret", "write env:NAME, file:/path or cmd:...")
        if not value:
            raise _unavailable(reference, "it is empty", "put the secret there")
        return value

    def value(self, text: str) -> str:
        """A literal as it is, a reference resolved."""
        return self.resolve(text) if text.startswith(("env:", "file:", "cmd:")) else text

    def _file(self, reference: str, path: str) -> str:
        try:
            return _without_line_end((self._cwd or Path()).joinpath(path).read_text("utf-8"))
        except OSError as error:
            raise _unavailable(reference, f"{error.strerror}", "create the file, readable for goaround") from None
        except UnicodeDecodeError:
            raise _unavailable(reference, "it is not text in UTF-8", "save it as UTF-8") from None

    def _command(self, reference: str, line: str) -> str:
        try:
            ended = subprocess.run(
                shlex.split(line),
                cwd=self._cwd,
                env=dict(self._environ),
                stdin=subprocess.DEVNULL,
                # Whatever it complains of might hold the secret too.
                stderr=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                timeout=self._timeout_seconds,
                check=False,
            )
            value = _without_line_end(ended.stdout.decode("utf-8"))
        except subprocess.TimeoutExpired:
            what = f"{reference} gives no value: no end after {self._timeout_seconds:g} s"
            raise TimedOut(what, state=_UNTOUCHED, remedy="run it by hand and see what it waits for") from None
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no command, or its output is not UTF-8"
            raise _unavailable(reference, str(why), "run it by hand and correct it") from None
        if ended.returncode:
            raise _unavailable(
                reference, f"it ended with exit code {ended.returncode}", "run it by hand and correct it"
            )
        return value


def _without_line_end(text: str) -> str:
    return text.removesuffix("\n").removesuffix("\r")


def _unavailable(reference: str, why: str, remedy: str) -> Unavailable:
    return Unavailable(f"{reference} gives no value: {why}", state=_UNTOUCHED, remedy=remedy)
