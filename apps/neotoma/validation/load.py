"""A benchmark: uploads, searches and reads at steady rates, as one person, for as long as ``scenario.toml`` says.

    python validation/load.py --base-url URL [--scenario FILE] [--seconds N] [--json FILE|-]

An open loop: requests leave at their intended times and latency is counted from then, so a service that is slow is not
asked less. ``lag`` is how late the generator itself was. An error is an answer of 400 or more, or none. Exits with 1
if nothing was measured.
"""

import http.client
import itertools
import json
import queue
import sys
import threading
import time
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import arriving
import kit
import person
from kit import Client, fresh_word

HERE = Path(__file__).parent
TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True)
class Request:
    """One request: when it is to leave, in seconds from the start, and what it is."""

    at: float
    kind: str
    number: int


@dataclass(frozen=True)
class Outcome:
    """What became of it; ``error`` is empty if it was answered below 400."""

    kind: str
    lag: float
    latency: float
    error: str


def schedule(scenario: dict[str, Any], seconds: float) -> list[Request]:
    """Every request of the scenario, in order; each kind at its own steady rate."""
    kinds = {kind: told["rate"] for kind, told in scenario.items() if isinstance(told, dict)}
    times = (
        Request((number + 0.5) / rate, kind, number)
        for kind, rate in kinds.items()
        for number in itertools.takewhile(lambda n, rate=rate: (n + 0.5) / rate < seconds, itertools.count())
    )
    return sorted(times, key=lambda request: (request.at, request.kind))


class Sender(threading.Thread):
    """One connection, kept alive while it works."""

    def __init__(self, load: "Load") -> None:
        super().__init__(daemon=True)
        self._load, self._connection = load, None  # type: ignore[var-annotated]

    def run(self) -> None:
        while (request := self._load.work.get()) is not None:
            left = time.monotonic()
            error = self._ask(request)
            intended, now = self._load.began + request.at, time.monotonic()
            self._load.outcomes.append(Outcome(request.kind, left - intended, now - intended, error))

    def _ask(self, request: Request) -> str:
        try:
            if self._connection is None:
                parts = urlsplit(self._load.client.base_url)
                secure = parts.scheme == "https"
                kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
                self._connection = kind(parts.netloc, timeout=TIMEOUT_SECONDS)
            method, path, body, headers = self._load.message(request)
            self._connection.request(method, path, body, headers)
            answer = self._connection.getresponse()
            self._load.note(request, answer.status, answer.read())
        except (OSError, http.client.HTTPException) as error:
            self._connection = None
            return type(error).__name__
        return "" if answer.status < 400 else str(answer.status)


class Load:
    """A run of the scenario."""

    def __init__(self, client: Client, scenario: dict[str, Any]) -> None:
        self.client, self._scenario = client, scenario
        self.work: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self.outcomes: list[Outcome] = []
        self.began = 0.0
        self._files = [(name, HERE / "samples" / name) for name in scenario["upload"]["files"]]

    def run(self, requests: Sequence[Request]) -> None:
        """Send all; returns when the last is answered."""
        senders = [Sender(self) for _ in range(self._scenario["connections"])]
        for sender in senders:
            sender.start()
        self.began = time.monotonic() + 0.2
        for request in requests:
            time.sleep(max(0.0, self.began + request.at - time.monotonic()))
            self.work.put(request)
        for _ in senders:
            self.work.put(None)
        for sender in senders:
            sender.join()

    def message(self, request: Request) -> tuple[str, str, bytes | None, dict[str, str]]:
        """What to send."""
        headers = {"Authorization": f"Bearer {self.client.token}"}
        match request.kind:
            case "upload":
                name, _ = self._files[request.number % len(self._files)]
                head = f'--part\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
                body = head.encode() + _new(name) + b"\r\n--part--\r\n"
                return "POST", "/api/sources", body, headers | {"Content-Type": "multipart/form-data; boundary=part"}
            case "read" if self.client.stored:
                return "GET", f"/api/sources/{self.client.stored[-1]}", None, headers
            case "read":
                return "GET", "/api/sources", None, headers
        queries = self._scenario["search"]["queries"]
        return "GET", f"/api/search?q={quote(queries[request.number % len(queries)])}", None, headers

    def note(self, request: Request, status: int, body: bytes) -> None:
        """Remember what was stored."""
        if request.kind == "upload" and status in (200, 201, 202):
            self.client.stored.append(json.loads(body)["id"])


