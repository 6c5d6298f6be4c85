"""HAProxy's admin socket: one connection for each line of commands, so nothing is left behind when we die."""

from __future__ import annotations

import csv
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from goaround.adapters.haproxy.config import Told
from goaround.ports import SLOTS, Slot

ANSWER_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class ServerState:
    """One slot as HAProxy sees it. ``up`` is the word of a health check, never an assumption."""

    up: bool
    in_flight: int


@dataclass(frozen=True, slots=True)
class AdminSocket:
    """The socket ``admin.sock`` in a folder. Every call raises ``OSError`` if HAProxy does not answer in time."""

    folder: Path

    def state(self) -> tuple[Told, Mapping[Slot, ServerState]]:
        """What the running proxy was told, and its slots. ``ValueError`` if the answer makes no sense."""
        answer = self._ask("show map ./told.map", "show stat -1 6 -1")
        entries, _, table = answer.partition("# pxname")
        told = Told.from_map("\n".join(line.split(" ", 1)[1] for line in entries.splitlines() if " " in line))
        rows = {(row["# pxname"], row["svname"]): row for row in csv.DictReader(("# pxname" + table).splitlines())}
        return told, {slot: _server(rows[f"slot_{slot}", slot], rows[f"slot_{slot}", "BACKEND"]) for slot in SLOTS}

    def tell(self, told: Told) -> None:
        serving, holding = told.serving or "none", int(told.holding)
        self._ask(f"set map ./told.map serving {serving}", f"set map ./told.map holding {holding}")

    def _ask(self, *commands: str) -> str:
        # A path of a socket has 107 bytes at most; through the folder's descriptor it is always short.
        descriptor = os.open(self.folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(ANSWER_SECONDS)
                connection.connect(f"/proc/self/fd/{descriptor}/admin.sock")
                connection.sendall("; ".join(commands).encode() + b"\n")
                chunks = iter(lambda: connection.recv(65536), b"")
                return b"".join(chunks).decode()
        finally:
            os.close(descriptor)


def _server(server: Mapping[str, str], backend: Mapping[str, str]) -> ServerState:
    checked = server["check_status"].removeprefix("* ") not in ("", "INI")
    # The backend's count, unlike the server's, includes those that wait for another try to connect.
    return ServerState(up=checked and server["status"] == "UP", in_flight=int(backend["scur"]))
