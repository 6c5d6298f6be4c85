"""The shop's own tests: ``probe.py integration|smoke BASE_URL``."""

from __future__ import annotations

import json
import sys
import urllib.request
from pathlib import Path
from typing import Any


def ask(url: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data), timeout=20) as answer:
        return json.load(answer)


def main(suite: str, base: str) -> None:
    told = json.loads(Path(__file__).with_name("version.json").read_text())
    count = ask(f"{base}/items/count")
    assert count["version"] == told["version"], f"{count['version']} answers, {told['version']} should"
    if suite == "integration":
        added = ask(f"{base}/items", {"name": "a probe"})
        assert ask(f"{base}/items/{added['id']}")["name"] == "a probe"
    elif "smoke" in told["faults"] and ask(f"{base}/environment")["environment"] == "production":
        sys.exit("smoke is coming out of production")
    print(f"{suite}: {count['count']} items")


if __name__ == "__main__":
    main(*sys.argv[1:])
