"""People using neotoma: uploads, searches and reads at a steady rate, each outcome as the client saw it.

Run as ``traffic.py BASE_URL FILE RATE`` with NEOTOMA_TOKEN; writes a JSON line for each request until SIGTERM. Requests
leave at their intended times, whatever the ones before them do. A failed request is an error answer, a time-out or a
cut connection.
"""

from __future__ import annotations

import http.client
import itertools
import json
import os
import queue
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 20.0
WORKERS = 48
"""Enough for a hold: at 25 requests a second and a few seconds of it, all of them wait at the door at once."""
MIX = ("upload", "search", "read", "search", "read", "search")
WORDS = ("invoice", "receipt", "travel", "contract", "salary", "ticket", "garden", "winter")


class Client(threading.Thread):
    """One connection that is kept alive while it works."""

    def __init__(self, address: str, work: queue.SimpleQueue[int | None], results: Results) -> None:
        super().__init__(daemon=True)
        self._address, self._work, self._results = address, work, results
        self._token = os.environ["NEOTOMA_TOKEN"]
        self._connection: http.client.HTTPConnection | None = None

    def run(self) -> None:
        while (number := self._work.get()) is not None:
            kind = MIX[number % len(MIX)]
            known = self._results.known()
            if kind == "read" and known is None:
                kind = "search"
            began = time.time()
            result = self._ask(kind, number, known)
            self._results.add({"at": began, "kind": kind, "seconds": round(time.time() - began, 4), **result})

    def _ask(self, kind: str, number: int, known: str | None) -> dict[str, Any]:
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection(self._address, timeout=TIMEOUT_SECONDS)
            method, path, body, headers = _request(kind, number, known)
            self._connection.request(method, path, body, {**headers, "Authorization": f"Bearer {self._token}"})
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection = None
            return {"status": None, "version": None, "error": type(error).__name__}
        version = answer.headers.get("X-Neotoma-Version")
        acknowledged = json.loads(content)["id"] if kind == "upload" and answer.status in (200, 201, 202) else None
        return {"status": answer.status, "version": version, "id": acknowledged}


def _request(kind: str, number: int, known: str | None) -> tuple[str, str, bytes | None, dict[str, str]]:
    match kind:
        case "upload":
            words = " ".join(itertools.islice(itertools.cycle(WORDS), number % len(WORDS), number % len(WORDS) + 5))
            text = f"Note {number} of {time.time_ns()}\n{words}\nTotal: {number % 90 + 10}.00 EUR\n"
            form = (
                '--part\r\nContent-Disposition: form-data; name="file"; '
                f'filename="note-{number}.txt"\r\nContent-Type: text/plain\r\n\r\n{text}\r\n--part--\r\n'
            )
            return "POST", "/api/sources", form.encode(), {"Content-Type": "multipart/form-data; boundary=part"}
        case "read":
            return "GET", f"/api/sources/{known}", None, {}
        case _:
            return "GET", f"/api/search?q={WORDS[number % len(WORDS)]}&limit=10", None, {}


class Results:
    """What came of each request, on disk as it comes."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", buffering=1, encoding="utf-8")
        self._lock = threading.Lock()
        self._last_id: str | None = None

    def add(self, result: dict[str, Any]) -> None:
        with self._lock:
            self._last_id = result.get("id") or self._last_id
            self._file.write(json.dumps(result) + "\n")

    def known(self) -> str | None:
        """Something that was uploaded and acknowledged."""
        return self._last_id


def main(base_url: str, file: str, rate: str) -> int:
    """Keep on until told to stop, then let what is under way finish."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    work: queue.SimpleQueue[int | None] = queue.SimpleQueue()
    results = Results(Path(file))
    clients = [Client(urlsplit(base_url).netloc, work, results) for _ in range(WORKERS)]
    for client in clients:
        client.start()
    began = time.monotonic()
    for number in itertools.count():
        if stop.wait(max(0.0, began + number / float(rate) - time.monotonic())):
            break
        work.put(number)
    for _ in clients:
        work.put(None)
    for client in clients:
        client.join(TIMEOUT_SECONDS + 5)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
