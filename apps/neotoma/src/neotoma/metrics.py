"""Counts and latencies in the Prometheus text format, kept in this process."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from neotoma.problems import Problem
from neotoma.version import VERSION

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0)  # seconds
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
TARGET = tuple[str, str]  # method, route
OUTCOMES = ("new", "known", "processing", "refused", "failed")


@dataclass
class Histogram:
    """How long something took."""

    counts: list[int] = field(default_factory=lambda: [0] * len(BUCKETS))
    total: int = 0
    seconds: float = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        self.total += 1
        self.seconds += seconds
        for index, bound in enumerate(BUCKETS):
            self.counts[index] += seconds <= bound


@dataclass(frozen=True)
class Graph:
    """What was wrong with everybody's graph, at a time in seconds since 1970."""

    orphans: int
    cycles: int
    at: float


@dataclass
class Metrics:
    """Everything ``/metrics`` shows. Routes are patterns such as ``/api/sources/{id}``, never addresses."""

    requests: Counter[tuple[TARGET, int]] = field(default_factory=Counter)
    latencies: dict[TARGET, Histogram] = field(default_factory=dict)
    uploads: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(OUTCOMES, 0)))
    upload: Histogram = field(default_factory=Histogram)
    extraction: Histogram = field(default_factory=Histogram)
    search: Histogram = field(default_factory=Histogram)
    graph: Graph | None = None
    graph_known: bool = False
    """Whether the last look at the graph told anything; ``graph`` may be of one before."""

    def add(self, target: TARGET, status: int, seconds: float) -> None:
        """Count one answered request."""
        self.requests[target, status] += 1
        self.latencies.setdefault(target, Histogram()).add(seconds)

    @contextmanager
    def uploading(self) -> Iterator[list[str]]:
        """Count and measure one upload, from its first byte; the block appends the outcome to the list it gets."""
        started, outcome = time.perf_counter(), list[str]()
        try:
            yield outcome
        except Problem as problem:
            outcome.append("refused" if problem.status < 500 else "failed")
            raise
        finally:
            self.uploads[(outcome or ["failed"])[0]] += 1
            self.upload.add(time.perf_counter() - started)

    @contextmanager
    def searching(self) -> Iterator[None]:
        """Measure one search."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.search.add(time.perf_counter() - started)

    def text(self) -> str:
        """The exposition."""
        by_route = {_labels(target): histogram for target, histogram in sorted(self.latencies.items())}
        families = (
            _family("requests_total", "counter", "Answered requests.", self._requests()),
            _histogram("request_seconds", "Time from a request to the end of its answer.", by_route),
            _family("uploads_total", "counter", "Uploads by outcome.", self._uploads()),
            _histogram("upload_seconds", "From an upload's first byte until it is acknowledged.", {_V: self.upload}),
            _histogram("extraction_seconds", "Time that reading a file takes.", {_V: self.extraction}),
            _histogram("search_seconds", "Time that a search takes.", {_V: self.search}),
            *self._graph(),
        )
        return "".join(f"{line}\n" for family in families for line in family)

    def _requests(self) -> Iterator[str]:
        for (target, status), count in sorted(self.requests.items()):
            yield f'neotoma_requests_total{{{_labels(target)},status="{status}"}} {count}'

    def _uploads(self) -> Iterator[str]:
        for outcome, count in self.uploads.items():
            yield f'neotoma_uploads_total{{{_V},outcome="{outcome}"}} {count}'

    def _graph(self) -> Iterator[list[str]]:
        """Nothing, rather than a 0, of what is not known."""
        if self.graph is None:
            return
        if self.graph_known:
            for name, value in (("orphans", self.graph.orphans), ("cycles", self.graph.cycles)):
                lines = [f"neotoma_graph_{name}{{{_V}}} {value}"]
                yield _family(f"graph_{name}", "gauge", f"{name.capitalize()} in everybody's graph.", lines)
        lines = [f"neotoma_graph_checked_timestamp_seconds{{{_V}}} {self.graph.at:.3f}"]
        yield _family("graph_checked_timestamp_seconds", "gauge", "When the graph was looked at last.", lines)


_V = f'version="{VERSION}"'


def _labels(target: TARGET) -> str:
    method, route = target
    return f'{_V},method="{method}",route="{route}"'


def _family(name: str, type: str, purpose: str, lines: Iterable[str]) -> list[str]:
    return [f"# HELP neotoma_{name} {purpose}", f"# TYPE neotoma_{name} {type}", *lines]


def _histogram(name: str, purpose: str, series: dict[str, Histogram]) -> list[str]:
    lines = [line for labels, histogram in series.items() for line in _series(name, labels, histogram)]
    return _family(name, "histogram", purpose, lines)


def _series(name: str, labels: str, histogram: Histogram) -> list[str]:
    bounds = [*zip(BUCKETS, histogram.counts, strict=True), ("+Inf", histogram.total)]
    return [
        *(f'neotoma_{name}_bucket{{{labels},le="{bound}"}} {count}' for bound, count in bounds),
        f"neotoma_{name}_sum{{{labels}}} {histogram.seconds:.6f}",
        f"neotoma_{name}_count{{{labels}}} {histogram.total}",
    ]
