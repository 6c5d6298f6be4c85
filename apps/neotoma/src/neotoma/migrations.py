"""The migrations of this tree: ``migrations/NNNN_name.up.sql``, each with its ``.down.sql``; in a wheel, in ``sql/``.

A file runs in one transaction unless its first line is ``-- migrate: no transaction``. Such a file is sent statement by
statement, so in it a semicolon at the end of a line ends a statement, always, unless it is between ``$$`` and ``$$``.
``NNNN_name.guard.sql``, if there is one, answers a row for each reason why nobody may go back to before.
"""

import re
from dataclasses import dataclass
from pathlib import Path

PACKAGED = Path(__file__).parent / "sql"  # first, for above an installed package anybody's "migrations" may lie
FOLDER = PACKAGED if PACKAGED.is_dir() else Path(__file__).parents[2] / "migrations"
FILE_NAME = re.compile(r"(?P<version>\d{4})_(?P<name>\w+)\.up\.sql")
NO_TRANSACTION = "-- migrate: no transaction"
STATEMENT = re.compile(r"((?:\$\$.*?\$\$|.)+?)(?:;[ \t]*$|\Z)", re.DOTALL | re.MULTILINE)


class MigrationError(Exception):
    """A migration that cannot run. The message says what happened and what to do next."""


@dataclass(frozen=True)
class Script:
    """The SQL of one direction of one migration."""

    sql: str

    @property
    def transactional(self) -> bool:
        """Whether it runs in one transaction, together with its row in ``schema_migrations``."""
        return not self.sql.startswith(NO_TRANSACTION)

    @property
    def statements(self) -> tuple[str, ...]:
        """What is sent to the database one after the other: the whole script if it is transactional."""
        if self.transactional:
            return (self.sql,)
        parts = STATEMENT.findall(self.sql)
        return tuple(part.strip() for part in parts if re.sub(r"^\s*--.*$", "", part, flags=re.MULTILINE).strip())


@dataclass(frozen=True)
class Migration:
    """One step of the schema; applying ``up`` makes ``version`` the version of the schema."""

    version: str
    name: str
    up: Script
    down: Script
    guard: str = ""


def read(folder: Path = FOLDER) -> tuple[Migration, ...]:
    """Every migration in ``folder``, oldest first. Raises MigrationError for one out of order or without its down."""
    found = tuple(sorted(folder.glob("*.up.sql")))
    if not found:
        raise MigrationError(f"There are no migrations in {folder.name}/. Run this command from a complete tree.")
    return tuple(_read(path, number) for number, path in enumerate(found, start=1))


def _read(path: Path, number: int) -> Migration:
    match = FILE_NAME.fullmatch(path.name)
    if match is None or int(match["version"]) != number:
        raise MigrationError(f"{path.name} should be number {number:04d}, as {number:04d}_name.up.sql. Rename it.")
    down = path.with_name(path.name.replace(".up.sql", ".down.sql"))
    if not down.exists():
        raise MigrationError(f"{path.name} has no {down.name}, so nobody could go back. Write it.")
    up_sql, down_sql = (file.read_text(encoding="utf-8") for file in (path, down))
    guard = path.with_name(path.name.replace(".up.sql", ".guard.sql"))
    guard_sql = guard.read_text(encoding="utf-8") if guard.exists() else ""
    return Migration(match["version"], match["name"], Script(up_sql), Script(down_sql), guard_sql)
