"""What HAProxy is given to read: ``haproxy.cfg``, which never changes while it runs, and ``told.map``, the two facts
that do. HAProxy looks both facts up in the map for every request; the admin socket changes the map in memory, and the
file brings it back after a death.
"""

from __future__ import annotations

import re
import resource
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

from goaround.domain.errors import ConfigurationError
from goaround.ports import SLOTS, Slot

HEARTBEAT_PATH = "/.goaround/heartbeat"
FILES = ("haproxy.cfg", "hold.lua", "maintenance.html", "unavailable.html")
CONNECTIONS_WANTED = 8000


@dataclass(frozen=True, slots=True)
class Told:
    """What the front door was last told. ``serving`` None: the maintenance answer."""

    serving: Slot | None = None
    holding: bool = False

    def as_map(self) -> str:
        return f"serving {self.serving or 'none'}\nholding {int(self.holding)}\n"

    @classmethod
    def from_map(cls, text: str) -> Told:
        """The inverse of ``as_map``; ``ValueError`` if the text is no such map."""
        facts = dict(line.split(" ") for line in text.splitlines() if line and not line.startswith("#"))
        match facts:
            case {"serving": "blue" | "green" | "none" as serving, "holding": "0" | "1" as holding}:
                return cls({"blue": SLOTS[0], "green": SLOTS[1]}.get(serving), holding == "1")
        raise ValueError(f"not a map of the front door: {text!r}")


@dataclass(frozen=True, slots=True)
class Settings:
    """What does not change while HAProxy runs. ``listen`` is ``host:port``; an empty host means every address."""

    listen: str
    slot_ports: Mapping[Slot, int]
    health_path: str
    hold_limit_seconds: float
    user: str | None = None
    """Whom HAProxy becomes once it holds its port and its socket; None: it stays who it is."""

    def __post_init__(self) -> None:
        mistakes = []
        if not re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^\s:\[\]]*):\d{1,5}", self.listen):
            mistakes.append(f"front door: listen: {self.listen!r} is not host:port")
        if not re.fullmatch(r"/[^\s'\\\x00-\x1f]*", self.health_path):
            mistakes.append(f"front door: health path: {self.health_path!r} is not a path that starts with /")
        if mistakes:
            raise ConfigurationError(tuple(mistakes))

    @property
    def address(self) -> tuple[str, int]:
        """Host (without brackets, empty for every address) and port."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]").replace("*", ""), int(port)

    @property
    def heartbeat_url(self) -> str:
        host, port = self.address
        host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
        return f"http://{f'[{host}]' if ':' in host else host}:{port}{HEARTBEAT_PATH}"

    def files(self) -> dict[str, str]:
        """Name → content of everything that HAProxy reads, but ``told.map``."""
        here = Path(__file__).parent
        files = {name: (here / name).read_text() for name in FILES}
        return files | {"haproxy.cfg": Template(files["haproxy.cfg"]).substitute(self._facts())}

    def _facts(self) -> dict[str, object]:
        host, port = self.address
        return {
            "bind": f"ipv6@[{host}]:{port}" if ":" in host else f"{host or '*'}:{port}",
            "maxconn": _connections(),
            "hold_limit_ms": round(self.hold_limit_seconds * 1000),
            "user": f"user {self.user}" if self.user else "",
            "patience": round(max(300.0, self.hold_limit_seconds * 2)),
            "heartbeat": HEARTBEAT_PATH,
            "health_path": self.health_path,
            "blue_port": self.slot_ports["blue"],
            "green_port": self.slot_ports["green"],
        }


def _connections() -> int:
    """How many clients fit: each may need two file descriptors, and HAProxy refuses to start with a larger number."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return (
        CONNECTIONS_WANTED if hard == resource.RLIM_INFINITY else max(100, min(CONNECTIONS_WANTED, (hard - 200) // 2))
    )
