"""Workers read files, may be slow, large or dead, and are ended with all that they started."""

import asyncio
import os
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from time import monotonic

import pytest
from apps.neotoma.tests.support_documents import INVOICE, picture

from neotoma.extraction.model import Extraction, Unreadable
from neotoma.extraction.reading import canonical, extract
from neotoma.extractor import WORKER_MEMORY_BYTES, ProcessExtractor

MOST_SECONDS = 60
Body = Callable[[ProcessExtractor], Awaitable[None]]


def running(body: Body, workers: int = 1, memory_bytes: int = WORKER_MEMORY_BYTES) -> None:
    """Run with an extractor that is closed in the end."""

    async def run() -> None:
        extractor = ProcessExtractor(workers, memory_bytes)
        try:
            await body(extractor)
        finally:
            await extractor.close()

    asyncio.run(run())


def file(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


async def read(extractor: ProcessExtractor, path: Path, seconds: float = MOST_SECONDS) -> Extraction:
    return await extractor.extract(path, path.name, "", seconds)


async def refusal(extractor: ProcessExtractor, path: Path, seconds: float = MOST_SECONDS) -> str:
    with pytest.raises(Unreadable) as caught:
        await read(extractor, path, seconds)
    return caught.value.code


def processes() -> Iterator[tuple[int, int, int, str]]:
    """Process, parent, group and name, of all that live."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                before, _, after = (entry / "stat").read_text().rpartition(")")
            except (FileNotFoundError, ProcessLookupError):
                continue
            state, parent, group = after.split()[:3]
            if state != "Z":
                yield int(entry.name), int(parent), int(group), before.partition("(")[2]


def workers_of(service: int) -> set[int]:
    """The workers of a process: its children that lead a group of their own."""
    return {process for process, parent, group, _ in processes() if parent == service and group == process != service}


def in_groups(groups: set[int]) -> set[str]:
    """The names of all processes in these groups."""
    return {name for _, _, group, name in processes() if group in groups}


def until(true: Callable[[], bool], seconds: float = MOST_SECONDS) -> None:
    end = monotonic() + seconds
    while not true():
        assert monotonic() < end, "it never came true"
        time.sleep(0.01)


def crowded(folder: Path) -> Path:
    """A picture that takes tesseract seconds."""
    lines = "\n".join("many small words on a very large sheet of paper " * 4 for _ in range(90))
    return file(folder, "large.png", picture(lines, size=(3_400, 3_400)))


def test_a_worker_reads_what_the_service_would_read(tmp_path: Path) -> None:
    path = file(tmp_path, "a.txt", INVOICE)

    async def body(extractor: ProcessExtractor) -> None:
        assert await read(extractor, path) == extract(path, "a.txt")
        assert await refusal(extractor, file(tmp_path, "b.txt", "")) == "empty"

    running(body)


def test_the_same_image_a_hundred_times_gives_identical_facts(tmp_path: Path) -> None:
    path = file(tmp_path, "a.png", picture("Total: EUR 12.30\nDate: 2026-01-05", size=(300, 90), letters=20))

    async def body(extractor: ProcessExtractor) -> None:
        found = await asyncio.gather(*(read(extractor, path) for _ in range(100)))
        assert len({canonical(each) for each in found}) == 1
        assert found[0].entities[0].fields["date"].value == "2026-01-05"

    running(body, workers=2)


def test_a_file_that_takes_too_long_is_given_up_with_tesseract_and_the_next_is_read(tmp_path: Path) -> None:
    async def body(extractor: ProcessExtractor) -> None:
        await read(extractor, file(tmp_path, "a.txt", INVOICE))
        workers = workers_of(os.getpid())
        assert len(workers) == 1
        path = crowded(tmp_path)
        reading = asyncio.create_task(refusal(extractor, path, seconds=2))
        await asyncio.to_thread(until, lambda: "tesseract" in in_groups(workers))
        assert await reading == "too_slow"
        await asyncio.to_thread(until, lambda: not in_groups(workers), 1)  # long before tesseract would be done
        assert (await read(extractor, tmp_path / "a.txt")).document_type == "invoice"

    running(body)


def test_a_worker_that_dies_at_work_refuses_its_file_and_the_next_is_read(tmp_path: Path) -> None:
    async def body(extractor: ProcessExtractor) -> None:
        await read(extractor, file(tmp_path, "a.txt", INVOICE))
        workers = workers_of(os.getpid())
        path = crowded(tmp_path)
        reading = asyncio.create_task(refusal(extractor, path))
        await asyncio.to_thread(until, lambda: "tesseract" in in_groups(workers))
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
        assert await reading == "too_complex"
        await asyncio.to_thread(until, lambda: not in_groups(workers))
        assert (await read(extractor, tmp_path / "a.txt")).document_type == "invoice"

    running(body)


def test_workers_that_die_while_they_wait_are_replaced(tmp_path: Path) -> None:
    path = file(tmp_path, "a.txt", INVOICE)

    async def body(extractor: ProcessExtractor) -> None:
        await read(extractor, path)
        for _ in range(2):
            workers = workers_of(os.getpid())
            for worker in workers:
                os.kill(worker, signal.SIGKILL)
            await asyncio.to_thread(until, lambda killed=workers: not in_groups(killed))  # type: ignore[misc]
            assert (await read(extractor, path)).document_type == "invoice"

    running(body, workers=2)


def test_a_file_that_needs_too_much_memory_is_refused_and_the_next_is_read(tmp_path: Path) -> None:
    async def body(extractor: ProcessExtractor) -> None:
        assert await refusal(extractor, file(tmp_path, "bomb.pdf", bomb())) == "too_complex"
        assert (await read(extractor, file(tmp_path, "a.txt", INVOICE))).document_type == "invoice"

    running(body, memory_bytes=400_000_000)


def test_closing_leaves_no_process_even_at_work_and_none_starts_after_it(tmp_path: Path) -> None:
    async def run() -> None:
        extractor = ProcessExtractor(2)
        await read(extractor, file(tmp_path, "a.txt", INVOICE))
        await asyncio.to_thread(until, lambda: len(workers_of(os.getpid())) == 2)
        workers = workers_of(os.getpid())
        path = crowded(tmp_path)
        reading = asyncio.create_task(read(extractor, path))
        await asyncio.to_thread(until, lambda: "tesseract" in in_groups(workers))
        await extractor.close()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await asyncio.to_thread(until, lambda: not in_groups(workers))
        assert not workers_of(os.getpid())
        with pytest.raises(RuntimeError, match="closed"):
            await read(extractor, tmp_path / "a.txt")

    asyncio.run(run())


SERVICE = """
import asyncio, sys
from pathlib import Path
from neotoma.extractor import ProcessExtractor

async def serve():
    extractor = ProcessExtractor(2)
    await extractor.extract(Path(sys.argv[1]), "a.txt", "", 60)
    assert not {"pypdfium2", "PIL"} & set(sys.modules), "only workers load those"
    print("ready", flush=True)
    await extractor.extract(Path(sys.argv[2]), "large.png", "", 60)

if __name__ == "__main__":
    asyncio.run(serve())
"""


def test_workers_end_when_the_service_is_killed(tmp_path: Path) -> None:
    program = file(tmp_path, "service.py", SERVICE)
    command = (sys.executable, str(program), str(file(tmp_path, "a.txt", INVOICE)), str(crowded(tmp_path)))
    with subprocess.Popen(command, stdout=subprocess.PIPE) as service:
        assert service.stdout is not None
        assert service.stdout.readline() == b"ready\n"
        until(lambda: len(workers_of(service.pid)) == 2)
        workers = workers_of(service.pid)
        until(lambda: "tesseract" in in_groups(workers))
        service.kill()
    until(lambda: not in_groups(workers))


def bomb() -> bytes:
    """A PDF of a megabyte that unpacks to more than a worker may have."""
    packer = zlib.compressobj(1)
    zeros = b"\0" * 1_000_000
    packed = b"".join(packer.compress(zeros) for _ in range(300)) + packer.flush()
    objects = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 100 100]/Contents 4 0 R>>",
        b"<</Length %d/Filter/FlateDecode>>stream\n%s\nendstream" % (len(packed), packed),
    )
    body = b"".join(b"%d 0 obj\n%s\nendobj\n" % (number, each) for number, each in enumerate(objects, start=1))
    return b"%PDF-1.7\n" + body + b"trailer<</Root 1 0 R>>\n%%EOF"
