"""The main job on embedded parts: neotoma v0.9 → v1.0 through staging to production, then a bad release that takes
itself back. Real PostgreSQL, real HAProxy, real processes and real traffic, all on this machine.

Run as ``run.py FOLDER [good|bad|all] [--keep]``. It drives the same command line as anybody would, and plays the
people: it answers the checklist and signs with a key. The watch is shortened, and it says so.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "history"))

from build import build_repository  # type: ignore[import-not-found]  # noqa: E402  # kept beside the versions it builds
from summary import Flown, report  # type: ignore[import-not-found]  # noqa: E402
from surroundings import (  # type: ignore[import-not-found]  # noqa: E402
    SIGNERS,
    Receiver,
    commit_signers,
    free_ports,
    git,
    owners_key,
)

from goaround.cli.render import rollback_seconds  # noqa: E402
from goaround.domain.decisions import Wait, decide  # noqa: E402
from goaround.domain.journal import State  # noqa: E402
from goaround.wiring import House, read_config  # noqa: E402

FIRST, NEXT, BAD = "v0.9.0", "v1.0.0", "v1.1.0-errors"
WATCH_SECONDS = 20
FAULT_AFTER_SECONDS = 12
RATE = 25


class Demo:
    """A repository of neotoma, a house around it, traffic, and somebody who receives the notices."""

    def __init__(self, folder: Path, versions: Sequence[str]) -> None:
        self.project = folder / "neotoma"
        self.results = folder / "requests.jsonl"
        self._clear(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.files, self.token = folder / "files", secrets.token_urlsafe()
        self.token_file = folder / "token"
        self.token_file.touch(0o600)
        self.token_file.write_text(self.token)
        self.notices = Receiver()
        build_repository(self.project, list(versions))
        self.key = owners_key(folder)
        commit_signers(self.project, self.key, [f"release/{version}" for version in versions])
        self._write_terms()
        self.config = read_config(self.project / "goaround.toml")[0]
        self.house = House(self.project)
        self.base_url = self.config.environments.production.base_url
        self._traffic: subprocess.Popen[bytes] | None = None

    def fly(self, version: str) -> Flown:
        """Release a version, with people who answer and sign; the traffic begins once production answers."""
        began = time.time()
        print(f"\n── {version} ──", file=sys.stderr)
        signers = subprocess.check_output(["git", "show", f"release/{version}:{SIGNERS}"], cwd=self.project)
        trust = "sha256:" + hashlib.sha256(signers).hexdigest()
        words = ["release", version, "--ref", f"release/{version}", "--trust", trust, "--wait"]
        command = [*GOAROUND, "-C", str(self.project), *words]
        with self._people(version):
            subprocess.run(command, env=self._environ(), stdout=subprocess.DEVNULL, check=False)
        state = self._state(version)
        assert state is not None
        return self._flown(state, began)

    def end_traffic(self) -> None:
        if self._traffic is not None:
            self._traffic.terminate()
            self._traffic.wait()
            self._traffic = None

    def close(self) -> None:
        """Stop everything that serves."""
        self.house.shut_down(self.config)
        self.notices.close()

    def _clear(self, folder: Path) -> None:
        """What an earlier demo left, running or not."""
        stop(self.project)
        for path in folder.rglob("*") if folder.exists() else ():
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o700)  # artifacts are kept read-only
        shutil.rmtree(folder, ignore_errors=True)

    def _write_terms(self) -> None:
        """The service's own goaround.toml with free ports, our folders and short times, committed like any change."""
        path = self.project / "goaround.toml"
        text = path.read_text()
        staging, production = free_ports(2)
        for old, new in (
            ("127.0.0.1:7480", f"127.0.0.1:{staging}"),
            ("127.0.0.1:7490", f"127.0.0.1:{production}"),
            ("/var/lib/neotoma/", f"{self.files}/"),
            ("env:NEOTOMA_TOKEN", f"file:{self.token_file}"),
            ('for = "1h"', f'for = "{WATCH_SECONDS}s"\nafter_rollback = "6s"\nextend = "30s"'),
            ('p95 = "> 10s for 5m"', 'p95 = "> 10s for 30s"\nwindow = "6s"'),
            (
                'NEOTOMA_ENVIRONMENT = "production"',
                f'NEOTOMA_ENVIRONMENT = "production"\nFAULT_AFTER = "{FAULT_AFTER_SECONDS}"',
            ),
        ):
            assert old in text, old
            text = text.replace(old, new)
        url = self.notices.url
        text += f'\n[notify]\nannounce = [{{ webhook = "{url}" }}]\nalert = [{{ webhook = "{url}" }}]\n'
        text += f'\n[sign_off]\nallowed_signers = "{SIGNERS}"\n'
        path.write_text(text)
        git(self.project, "commit", "--quiet", "--all", "--message=Short times")

    @contextmanager
    def _people(self, version: str) -> Iterator[None]:
        """Somebody who answers, signs, and uses the service, while a release is under way."""
        over = threading.Event()
        person = threading.Thread(target=self._attend, args=(version, over))
        person.start()
        try:
            yield
        finally:
            over.set()
            person.join()

    def _attend(self, version: str, over: threading.Event) -> None:
        house = House(self.project)  # a SQLite connection belongs to its thread
        while not over.wait(0.3):
            state = house.states.refresh().of(version)
            if state is None:
                continue
            if self._traffic is None and state.evidence("production", "traffic"):
                self._start_traffic()
            decision = decide(state, datetime.now(UTC))
            if isinstance(decision, Wait) and decision.on_person:
                self._say(decision)

    def _say(self, wait: Wait) -> None:
        if wait.step.kind == "answer":
            words = ["answer", wait.step.name.removeprefix("check-"), "--note", "looked, and it is right"]
        else:
            words = ["sign", "--key", str(self.key), "--note", "evidence read"]
        subprocess.run(
            [*GOAROUND, "-C", str(self.project), *words], env=self._environ(), check=True, capture_output=True
        )

    def _start_traffic(self) -> None:
        command = [sys.executable, str(HERE / "traffic.py"), self.base_url, str(self.results), str(RATE)]
        told = {**os.environ, "NEOTOMA_TOKEN": self.token}
        self._traffic = subprocess.Popen(command, start_new_session=True, env=told)

    def _state(self, version: str) -> State | None:
        return self.house.states.refresh().of(version)

    def _flown(self, state: State, began: float) -> Flown:
        ended = time.time()
        requests = [r for r in self._requests() if began <= r["at"] < ended]
        acknowledged = [r["id"] for r in requests if r.get("id")]
        served = sum(1 for r in requests if r["status"] is not None and r["status"] < 400)
        neighbours = self.house.neighbours(self.config, "production")
        traffic = neighbours.proxy.traffic(state.opened_at, datetime.now(UTC))
        back = rollback_seconds(state)
        return Flown(
            version=state.release.version,
            outcome=str(state.closed.outcome) if state.closed else "unfinished",
            seconds=round(ended - began, 2),
            rollback_seconds=round(back, 2) if back is not None else None,
            requests_served=served,
            requests_failed=len(requests) - served,
            requests_held=sum(bucket.held for bucket in traffic.buckets),
            rows_acknowledged=len(acknowledged),
            rows_found=self._count_found(acknowledged),
        )

    def _requests(self) -> list[dict[str, Any]]:
        if not self.results.exists():
            return []
        lines = self.results.read_text().splitlines()
        return [json.loads(line) for line in lines if line.endswith("}")]

    def _count_found(self, acknowledged: Sequence[str]) -> int:
        with ThreadPoolExecutor(8) as threads:
            return sum(threads.map(self._found, acknowledged))

    def _found(self, source: str) -> bool:
        """Whether an acknowledged upload can be read: its row and its bytes."""
        url, headers = f"{self.base_url}/api/sources/{source}/file", {"Authorization": f"Bearer {self.token}"}
        with suppress(HTTPError), urlopen(Request(url, headers=headers), timeout=10) as answer:
            return bool(answer.status == 200 and answer.read())
        return False

    def _environ(self) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        return {**os.environ, "PATH": path, "GOAROUND_BY": "owner"}


