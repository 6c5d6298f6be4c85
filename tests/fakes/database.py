"""A database without a server; its backups are real folders."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from goaround.adapters.postgres.sealed import fixed, read_sealed, seal
from goaround.domain.errors import Unavailable
from goaround.ports import Backup, Command, Commands, DatabaseUrls


class FakeDatabase:
    """``ports.Database``. ``down`` is a sentence: why it does not answer. How its dump ends, ``commands`` decide."""

    def __init__(self, environment: str = "production") -> None:
        self.environment = environment
        self.down = ""
        self.size = 8_000_000

    def ensure(self) -> DatabaseUrls:
        self._answer()
        place = f"{self.environment}.invalid/fake"
        return DatabaseUrls(f"postgresql://fake_app:a@{place}", f"postgresql://fake_migrate:m@{place}", "fake_app")

    def backup(self, destination: Path, key: str, commands: Commands, on_output: Callable[[int, str], None]) -> Backup:
        if there := read_sealed(destination):
            return there
        self._answer()
        destination.parent.mkdir(parents=True, exist_ok=True)
        ended = commands.run(Command(f"{key}/pg_dump#1", ("true",), destination.parent, {}, 60.0), on_output)
        if ended.exit_code != 0:
            raise Unavailable(
                f"no backup of {self.environment}: {ended.output}",
                state=f"{self.environment} was not touched",
                remedy="correct that and try again",
            )
        making = destination.with_name(f".{destination.name}.making")
        making.mkdir(exist_ok=True)
        (making / "toc.dat").write_text("fake\n")
        made = seal(making, ended.seconds, "18.0", 3, datetime.now(UTC))
        making.rename(destination)
        return fixed(made, destination)

    def size_bytes(self) -> int:
        self._answer()
        return self.size

    def _answer(self) -> None:
        if self.down:
            raise Unavailable(
                f"the database of {self.environment} {self.down}", state="nothing was done with it", remedy="start it"
            )
