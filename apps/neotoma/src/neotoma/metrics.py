"""Request counts and latencies in the Prometheus text format, kept in this process."""

from collections import Counter
from dataclasses import dataclass, field

from neotoma.version import VERSION

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)  # seconds
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
TARGET = tuple[str, str]  # method, route


@dataclass
class Histogram:
    """How long requests took."""

    counts: list[int] = field(default_factory=lambda: [0] * len(BUCKETS))
    total: int = 0
    seconds: float = 0.0

    def add(self, seconds: float) -> None:
        """Count one request."""
        self.total += 1
        self.seconds += seconds
        for index, bound in enumerate(BUCKETS):
            self.counts[index] += seconds <= bound


@dataclass
class Metrics:
    """Everything ``/metrics`` shows. Routes are patterns such as ``/documents/{id}``, never addresses."""

    requests: Counter[tuple[TARGET, int]] = field(default_factory=Counter)
    latencies: dict[TARGET, Histogram] = field(default_factory=dict)

    def add(self, target: TARGET, status: int, seconds: float) -> None:
        """Count one answered request."""
        self.requests[target, status] += 1
        self.latencies.setdefault(target, Histogram()).add(seconds)

    def text(self) -> str:
        """The exposition."""
        lines = ["# HELP neotoma_requests_total Answered requests.", "# TYPE neotoma_requests_total counter"]
        for (target, status), count in sorted(self.requests.items()):
            lines.append(f'neotoma_requests_total{{{_labels(target)},status="{status}"}} {count}')
        lines.append("# HELP neotoma_request_seconds Time from the request to the end of its answer.")
        lines.append("# TYPE neotoma_request_seconds histogram")
        for target, histogram in sorted(self.latencies.items()):
            lines.extend(_series(_labels(target), histogram))
        return "\n".join(lines) + "\n"


def _labels(target: TARGET) -> str:
    method, route = target
    return f'version="{VERSION}",method="{method}",route="{route}"'


def _series(labels: str, histogram: Histogram) -> list[str]:
    bounds = [*zip(BUCKETS, histogram.counts, strict=True), ("+Inf", histogram.total)]
    return [
        *(f'neotoma_request_seconds_bucket{{{labels},le="{bound}"}} {count}' for bound, count in bounds),
        f"neotoma_request_seconds_sum{{{labels}}} {histogram.seconds:.6f}",
        f"neotoma_request_seconds_count{{{labels}}} {histogram.total}",
    ]
