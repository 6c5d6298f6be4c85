"""What the validation kit is made of: a client, checks, a report. The standard library is all it needs.

    python validation/smoke.py --base-url URL [--junit FILE] [--json FILE|-]

Each check says what it expected and got; the exit code is 0 if all passed, else 1.
"""

import argparse
import json
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode
from xml.etree import ElementTree

TIMEOUT_SECONDS = 20
READ_SECONDS = 60
"""How long a file may take to be read."""


@dataclass(frozen=True)
class Answer:
    """A response; ``json`` is None for one without a JSON body."""

    status: int
    headers: dict[str, str]
    body: bytes
    json: Any


@dataclass
class Client:
    """Talks to one running service as one person, or as nobody without a token. Notes the sources that it stored."""

    base_url: str
    token: str = ""
    stored: list[str] = field(default_factory=list)

    def request(self, method: str, path: str, body: bytes | None = None, content_type: str = "", **more: str) -> Answer:
        """Send one request; every status is an answer. Raises OSError when there is none."""
        headers = {"Content-Type": content_type} if content_type else {}
        headers |= {"Authorization": f"Bearer {self.token}"} if self.token else {}
        headers |= {name.replace("_", "-"): value for name, value in more.items()}
        request = urllib.request.Request(self.base_url.rstrip("/") + path, body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
                return _answer(response.status, response)
        except urllib.error.HTTPError as error:
            with error:
                return _answer(error.code, error)

    def get(self, path: str, **query: object) -> Answer:
        """Send a GET."""
        given = {name: value for name, value in query.items() if value is not None}
        return self.request("GET", f"{path}?{urlencode(given)}" if given else path)

    def delete(self, path: str) -> Answer:
        """Send a DELETE."""
        return self.request("DELETE", path)

    def post(self, path: str, body: object) -> Answer:
        """Send JSON."""
        return self.request("POST", path, json.dumps(body).encode(), "application/json")

    def upload(self, name: str, content: bytes) -> Answer:
        """Send a file as a browser's form does."""
        boundary = uuid.uuid4().hex
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        body = head.encode() + content + f"\r\n--{boundary}--\r\n".encode()
        answer = self.request("POST", "/api/sources", body, f"multipart/form-data; boundary={boundary}")
        if answer.status in (200, 201, 202):
            self.stored.append(answer.json["id"])
        return answer

    def ready(self, name: str, content: bytes) -> dict[str, Any]:
        """Store a file and wait until it is read. Returns the source with its text and what it says."""
        answer = self.upload(name, content)
        if answer.status not in (200, 201, 202):
            raise AssertionError(f"the upload of {name} was answered {answer.status}: {answer.json}")
        deadline = time.monotonic() + READ_SECONDS
        while time.monotonic() < deadline:
            source: dict[str, Any] = self.get(f"/api/sources/{quote(answer.json['id'])}").json
            if source["status"] != "processing":
                expect(source["status"], "ready", f"status of {name}")
                return source
            time.sleep(0.1)
        raise AssertionError(f"{name} was not read within {READ_SECONDS} s")


def _answer(status: int, response: Any) -> Answer:
    body = response.read()
    headers = {name.lower(): value for name, value in response.headers.items()}
    is_json = headers.get("content-type", "").startswith("application/json")
    return Answer(status, headers, body, json.loads(body) if is_json and body else None)


def fresh_word() -> str:
    """A word that nothing else has, of letters only."""
    return "kit" + "".join(chr(ord("a") + int(digit, 16)) for digit in uuid.uuid4().hex)


def expect(actual: object, wanted: object, what: str) -> None:
    """Raise AssertionError, naming both, unless they are equal."""
    if actual != wanted:
        raise AssertionError(f"{what}: expected {wanted!r}, got {actual!r}")


def expect_refusal(answer: Answer, statuses: Sequence[int], what: str) -> None:
    """Raise AssertionError unless it is one of these, in the shape of every refusal."""
    if answer.status not in statuses:
        raise AssertionError(f"{what}: expected one of {list(statuses)}, got {answer.status}")
    expect(set(answer.json or {}), {"code", "message", "details", "trace_id"}, f"shape of the refusal of {what}")


@dataclass(frozen=True)
class Result:
    """How one check went; ``failure`` is empty when it passed."""

    name: str
    failure: str
    seconds: float


Check = Callable[[Any], None]


def main(suite: str, checks: Sequence[Check], given: Callable[[str], AbstractContextManager[Any]]) -> None:
    """Run every check, a line each, with what ``given`` makes of the base URL; exit with 1 if any failed."""
    options = arguments(f"{suite} of a running neotoma").parse_args()
    results = _results(checks, given(options.base_url))
    for result in results:
        print(f"{'FAILED' if result.failure else 'ok'}  {result.name}  {result.failure}".rstrip(), file=sys.stderr)
    failed = sum(bool(result.failure) for result in results)
    if options.junit:
        write_junit(options.junit, suite, results)
    told = {"suite": suite, "passed": len(results) - failed, "failed": failed}
    write_json(options.json, {**told, "checks": [vars(result) for result in results]})
    if options.json != "-":
        print(f"{len(results) - failed} of {len(results)} {suite} checks passed")
    sys.exit(1 if failed else 0)


def arguments(description: str) -> argparse.ArgumentParser:
    """What every script of the kit takes."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write the results to this file as JUnit XML")
    parser.add_argument("--json", metavar="FILE", help="write the results to this file as JSON; - is standard output")
    return parser


def write_json(where: str | None, told: object) -> None:
    """Write a report to where ``--json`` says."""
    text = json.dumps(told, indent=1) + "\n"
    if where == "-":
        sys.stdout.write(text)
    elif where:
        Path(where).write_text(text, encoding="utf-8")


def _results(checks: Sequence[Check], given: AbstractContextManager[Any]) -> list[Result]:
    """How every check went. What cannot be prepared or cleaned up is a failure of its own."""
    results: list[Result] = []

    def everything(_: object) -> None:
        with given as subject:
            results.extend(_result(check, subject) for check in checks)

    around = _result(everything, None)
    if around.failure:
        results.append(Result("begin and clean up", around.failure, around.seconds))
    return results


def _result(check: Check, subject: Any) -> Result:
    started, failure = time.perf_counter(), ""
    try:
        check(subject)
    except Exception as error:  # noqa: BLE001 - a check that breaks in any way has failed
        failure = f"{type(error).__name__}: {error}".replace("\n", " ")
    return Result(check.__name__.replace("_", " "), failure, round(time.perf_counter() - started, 3))


def write_junit(path: Path, suite: str, results: Sequence[Result]) -> None:
    """Write the results as JUnit XML."""
    failed = sum(bool(result.failure) for result in results)
    root = ElementTree.Element("testsuite", name=suite, tests=str(len(results)), failures=str(failed))
    for result in results:
        case = ElementTree.SubElement(root, "testcase", name=result.name, time=f"{result.seconds:.3f}")
        if result.failure:
            ElementTree.SubElement(case, "failure", message=result.failure)
    ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
