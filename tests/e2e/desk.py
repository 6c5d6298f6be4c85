"""What a person does and sees at a terminal: calls of ``goaround``, releases under way, and what they say."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from tests.polling import until
from tests.shop.build import shop
from tests.shop.people import say_yes
from tests.shop.shop import Shop
from tests.shop.traffic import Traffic

from goaround.domain.decisions import Wait, decide
from goaround.domain.journal import State
from goaround.domain.release import Environment

NEXT = "v1.1.0-down"
"""The version that the tests try to release: a column more, which goes again on the way back."""
LONG_SECONDS = 120.0


@dataclass(frozen=True)
class Said:
    """How a call ended, and all that it printed."""

    code: int
    out: str
    err: str

    @property
    def all(self) -> str:
        return self.out + self.err

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    def ended(self, code: int) -> Said:
        """Fails the test if it ended otherwise, or fell over."""
        assert self.code == code, f"ended with {self.code}, not {code}:\n{self.all}"
        assert "Traceback" not in self.all, self.all
        return self

    def clear(self, code: int, what: str, state: str, remedy: str) -> Said:
        """A clear error: it says what happened, what state things are in, and what to do."""
        self.ended(code)
        error = self.err[self.err.find("error: ") :] if "error: " in self.err else self.out
        assert "error: " in error, f"no error is shown:\n{self.all}"
        happened, _, rest = error.partition("\n  now: ")
        now, _, do = rest.partition("\n  do:  ")
        for wanted, text in ((what, happened), (state, now), (remedy, do)):
            assert wanted in text, f"{wanted!r} is not in {text!r} of:\n{self.all}"
        return self


def goaround(shop: Shop, *arguments: str, seconds: float = LONG_SECONDS) -> Said:
    done = shop.goaround(*arguments, seconds=seconds)
    return Said(done.returncode, done.stdout, done.stderr)


def release(shop: Shop, version: str, *arguments: str) -> Said:
    """Release it, in the foreground, off a terminal."""
    return goaround(shop, "release", version, "--ref", f"release/{version}", *arguments)


@dataclass
class Flight:
    """A release under way, whose controller waits for people."""

    shop: Shop
    version: str
    process: subprocess.Popen[str]

    @property
    def state(self) -> State:
        return self.shop.state(self.version)

    def reaches(self, step: str, seconds: float = LONG_SECONDS) -> Flight:
        """Until that step has begun (``staging/build``); what it waits for on its way is given."""
        return self.until(lambda: self.state.of(f"{self.version}/{step}").attempt > 0, f"reach {step}", seconds)

    def waits_at(self, step: str, seconds: float = LONG_SECONDS) -> Flight:
        """Until it waits for a person at that step, who has not come yet."""
        key = f"{self.version}/{step}"

        def there() -> bool:
            calls_for = self._calls_for()
            return calls_for is not None and calls_for.step.key == key

        return self.until(there, f"wait at {step}", seconds)

    def until(self, there: Callable[[], bool], what: str, seconds: float = LONG_SECONDS) -> Flight:
        def looked() -> bool:
            if self._opened() and there():
                return True
            assert self.process.poll() is None, f"it ended before it could {what}:\n{self.ends().all}"
            if self._opened() and self._calls_for() is not None:
                say_yes(self.shop.house, self.state)
            return False

        until(looked, seconds, what)
        return self

    def _opened(self) -> bool:
        return self.shop.house.states.refresh().of(self.version) is not None

    def _calls_for(self) -> Wait | None:
        match decide(self.state, self.shop.house.clock.now()):
            case Wait(on_person=True) as wait:
                return wait
        return None

    def ends(self, seconds: float = LONG_SECONDS) -> Said:
        try:
            out, err = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        return Said(self.process.returncode, out, err)


def takes_off(shop: Shop, version: str, *arguments: str) -> Flight:
    """A release that goes on in the background."""
    flight = shop.start("release", version, "--ref", f"release/{version}", "--wait", *arguments)
    return Flight(shop, version, flight)


@contextmanager
def deployed(folder: Path, *versions: str, first: str = "v1.0.0", **terms: Any) -> Iterator[Shop]:
    """A shop whose first version serves, and which has others, each made to replace it."""
    replaces = dict.fromkeys(versions, first)
    with shop(folder, first, *versions, replaces=replaces, **terms) as there:
        assert there.release_fully(first) == 0
        yield there


def variant(shop: Shop, name: str, origin: str, *edits: tuple[str, str, str]) -> str:
    """Another version, made from one there is by edits: (path, what stands there, what shall). Returns its name."""
    shop.git("switch", "--quiet", "--create", f"release/{name}", f"release/{origin}")
    for path in shop.git("ls-files").split():
        file = shop.project / path
        if path in (f"releases/{origin}/manifest.toml", "version.json"):
            file.write_text(file.read_text().replace(f'"{origin}"', f'"{name}"'))
    shop.git("mv", f"releases/{origin}", f"releases/{name}")
    for path, stands, shall in edits:
        file = shop.project / path
        before = file.read_text()
        assert stands in before, f"{stands!r} is not in {path}"
        file.write_text(before.replace(stands, shall))
    shop.git("commit", "--quiet", "--all", f"--message={name}")
    shop.git("switch", "--quiet", "main")
    return name


@contextmanager
def toml(shop: Shop, *edits: tuple[str, str]) -> Iterator[None]:
    """Other terms while this lasts, in a commit of their own."""
    file = shop.project / "goaround.toml"
    before = after = file.read_text()
    for stands, shall in edits:
        assert stands in after, f"{stands!r} is not in goaround.toml"
        after = after.replace(stands, shall, 1)
    file.write_text(after)
    shop.git("commit", "--quiet", "--all", "--message=other terms")
    try:
        yield
    finally:
        file.write_text(before)
        shop.git("commit", "--quiet", "--all", "--message=the terms as they were")


def serves(shop: Shop, environment: Environment, version: str) -> bool:
    """Whether that version answers visitors there, and finds its schema."""
    port = shop.terms.production_port if environment == "production" else shop.terms.staging_port
    answer = shop.house.http.get(f"http://127.0.0.1:{port}/items/count", 10)
    return answer.status == 200 and f'"version": "{version}"' in answer.detail


def columns(shop: Shop, environment: Environment) -> set[str]:
    """Those of the shop's table."""
    found = shop.query(
        environment, "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass('items') AND attnum > 0"
        " AND NOT attisdropped",
    )  # fmt: skip
    return {str(name) for (name,) in found}