def _new(name: str) -> bytes:
    """A sample whose bytes nobody has seen yet."""
    content, word = arriving.unique(name, fresh_word()), fresh_word()
    if name.endswith(".csv"):
        head = content.decode().splitlines()[0].split(",")
        return content.rstrip(b"\n") + ("\n" + ",".join([word, *[""] * (len(head) - 1)]) + "\n").encode()
    return content


def report(outcomes: Sequence[Outcome], seconds: float) -> dict[str, Any]:
    """The figures, in milliseconds, by kind."""
    kinds = {
        kind: _figures([one for one in outcomes if one.kind == kind]) for kind in sorted({o.kind for o in outcomes})
    }
    lags = [one.lag for one in outcomes]
    return {"seconds": seconds, "requests": len(outcomes), "kinds": kinds, "lag_p99_ms": _percentile(lags, 99)}


def _figures(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    errors: dict[str, int] = {}
    for one in outcomes:
        if one.error:
            errors[one.error] = errors.get(one.error, 0) + 1
    latencies = [one.latency for one in outcomes]
    percentiles = {f"p{p}_ms": _percentile(latencies, p) for p in (50, 95, 99)}
    return {"requests": len(outcomes), **percentiles, "max_ms": _percentile(latencies, 100), "errors": errors}


def _percentile(values: Sequence[float], percent: int) -> float | None:
    """The nearest rank, in milliseconds; None of nothing."""
    ordered = sorted(values)
    rank = max(-(-len(ordered) * percent // 100), 1)
    return round(ordered[rank - 1] * 1000, 2) if ordered else None


def _told(figures: dict[str, Any]) -> Iterator[str]:
    yield f"{'':8}{'requests':>9}{'P50 ms':>10}{'P95 ms':>10}{'P99 ms':>10}{'errors':>8}"
    for kind, told in figures["kinds"].items():
        numbers = "".join(f"{told[name]:>10}" for name in ("p50_ms", "p95_ms", "p99_ms"))
        yield f"{kind:8}{told['requests']:>9}{numbers}{sum(told['errors'].values()):>8}"
    yield f"the generator was at most {figures['lag_p99_ms']} ms late, 99 times of 100"


def main() -> int:
    """Run the scenario as somebody of its own."""
    parser = kit.arguments("a benchmark of a running neotoma")
    parser.add_argument("--scenario", type=Path, default=HERE / "scenario.toml")
    parser.add_argument("--seconds", type=float, help="run for so long, whatever the scenario says")
    options = parser.parse_args()
    scenario = tomllib.loads(options.scenario.read_text(encoding="utf-8"))
    seconds = options.seconds or float(scenario["seconds"])
    with person.fresh(options.base_url) as client:
        load = Load(client, scenario)
        load.run(schedule(scenario, seconds))
    figures = report(load.outcomes, seconds)
    kit.write_json(options.json, figures)
    if options.json != "-":
        print("\n".join(_told(figures)))
    if options.junit:
        failed = [kind for kind, told in figures["kinds"].items() if told["errors"]]
        results = [
            kit.Result(kind, str(figures["kinds"][kind]["errors"]) if kind in failed else "", 0.0)
            for kind in figures["kinds"]
        ]
        kit.write_junit(options.junit, "load", results)
    return 0 if load.outcomes else 1


if __name__ == "__main__":
    sys.exit(main())
