"""What the environment tells the service. Nothing else reads ``os.environ`` for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

OWNER = "00000000-0000-4000-8000-000000000001"
"""The user to whom all belonged before there were users."""


class Unset(Exception):
    """A variable that is missing or makes no sense; the message names it and says what to set."""


@dataclass(frozen=True)
class Settings:
    """``url`` is how the world reaches the service, without a slash at the end; ``token`` is the legacy owner's."""

    database_url: str
    storage: Path
    url: str
    token: str
    environment: str
    sign_up: bool
    workers: int
    inline_seconds: float
    """How long an upload waits for its extraction before it is answered with 202."""
    job_seconds: float
    """How long an extraction may take at all."""
    lease_seconds: float
    """How long a process that went silent keeps its job."""
    drain_seconds: float
    """How long requests under way may take after SIGTERM."""


def read(environ: Mapping[str, str], port: int) -> Settings:
    """The settings. Raises Unset."""
    if not (database_url := environ.get("DATABASE_URL", "")):
        raise Unset("No database: set DATABASE_URL.")
    if not (storage := environ.get("NEOTOMA_STORAGE", "")):
        raise Unset("No storage: set NEOTOMA_STORAGE to a folder that outlives this process.")
    return Settings(
        database_url=database_url,
        storage=Path(storage).absolute(),
        url=environ.get("NEOTOMA_URL", f"http://127.0.0.1:{port}").rstrip("/"),
        token=environ.get("NEOTOMA_TOKEN", ""),
        environment=environ.get("NEOTOMA_ENVIRONMENT", ""),
        sign_up=environ.get("NEOTOMA_SIGN_UP", "open") == "open",
        workers=max(1, int(_seconds(environ, "NEOTOMA_WORKERS", "2"))),
        inline_seconds=_seconds(environ, "NEOTOMA_INLINE_SECONDS", "3"),
        job_seconds=_seconds(environ, "NEOTOMA_JOB_SECONDS", "300"),
        lease_seconds=_seconds(environ, "NEOTOMA_LEASE_SECONDS", "30"),
        drain_seconds=_seconds(environ, "NEOTOMA_DRAIN_SECONDS", "8"),
    )


def _seconds(environ: Mapping[str, str], name: str, default: str) -> float:
    value = environ.get(name, default)
    try:
        if 0 < float(value) < 86_400:
            return float(value)
    except ValueError:
        pass
    raise Unset(f"{name} is {value!r}: set a number above 0, such as {default}.")
