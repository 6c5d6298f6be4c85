"""What a worker costs: milliseconds to read a small file through the pool, and beside it the extraction alone.

One sample of each kind: a TXT, a CSV, a PDF and a PNG (which tesseract reads). The workers are warm; the pool and the
bare call, in this process, take turns, so that a busy moment hits both. The difference is what it costs that a file
which is slow, large or hostile cannot harm the service.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median

if (here := str(Path(__file__).parent)) in sys.path:  # a worker, which reads this too, has it not
    sys.path.remove(here)  # in which neotoma.py is another benchmark

from neotoma.extraction.reading import extract
from neotoma.extractor import ProcessExtractor

SAMPLES = Path(__file__).parents[1] / "apps" / "neotoma" / "src" / "neotoma" / "samples"
FILES = {"txt": "lease.txt", "csv": "statement-march.csv", "pdf": "invoice-2026-0042.pdf", "png": "receipt-cafe.png"}
MOST_SECONDS = 60


async def milliseconds(work: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await work()
    return (time.perf_counter() - began) * 1000


async def of_kind(extractor: ProcessExtractor, path: Path, rounds: int) -> dict[str, float]:
    """The figures of one file."""

    async def pooled() -> None:
        await extractor.extract(path, path.name, "", MOST_SECONDS)

    async def alone() -> None:
        extract(path, path.name)

    await pooled()
    await alone()
    through, bare = [], []
    for _ in range(rounds):
        through.append(await milliseconds(pooled))
        bare.append(await milliseconds(alone))
    return {
        "ms": round(median(through), 2),
        "ms_p95": round(sorted(through)[int(len(through) * 0.95)], 2),
        "ms_alone": round(median(bare), 2),
        "ms_of_the_worker": round(median(through) - median(bare), 2),
    }


async def measure(rounds: int, tell: Callable[[str], None]) -> dict[str, dict[str, float]]:
    """The figures by kind of file."""
    extractor, figures = ProcessExtractor(1), {}
    try:
        for kind, name in FILES.items():
            tell(f"{name}, {rounds} times")
            figures[kind] = await of_kind(extractor, SAMPLES / name, rounds)
    finally:
        await extractor.close()
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=40)
    options = parser.parse_args()
    figures = asyncio.run(measure(options.rounds, lambda text: print(text, file=sys.stderr)))
    if options.json:
        print(json.dumps(figures))
        return
    for kind, told in figures.items():
        print(f"{kind:<6}" + "   ".join(f"{name} {value}" for name, value in told.items()))


if __name__ == "__main__":
    main()
