"""What wraps the application, outermost first."""

from starlette.middleware import Middleware

from neotoma import faults
from neotoma.metrics import Metrics
from neotoma.observe import Observed


def stack(metrics: Metrics) -> list[Middleware]:
    """The middlewares of this version."""
    return [Middleware(Observed, metrics=metrics), Middleware(faults.Failing)]
