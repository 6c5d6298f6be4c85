"""The fault of this version: it ends while starting."""

import sys

from starlette.middleware import Middleware

from neotoma.metrics import Metrics


def stack(metrics: Metrics) -> list[Middleware]:
    """Never returns."""
    sys.exit(f"cannot start with {metrics!r}: this version is made to fail")
