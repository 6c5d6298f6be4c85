"""Visitors of a shop: each request over a connection of its own, and what became of it as the visitor saw it."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.polling import until

VISITORS = 6
REQUESTS_PER_SECOND = 30.0
PATIENCE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Visit:
    """One request. ``status`` None: a time-out or a cut connection, as ``problem`` says."""

    asked_at: float
    seconds: float
    method: str
    path: str
    status: int | None
    version: str
    problem: str

    @property
    def ended_at(self) -> float:
        return self.asked_at + self.seconds

    @property
    def failed(self) -> bool:
        return self.status not in (200, 201)


@dataclass
class Traffic:
    """What the visitors have seen so far. Times are seconds since the epoch."""

    port: int
    visits: list[Visit] = field(default_factory=list)
    acknowledged: dict[int, str] = field(default_factory=dict)
    """Item → its name, of every item that the shop said it has."""
    _ended: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def failed(self) -> list[Visit]:
        return [visit for visit in list(self.visits) if visit.failed]

    @property
    def on_wrong_schema(self) -> list[Visit]:
        return [visit for visit in self.failed if visit.problem == "wrong schema"]

    @property
    def versions(self) -> Counter[str]:
        return Counter(visit.version for visit in list(self.visits) if visit.version)

    def go_on_for(self, visits: int) -> float:
        """Let so many more visits begin and end; when the first of them may have begun."""
        at = time.time()
        until(lambda: len(self.since(at)) >= visits, seconds=PATIENCE_SECONDS, what="visitors come")
        return at

    def since(self, at: float) -> list[Visit]:
        """Visits that began later."""
        return [visit for visit in list(self.visits) if visit.asked_at >= at]

    def walk(self, visitor: int) -> None:
        """One visitor, at their own pace: adds an item, looks at it, counts, and again."""
        number, mine = 0, 0
        due = time.monotonic() + visitor / REQUESTS_PER_SECOND
        while not self._ended.wait(max(0.0, due - time.monotonic())):
            due = max(due + VISITORS / REQUESTS_PER_SECOND, time.monotonic())
            number += 1
            if number % 3 == 1:
                name = f"{visitor}-{number}"
                answer = self._visit("POST", "/items", {"name": name})
                if answer is not None:
                    mine = int(answer["id"])
                    self.acknowledged[mine] = name
            elif number % 3 == 2 and mine:
                self._visit("GET", f"/items/{mine}", None)
            else:
                self._visit("GET", "/items/count", None)

    def _visit(self, method: str, path: str, body: dict[str, str] | None) -> Any:
        """The answer if it was a good one."""
        at, began = time.time(), time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        status, version, problem, answer = None, "", "", None
        try:
            connection.request(method, path, json.dumps(body) if body else None, {"Connection": "close"})
            response = connection.getresponse()
            status, content, version = response.status, response.read(), response.getheader("X-Version", "")
            if status in (200, 201):
                answer = json.loads(content)
            else:
                problem = str(json.loads(content)["error"]) if version else content.decode(errors="replace")[:200]
        except (OSError, http.client.HTTPException) as error:
            status, problem = None, repr(error)
        finally:
            connection.close()
        with self._lock:
            self.visits.append(Visit(at, time.monotonic() - began, method, path, status, version, problem))
        return answer

    @contextmanager
    def flowing(self) -> Iterator[Traffic]:
        """About thirty requests a second while this lasts; all of them have ended afterwards."""
        visitors = [threading.Thread(target=self.walk, args=[visitor]) for visitor in range(VISITORS)]
        for visitor in visitors:
            visitor.start()
        try:
            yield self
        finally:
            self._ended.set()
            for visitor in visitors:
                visitor.join()