GOAROUND = (sys.executable, "-m", "goaround")


def stop(project: Path) -> None:
    """Stop what an earlier demo left running."""
    toml = project / "goaround.toml"
    if toml.exists():
        House(project).shut_down(read_config(toml)[0])


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("which", nargs="?", choices=["all", "good", "bad", "stop"], default="all")
    parser.add_argument("--keep", action="store_true", help="leave everything running")
    options = parser.parse_args(arguments)
    if options.which == "stop":
        stop(options.folder.resolve() / "neotoma")
        return 0
    releases = {"all": (FIRST, NEXT, BAD), "good": (FIRST, NEXT), "bad": (NEXT, BAD)}[options.which]
    demo = Demo(options.folder.resolve(), releases)
    try:
        flown = [demo.fly(version) for version in releases]
        report(demo.house.states.refresh().all(), flown, demo.notices.received, WATCH_SECONDS)
        summary = options.folder / "summary.json"
        summary.write_text(json.dumps([asdict(one) for one in flown], indent=1) + "\n")
        print(f"summary: {os.path.relpath(summary)}")
        last = releases[-1]
        verbs = f"status | history | logs {last} | report {last} --bundle {last}.tar"
        print(f"look around: goaround -C {os.path.relpath(demo.project)} {verbs}")
        if options.keep:
            home = os.path.relpath(options.folder.resolve().parents[1])
            print(f"production answers at {demo.base_url}; end it with: goaround -C {home} demo stop")
    finally:
        demo.end_traffic()
        if not options.keep:
            demo.close()
    expected = ["rolled_back" if version == BAD else "released" for version in releases]
    return 0 if [one.outcome for one in flown] == expected else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
