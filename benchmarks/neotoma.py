"""What uploads and searches of neotoma take: ``neotoma.py [--json] [--documents 1000,10000,100000]``.

A real PostgreSQL that waits for its disk, the service as it is run, and one user with so many documents (beside
another with a tenth of them). Uploads are text, CSV and PDF files over HTTP; searches are questions of seven kinds over
HTTP, one after the other. Beside them, the same questions answered by a plain scan, in SQL. CPU is that of the service
with its workers and of the database, all of it, a request.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import httpx
import psycopg

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.neotoma_corpus import FILES, Connection, Corpus, Query, fill, pdf
from benchmarks.processes import cpu_seconds, family, postmaster

from goaround.adapters.postgres.embedded import EmbeddedPostgres

NEOTOMA = Path(__file__).parents[1] / "apps" / "neotoma"
UPLOADS, SEARCHES, SCANS = 90, 280, 14
OTHER = "22222222-0000-4000-8000-000000000002"
SETTINGS = {"shared_buffers": "512MB", "max_wal_size": "4GB", "maintenance_work_mem": "256MB"}
Figures = dict[str, float | int]
Item = TypeVar("Item")


@dataclass(frozen=True)
class There:
    """The running service, as one user has it."""

    client: httpx.Client
    user: str
    owner: str
    app: str
    service: int
    database: int

    def cpu(self) -> float:
        """Seconds of CPU that service and database have used so far, with all their processes."""
        return sum(map(cpu_seconds, (*family(self.service), *family(self.database))))


@contextmanager
def running() -> Iterator[There]:
    """A new database and a new service with a new user; all gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="ntb") as name, owned(Path(name)) as (folder, owner, app, role):
        variables = {"PATH": os.environ["PATH"], "PYTHONPATH": str(NEOTOMA / "src"), "APP_ROLE": role}
        variables |= {"DATABASE_URL": app, "NEOTOMA_STORAGE": str(folder / "storage")}
        command = (sys.executable, "-m", "neotoma")
        subprocess.run(
            (*command, "migrate", "up"), env=variables | {"MIGRATION_DATABASE_URL": owner}, check=True, stdout=2
        )
        port = free_port()
        with (folder / "log").open("w") as log:
            serve = (*command, "serve", "--port", str(port))
            process = subprocess.Popen(serve, env=variables, stdout=log, stderr=subprocess.STDOUT)
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
                wait(client)
                account = {"email": "reader@example.org", "password": secrets.token_urlsafe(24)}
                signed = client.post("/api/accounts", json=account).raise_for_status().json()
                client.headers["Authorization"] = f"Bearer {signed['token']}"
                yield There(client, signed["user_id"], owner, app, process.pid, postmaster(owner))
        finally:
            process.terminate()
            process.wait(20)


@contextmanager
def owned(folder: Path) -> Iterator[tuple[Path, str, str, str]]:
    """A PostgreSQL of its own: the folder, the URLs of owner and service, and the role of the latter."""
    folder.chmod(0o711)
    embedded = EmbeddedPostgres(folder / "server", "bench", "bench", settings=SETTINGS)
    try:
        urls = embedded.ensure()
        yield folder, urls.migration, urls.service, urls.service_role
    finally:
        embedded.destroy()