@contextmanager
def session(shop: Shop, environment: Environment) -> Iterator[psycopg.Connection[Any]]:
    """Somebody else in the database, as the owner of its tables."""
    url = shop.house.neighbours(shop.config, environment).database.ensure().migration
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def belongs_to(shop: Shop) -> dict[str, str | None]:
    """Environment → the release it belongs to."""
    return {name: there["belongs_to"] for name, there in shop.status()["environments"].items()}


def unharmed(shop: Shop, version: str = "v1.0.0") -> None:
    """The safe state after whatever went wrong: the old version serves on its schema, and everything is free."""
    label = {"id", "name", "at"} if version == "v1.0.0" else {"id", "name", "at", "note"}
    for environment in ("staging", "production"):
        assert serves(shop, environment, version), environment
        assert columns(shop, environment) == label, environment
    assert belongs_to(shop) == {"staging": None, "production": None}


def poison(shop: Shop, version: str, origin: str, *, loosely: bool) -> str:
    """A version whose migration fails where there is an item ``poison``: in a transaction, or half-way without one."""
    path = max(path for path in shop.versions[origin].tree if path.endswith(".up.sql"))
    column = "title" if "title" in path else "name"
    check = f"DO $$ BEGIN IF EXISTS (SELECT FROM items WHERE {column} = 'poison') THEN RAISE 'poisoned'; END IF; END $$"
    content = shop.versions[origin].tree[path]
    begins = "-- not in a transaction\n;\n" if loosely else ""
    return variant(shop, version, origin, (path, content, f"{begins}{content};\n{check}"))


@contextmanager
def poisoned(shop: Shop) -> Iterator[None]:
    """Something in production that is not in staging."""
    shop.query("production", "INSERT INTO items (name) VALUES ('poison')")
    try:
        yield
    finally:
        shop.query("production", "DELETE FROM items WHERE name = 'poison'")


def incident(shop: Shop, release: str) -> Any:
    """The record that a rollback leaves."""
    return json.loads((shop.house.folder / "incidents" / f"{release}.json").read_text())


def taken_back(shop: Shop, version: str, visitors: Traffic, by: str = "") -> None:
    """Production and staging are as before, nobody met a wrong schema, no acknowledged row is lost, the time is on
    record, and the version is not used again. ``by``: of the release that took it back, what its id has besides."""
    unharmed(shop)
    assert visitors.on_wrong_schema == []
    rows = dict(shop.query("production", "SELECT id, name FROM items"))
    assert {number: rows.get(number) for number in visitors.acknowledged} == visitors.acknowledged
    record = incident(shop, version + by)
    assert record["back_to"] == "v1.0.0"
    assert 0 < record["rollback_seconds"] < record["target_seconds"] == 900
    said = goaround(shop, "status", version + by).ended(0)
    assert "rolled back in" in said.out
    assert "target 15 min" in said.out
    release(shop, version).clear(9, f"{version} was rolled back from production", "nothing was started", "next version")
