"""What is secret stays so: a release that prints its secrets wherever it can leaves none of them anywhere."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.e2e.desk import Said, goaround, release, toml, variant
from tests.postgres_server import open_folder
from tests.shop.build import shop
from tests.shop.people import say_yes
from tests.shop.shop import Shop

from goaround.domain.environments import ENVIRONMENTS
from goaround.outliving import processid

pytestmark = pytest.mark.xdist_group("e2e-caught")
SECRET = "planted-9c1d7be2-secret"
PRINTS = "import os, pprint; pprint.pprint(dict(os.environ), width=10)"


@dataclass
class Trusted(Shop):
    """A shop whose controllers are given a secret."""

    @property
    def environ(self) -> dict[str, str]:
        return {**super().environ, "SHOP_TOKEN": SECRET}


@contextmanager
def _trusted() -> Iterator[Shop]:
    with open_folder() as folder, shop(folder, "v1.0.0", watch="1s") as there:
        yield Trusted(there.folder, there.terms, there.versions)


class Onlooker:
    """Reads the command lines of all processes of this machine, again and again, as any user may."""

    def __init__(self, needles: set[str]) -> None:
        self._needles = {needle.encode() for needle in needles}
        self.seen: set[bytes] = set()
        self.rounds = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def add(self, needles: set[str]) -> None:
        self._needles |= {needle.encode() for needle in needles}

    def _look(self) -> None:
        while not self._over.wait(0.02):
            self.rounds += 1
            for pid in processid.pids():
                try:
                    words = Path(f"/proc/{pid}/cmdline").read_bytes()
                except OSError:
                    continue
                if any(needle in words for needle in set(self._needles)):
                    self.seen.add(words)

    def __enter__(self) -> Onlooker:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def test_secrets_that_a_release_prints_are_nowhere_to_be_found() -> None:
    with _trusted() as there:
        version = _indiscreet(there)
        told: list[Said] = []
        edits = [
            ("[run]", f'[build]\ncommand = ["python3", "-c", "{PRINTS}"]\ninherit_env = ["SHOP_TOKEN"]\n\n[run]'),
            *(
                (f'SHOP_ENVIRONMENT = "{name}" }}', f'SHOP_ENVIRONMENT = "{name}", SHOP_TOKEN = "env:SHOP_TOKEN" }}')
                for name in ENVIRONMENTS
            ),
        ]
        with toml(there, *edits), Onlooker({SECRET}) as onlooker, there.traffic().flowing():
            told.append(release(there, version))
            passwords = _passwords(there)
            onlooker.add(passwords)
            while told[-1].code == 5:
                say_yes(there.house, there.state(version))
                told.append(goaround(there, "resume"))
            told[-1].ended(0)
            slot = there.status()["environments"]["production"]["serves"]["slot"]
            asked = (["logs", version], ["logs", version, f"production/{slot}"], ["status", version, "--json"])
            told += [goaround(there, *arguments).ended(0) for arguments in (*asked, ["doctor"], ["history"])]
        secrets = {SECRET, *passwords}
        # It did print them: what stands there now is what is left of that.
        logs = told[-5].out
        for step in ("staging/build", "staging/migrate", "staging/integration"):
            assert "SHOP_TOKEN': '***'" in "".join(line for line in logs.splitlines(True) if step in line), step
        assert "migrates with ***" in logs
        assert "SHOP_TOKEN=***" in told[-4].out
        assert onlooker.rounds > 50
        assert onlooker.seen == set()
        assert [said.all for said in told if any(secret in said.all for secret in secrets)] == []
        assert _holding(there.house.folder, secrets) == []


def _indiscreet(shop: Shop) -> str:
    """A version that prints everything it is given, the password alone as well, which is a part of a URL."""
    password = 'print("migrates with", os.environ["MIGRATION_DATABASE_URL"].split(":")[2].split("@")[0], flush=True)'
    connects = 'print("serves with", os.environ["DATABASE_URL"].split(":")[2].split("@")[0], flush=True)'
    names = 'print(*(f"{name}={value}" for name, value in os.environ.items()), sep="\\n", flush=True)'
    return variant(
        shop,
        "v1.0.1",
        "v1.0.0",
        ("migrate.py", 'if __name__ == "__main__":\n', f'if __name__ == "__main__":\n    {PRINTS}\n    {password}\n'),
        ("service.py", 'if __name__ == "__main__":\n', f'if __name__ == "__main__":\n    {names}\n    {connects}\n'),
        ("probe.py", 'if __name__ == "__main__":\n', f'if __name__ == "__main__":\n    {PRINTS}\n'),
    )


def _passwords(shop: Shop) -> set[str]:
    urls = [shop.house.neighbours(shop.config, environment).database.ensure() for environment in ENVIRONMENTS]
    return {url.split(":")[2].split("@")[0] for pair in urls for url in (pair.service, pair.migration)}


def _holding(folder: Path, secrets: set[str]) -> list[str]:
    """Files with a secret in them, but for the databases themselves and the passwords that only their owner reads."""
    found = []
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder).parts
        if not path.is_file() or (inside[0] == "environments" and inside[2:4] == ("postgres", "data")):
            continue
        if path.name == "passwords.json":
            assert path.stat().st_mode & 0o777 == 0o600
            continue
        content = path.read_bytes()
        found += [str(path.relative_to(folder)) for secret in secrets if secret.encode() in content]
    return found