def fill_up(there: There, corpus: Corpus, have: int, wanted: int) -> None:
    """Bring the user to so many documents, and the other to a tenth; the index is built anew, which is faster."""
    with psycopg.connect(there.owner, autocommit=True) as connection:
        ((index,),) = connection.execute("SELECT pg_get_indexdef('chunks_words'::regclass)").fetchall()
        connection.execute("DROP INDEX chunks_words")
        connection.execute(
            "INSERT INTO users (user_id, email) VALUES (%s, 'b@example.org') ON CONFLICT DO NOTHING", (OTHER,)
        )
        for first in range(have, wanted, 10_000):
            many = min(10_000, wanted - first)
            with connection.transaction():
                fill(connection, there.user, corpus.documents(many), first)
                fill(connection, OTHER, corpus.documents(many // 10), first)
            say(f"  {first + many} documents")
        connection.execute(str(index).encode())
        connection.execute("VACUUM ANALYZE chunks, sources")


def uploads(there: There, corpus: Corpus) -> Figures:
    """Files that were never seen before, of three kinds in turn."""
    files = [(f"{number}{ending}", make(corpus)) for number in range(UPLOADS // 3) for ending, make in FILES.items()]

    def upload(file: tuple[str, bytes]) -> None:
        answer = there.client.post("/api/sources", files={"file": file})
        assert answer.status_code == 201, answer.text

    upload(("first.pdf", pdf(corpus)))  # starts the worker
    return measured(there, "upload", files, upload)


def searches(there: There, queries: Sequence[Query]) -> Figures:
    """All questions, and what kinds of them took."""

    def search(query: Query) -> None:
        there.client.get("/api/search", params={"q": query.text}).raise_for_status()

    for query in queries[:20]:
        search(query)
    figures = measured(there, "search", queries, search)
    for kind in ("frequent", "rare", "phrase"):
        of_kind = [query for query in queries if query.kind == kind]
        figures[f"search_{kind}_p95_ms"] = measured(there, "kind", of_kind, search)["kind_p95_ms"]
    return figures


def scans(there: There, queries: Sequence[Query]) -> Figures:
    """The same by reading every passage of the user: as the user, in the same database, without HTTP."""
    with psycopg.connect(there.app, options="-c role=neotoma_member", autocommit=True) as connection:
        connection.execute("SELECT set_config('neotoma.user_id', %s, false)", (there.user,))
        connection.execute("SET enable_indexscan = off")
        connection.execute("SET enable_bitmapscan = off")
        return measured(there, "sequential_scan", queries[:SCANS], lambda query: scan(connection, query))


def scan(connection: Connection, query: Query) -> None:
    """As v0.9 searches: passages with all the words, the newest first."""
    wanted = [f"%{word}%" for word in query.words]
    unwanted = [f"%{word}%" for word in query.without]
    connection.execute(
        "SELECT source_id, place, text FROM chunks WHERE text ILIKE ALL (%s) AND NOT text ILIKE ANY (%s)"
        " ORDER BY number DESC LIMIT 20",
        (wanted, unwanted),
    ).fetchall()


def measured(there: There, name: str, items: Sequence[Item], action: Callable[[Item], None]) -> Figures:
    """Milliseconds of each, by percentile, and CPU milliseconds of one."""
    took, before = [], there.cpu()
    for item in items:
        began = time.perf_counter()
        action(item)
        took.append((time.perf_counter() - began) * 1000)
    cpu = (there.cpu() - before) * 1000 / len(took)
    figures = {f"{name}_p{percent}_ms": quantile(took, percent) for percent in (50, 95, 99)}
    return {key: round(value, 1) for key, value in {**figures, f"{name}_cpu_ms": cpu}.items()}


def quantile(values: Sequence[float], percent: int) -> float:
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait(client: httpx.Client) -> None:
    """Until the service is ready. Raises AssertionError if it is not in time."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if client.get("/health").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError("the service is not ready after 30 s")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def measure(sizes: Sequence[int]) -> dict[str, Figures]:
    """The figures by number of documents."""
    corpus, files = Corpus(1), Corpus(2)
    queries = Corpus(3).queries(SEARCHES)
    figures: dict[str, Figures] = {}
    with running() as there:
        for have, size in zip((0, *sizes), sizes, strict=False):
            say(f"{size} documents")
            fill_up(there, corpus, have, size)
            figures[str(size)] = searches(there, queries) | scans(there, queries) | uploads(there, files)
            ratio = figures[str(size)]["sequential_scan_p95_ms"] / figures[str(size)]["search_p95_ms"]
            figures[str(size)]["scan_to_search_p95"] = round(ratio, 1)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--documents", default="1000,10000,100000", help="numbers of documents, ascending")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that everything that was started is ended
    figures = measure(sorted(map(int, arguments.documents.split(","))))
    if arguments.json:
        print(json.dumps({"documents": figures}))
        return
    print(f"{'documents':28}" + "".join(f"{size:>12}" for size in figures))
    for name in next(iter(figures.values())):
        print(f"{name.replace('_', ' '):28}" + "".join(f"{figures[size][name]:>12}" for size in figures))


if __name__ == "__main__":
    main()
