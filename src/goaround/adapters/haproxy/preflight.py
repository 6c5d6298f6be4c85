"""What must be true before HAProxy is started, so that a mistake is an answer and not a process dying in a loop."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import subprocess
from pathlib import Path

from goaround.domain.errors import Unavailable

USUAL_FOLDERS = ("/usr/sbin", "/usr/local/sbin")


def binary() -> str:
    """Where HAProxy is, looked for in the usual places even if they are not on the user's PATH."""
    search = os.pathsep.join((os.environ.get("PATH", os.defpath), *USUAL_FOLDERS))
    found = shutil.which("haproxy", path=search)
    if found is None:
        raise Unavailable(
            "haproxy is not installed", state="nothing was started", remedy="install it: apt-get install haproxy"
        )
    return found


def check_configuration(folder: Path) -> None:
    """Raise ``Unavailable`` if there is no HAProxy, or it would not start with the files in the folder."""
    haproxy = binary()
    try:
        done = subprocess.run(
            (haproxy, "-c", "-f", "haproxy.cfg"), cwd=folder, capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(
            f"{haproxy} cannot be run: {error}", state="nothing was started", remedy="install HAProxy 2.6 or later"
        ) from error
    if done.returncode != 0:
        alerts = [line.strip() for line in done.stderr.splitlines() if "[ALERT]" in line] or [done.stderr.strip()]
        raise Unavailable(
            "HAProxy refuses its configuration:\n  " + "\n  ".join(alerts),
            state="nothing was started",
            remedy=f"HAProxy must be 2.6 or later, with Lua; try: cd {folder} && {haproxy} -c -f haproxy.cfg",
        )


def check_address(host: str, port: int) -> None:
    """Raise ``Unavailable`` if nobody could listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            probe.listen()
    except OSError as error:
        shown = f"{host or '*'}:{port}"
        what, remedy = {
            errno.EADDRINUSE: (f"{shown} is taken by another program", f"free it (see: ss -ltnp 'sport = {port}')"),
            errno.EACCES: (f"this user may not listen on {shown}", "take a port of 1024 or more, or run as root"),
            errno.EADDRNOTAVAIL: (f"this machine does not have the address {shown}", "correct the address"),
        }.get(error.errno or 0, (f"cannot listen on {shown}: {error}", "correct the address"))
        raise Unavailable(what, state="the front door was not started", remedy=f"{remedy} and try again") from error
