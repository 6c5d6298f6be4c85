"""Runs the application until SIGTERM; then takes no new connection, finishes what it has begun, and exits 0."""

import logging
import os
import signal
import sys
from typing import Any, cast

import uvicorn
from starlette.applications import Starlette

from neotoma import app
from neotoma.observe import log

KEEP_ALIVE_SECONDS = 75


def serve(host: str, port: int) -> int:
    """Serve until told to stop. Returns the exit code: 2 without a DATABASE_URL. Exits 3 if the port cannot be had."""
    if not (url := os.environ.get("DATABASE_URL")):
        print("No database: set DATABASE_URL.", file=sys.stderr)
        return 2
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)  # its warnings name hosts and roles; /health tells
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    for stop in (signal.SIGTERM, signal.SIGINT):  # uvicorn raises the signal again once it has drained
        signal.signal(stop, _leave)
    server = uvicorn.Server(_config(app.create(url), host, port))
    log("start", port=port, environment=os.environ.get("NEOTOMA_ENVIRONMENT", ""))
    server.run()
    return 0


def _config(application: Starlette, host: str, port: int) -> uvicorn.Config:
    return uvicorn.Config(
        cast("Any", application),  # uvicorn types each message of ASGI, Starlette none
        host=host,
        port=port,
        loop="asyncio",
        http="h11",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )


def _leave(number: int, _frame: object) -> None:
    log("stop", signal=signal.Signals(number).name)
    sys.exit(0)
