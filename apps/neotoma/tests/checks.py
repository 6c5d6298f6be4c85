"""What the validation scripts share: a small HTTP client and a report. The standard library is all they need."""

import argparse
import json
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

TIMEOUT_SECONDS = 10


@dataclass(frozen=True)
class Answer:
    """A response; ``json`` is None for one without a JSON body."""

    status: int
    headers: dict[str, str]
    json: Any


@dataclass(frozen=True)
class Client:
    """Talks to one running service."""

    base_url: str

    def request(self, method: str, path: str, body: bytes | None = None, content_type: str = "") -> Answer:
        """Send one request; every status is an answer. Raises OSError when there is none."""
        headers = {"Content-Type": content_type} if content_type else {}
        request = urllib.request.Request(self.base_url.rstrip("/") + path, body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
                return _answer(response.status, response)
        except urllib.error.HTTPError as error:
            with error:
                return _answer(error.code, error)

    def get(self, path: str) -> Answer:
        """Send a GET."""
        return self.request("GET", path)

    def delete(self, path: str) -> Answer:
        """Send a DELETE."""
        return self.request("DELETE", path)

    def upload(self, name: str, content: bytes) -> Answer:
        """Send a file as a browser's form does."""
        boundary = uuid.uuid4().hex
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        body = head.encode() + content + f"\r\n--{boundary}--\r\n".encode()
        return self.request("POST", "/documents", body, f"multipart/form-data; boundary={boundary}")


def _answer(status: int, response: Any) -> Answer:
    body = response.read()
    is_json = response.headers.get("Content-Type", "").startswith("application/json")
    return Answer(status, dict(response.headers), json.loads(body) if is_json else None)


@dataclass(frozen=True)
class Result:
    """How one check went; ``failure`` is empty when it passed."""

    name: str
    failure: str
    seconds: float


def expect(actual: object, wanted: object, what: str) -> None:
    """Raise AssertionError, naming both, unless they are equal."""
    if actual != wanted:
        raise AssertionError(f"{what}: expected {wanted!r}, got {actual!r}")


def run(suite: str, checks: Sequence[Callable[[Client], None]]) -> int:
    """Run every check against ``--base-url``, a line each, with ``--junit`` a report; 1 if any failed."""
    parser = argparse.ArgumentParser(description=f"{suite} tests of a running neotoma")
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--junit", type=Path, help="write the results to this file as JUnit XML")
    chosen = parser.parse_args()
    results = [_result(check, Client(chosen.base_url)) for check in checks]
    for result in results:
        print(f"{'FAILED' if result.failure else 'ok'}  {result.name}  {result.failure}".rstrip())
    failed = sum(bool(result.failure) for result in results)
    print(f"{len(results) - failed} of {len(results)} {suite} tests passed")
    if chosen.junit:
        _write_junit(chosen.junit, suite, results)
    return 1 if failed else 0


def _result(check: Callable[[Client], None], client: Client) -> Result:
    started, failure = time.perf_counter(), ""
    try:
        check(client)
    except Exception as error:  # noqa: BLE001 - a check that breaks in any way has failed
        failure = f"{type(error).__name__}: {error}".replace("\n", " ")
    return Result(check.__name__.replace("_", " "), failure, time.perf_counter() - started)


def _write_junit(path: Path, suite: str, results: Sequence[Result]) -> None:
    failed = sum(bool(result.failure) for result in results)
    root = ElementTree.Element("testsuite", name=suite, tests=str(len(results)), failures=str(failed))
    for result in results:
        case = ElementTree.SubElement(root, "testcase", name=result.name, time=f"{result.seconds:.3f}")
        if result.failure:
            ElementTree.SubElement(case, "failure", message=result.failure)
    ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def main(suite: str, checks: Sequence[Callable[[Client], None]]) -> None:
    """Run and exit."""
    sys.exit(run(suite, checks))
