"""Runs the application until SIGTERM; then takes no new connection, finishes what it has begun, and exits 0."""

import os
import signal
import sys
from types import FrameType
from typing import Any, cast

import uvicorn
from starlette.applications import Starlette

from neotoma import app, nest, settings
from neotoma.observe import log, silence
from neotoma.settings import Settings

KEEP_ALIVE_SECONDS = 75


class _Server(uvicorn.Server):
    """uvicorn, which at the second signal of any kind ends at once: whoever sends it does not want to wait."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """See uvicorn."""
        if self.should_exit:
            os._exit(128 + sig)  # without a line in the log, which may be half-way through another
        super().handle_exit(sig, frame)


def serve(host: str, port: int) -> int:
    """Serve until told to stop. Returns the exit code: 2 for settings that are missing. Exits 3 without the port."""
    silence()
    try:
        given = settings.read(os.environ, port)
    except settings.Unset as error:
        print(error, file=sys.stderr)
        return 2
    for stop in (signal.SIGTERM, signal.SIGINT):  # uvicorn raises the signal again once it has drained
        signal.signal(stop, _leave)
    server = _Server(_config(app.create(nest.build(given)), given, host, port))
    log("start", port=port, environment=given.environment)
    server.run()
    return 0


def _config(application: Starlette, given: Settings, host: str, port: int) -> uvicorn.Config:
    return uvicorn.Config(
        cast("Any", application),  # uvicorn types each message of ASGI, Starlette none
        host=host,
        port=port,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=max(1, round(given.drain_seconds)),
    )


def _leave(number: int, _frame: object) -> None:
    log("stop", signal=signal.Signals(number).name)
    sys.exit(0)
