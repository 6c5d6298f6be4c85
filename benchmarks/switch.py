"""What a switch of the front door costs its visitors: ``switch.py [--json] [--switches 100] [--rate 300]``.

A real HAProxy under its supervisor, two small services, and visitors in a process of their own: keep-alive requests on
a fixed timetable, slow uploads, event streams and upgrades. Three parts: switches under traffic; held switches (hold,
switch, release); and the same load straight to a service and through the proxy, turn by turn, for the ratios.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.front_door import World, world

from goaround.ports import Slot

VISITORS = Path(__file__).parents[1] / "tests" / "visitors.py"
CONNECTIONS = 30
HOLD_SECONDS = 0.3
Figures = dict[str, float | int]


@dataclass(frozen=True, slots=True)
class Visit:
    sent: float
    answered: float
    version: str
    failed: bool


@dataclass(frozen=True, slots=True)
class Switch:
    to: Slot
    commanded: float
    done: float
    released: float


def start_visitors(address: str, mode: str, rate: float, seconds: float) -> subprocess.Popen[str]:
    argv = (sys.executable, "-I", str(VISITORS), address, mode, str(rate), str(seconds), str(CONNECTIONS))
    return subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)


def result(process: subprocess.Popen[str]) -> tuple[list[Visit], Counter[str]]:
    output = json.loads(process.communicate()[0])
    return [Visit(*visit) for visit in output["visits"]], Counter(output["long"])


def quantile(values: Iterable[float], q: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))] if ordered else float("nan")


def spread(name: str, seconds: Sequence[float]) -> Figures:
    """Median, 95th percentile and maximum in milliseconds."""
    quantiles = {"median": 0.5, "p95": 0.95, "max": 1.0}
    return {f"{name}_ms_{word}": round(quantile(seconds, q) * 1000, 1) for word, q in quantiles.items()}


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def switches(there: World, count: int, rate: float, held: bool) -> tuple[list[Switch], list[Visit], Counter[str]]:
    pause = 0.4 if not held else 0.5
    visitors = start_visitors(there.address, "open", rate, count * (pause + 0.1 + held * (HOLD_SECONDS + 0.1)) + 8)
    time.sleep(3)
    made = []
    for number in range(count):
        to: Slot = "green" if there.proxy.state().serving == "blue" else "blue"
        if held:
            there.proxy.hold(True)
            time.sleep(HOLD_SECONDS)
        commanded = time.monotonic()
        there.proxy.serve(to)
        done = released = time.monotonic()
        if held:
            released = time.monotonic()
            there.proxy.hold(False)
        made.append(Switch(to, commanded, done, released))
        time.sleep(pause)
        if (number + 1) % 20 == 0:
            say(f"  {number + 1} of {count} {'held ' * held}switches")
    return made, *result(visitors)


def failures(visits: list[Visit], long: Counter[str]) -> int:
    return sum(visit.failed for visit in visits) + sum(n for kind, n in long.items() if kind.startswith("failed"))


def switch_figures(there: World, count: int, rate: float) -> Figures:
    made, visits, long = switches(there, count, rate, held=False)
    first, last, wrong = [], [], 0
    for switch, following in zip(made, [*made[1:], None], strict=True):
        end = following.commanded if following else switch.done + 0.4
        near = [visit for visit in visits if switch.commanded - 1 < visit.answered < end]
        answers = [visit.answered for visit in near if visit.version == switch.to and visit.sent > switch.commanded]
        first.append(min(answers) - switch.commanded)
        last.append(max(0.0, *(v.answered - switch.commanded for v in near if v.version not in ("", switch.to))))
        wrong += sum(1 for v in near if v.sent > switch.done + 0.001 and v.version not in ("", switch.to))
    long_requests = {f"{kind}s": n for kind, n in sorted(long.items()) if not kind.startswith("failed")}
    return {
        "switches": len(made),
        "requests": len(visits) + sum(long.values()),
        **long_requests,
        "failed_requests": failures(visits, long),
        "sent_after_the_switch_to_the_old_version": wrong,
        **spread("command", [switch.done - switch.commanded for switch in made]),
        **spread("first_on_the_new_version", first),
        **spread("last_on_the_old_version", last),
    }


def held_figures(there: World, count: int, rate: float) -> Figures:
    made, visits, long = switches(there, count, rate, held=True)
    first, last, held, wrong = [], [], 0, 0
    for switch in made:
        start = switch.released - HOLD_SECONDS
        waiting = [v for v in visits if start < v.sent < switch.commanded and v.answered > switch.commanded]
        held += len(waiting)
        first.append(min((v.answered for v in waiting), default=switch.released) - switch.released)
        last.append(max((v.answered for v in waiting), default=switch.released) - switch.released)
        wrong += sum(1 for visit in waiting if visit.version != switch.to)
    return {
        "held_switches": len(made),
        "held_requests": held,
        "held_failed_requests": failures(visits, long),
        "held_answered_by_the_old_version": wrong,
        **spread("release_to_first_answer", first),
        **spread("release_to_last_held_answer", last),
    }


def ratio_figures(there: World, rate: float) -> Figures:
    """Throughput and p99 straight and through the proxy, alternating, three turns of three seconds each."""
    addresses = {"direct": f"127.0.0.1:{there.ports['blue']}", "proxy": there.address}
    there.proxy.serve("blue")
    answered: Counter[str] = Counter()
    latencies: dict[str, list[float]] = {"direct": [], "proxy": []}
    for turn in range(3):
        for way, address in addresses.items():
            answered[way] += len(result(start_visitors(address, "closed", rate, 3))[0])
            visits, _ = result(start_visitors(address, "steady", rate, 3))
            latencies[way] += [visit.answered - visit.sent for visit in visits]
        say(f"  turn {turn + 1} of 3 against direct")
    p99 = {way: quantile(values, 0.99) for way, values in latencies.items()}
    p50 = {way: quantile(values, 0.5) for way, values in latencies.items()}
    return {
        "throughput_of_direct": round(answered["proxy"] / answered["direct"], 3),
        "median_of_direct": round(p50["proxy"] / p50["direct"], 2),
        "p99_of_direct": round(p99["proxy"] / p99["direct"], 2),
        **{f"{way}_requests_per_second": round(answered[way] / 9) for way in addresses},
        **{f"{way}_ms_p99": round(p99[way] * 1000, 2) for way in addresses},
    }


def idle_hold_figures(there: World, waiting: int) -> Figures:
    """CPU of the proxy while so many requests wait, as a share of one core."""
    there.proxy.hold(True)
    connections = [there.raw(b"GET /page HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n") for _ in range(waiting)]
    pid = there.proxy_pid()
    before, started = cpu_seconds(pid), time.monotonic()
    time.sleep(3)
    share = (cpu_seconds(pid) - before) / (time.monotonic() - started)
    there.proxy.hold(False)
    for connection in connections:
        connection.recv(65536)
        connection.close()
    return {f"cpu_share_with_{waiting}_held": round(share, 3)}


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def log_figures(there: World) -> Figures:
    """Lines that HAProxy could not hand over, by its own count."""
    info = dict(line.split(": ", 1) for line in there.admin("show info").splitlines() if ": " in line)
    return {"log_lines_dropped": int(info["DroppedLogs"])}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--switches", type=int, default=100)
    parser.add_argument("--rate", type=float, default=300.0, help="requests a second")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, world(Path(folder)) as there:
        say(f"{arguments.switches} switches under {arguments.rate:.0f} requests a second")
        figures = switch_figures(there, arguments.switches, arguments.rate)
        figures |= held_figures(there, max(1, arguments.switches // 4), arguments.rate)
        figures |= ratio_figures(there, arguments.rate)
        for waiting in (500, 2000):
            figures |= idle_hold_figures(there, waiting)
        figures |= log_figures(there)
    if arguments.json:
        print(json.dumps(figures))
    else:
        print("\n".join(f"{name.replace('_', ' '):48} {value:>12}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
