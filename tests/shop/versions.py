"""The versions of the shop, put together by name: ``v1.1.0-down.errors`` is v1.1.0 whose schema goes down on the way
back and which answers with errors.

    v1.0.x   the first                         v1.1.x   one column more; the old version works on it
    v1.2.x   the same schema                   v2.0.x   a column has another name: needs a hold, and goes down

    down        takes the schema back on a rollback, although the old version would work on it
    unhealthy   never healthy                  smoke       its smoke tests fail, in production only
    errors      errors in production after some requests
    migration   its migration fails            half        its migration fails half-way, outside of a transaction
    poisoned    its migration fails where there is an item ``poison``
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.shop.terms import Terms

FILES = Path(__file__).with_name("files")
FAULTS = {"unhealthy", "smoke", "errors", "migration", "half", "poisoned"}
ERRORS_AFTER = 5
Tree = Mapping[str, str]

_ITEMS = "CREATE TABLE items (id bigserial PRIMARY KEY, name text, at timestamptz NOT NULL DEFAULT now())"
_NOTE = "ALTER TABLE items ADD COLUMN note text NOT NULL DEFAULT ''"
_TITLE = "ALTER TABLE items RENAME COLUMN name TO title"
_POISON = (
    "DO $$ BEGIN IF EXISTS (SELECT FROM items WHERE name = 'poison') THEN RAISE EXCEPTION 'poisoned'; END IF; END $$"
)
_LOOSE = "-- not in a transaction"


@dataclass(frozen=True)
class Version:
    """One version. ``replaces`` is the one before it, whose migrations it has as well."""

    name: str
    replaces: Version | None
    terms: Terms

    @property
    def base(self) -> str:
        """``v1.1`` of ``v1.1.0-down``."""
        return self.name.partition("-")[0].rpartition(".")[0]

    @property
    def traits(self) -> set[str]:
        return set(self.name.partition("-")[2].split(".")) - {""}

    @property
    def good(self) -> bool:
        return not self.traits & FAULTS

    @property
    def tree(self) -> Tree:
        """Path → content of all its files."""
        code = {path.name: path.read_text() for path in FILES.glob("[a-z]*.py")}
        return {
            **code,
            ".gitignore": ".goaround/\n__pycache__/\n",
            "goaround.toml": self.terms.toml,
            f"releases/{self.name}/manifest.toml": self._manifest,
            "version.json": json.dumps(self._told),
            **{f"migrations/{name}.sql": content for name, content in self.migrations.items()},
        }

    @cached_property
    def migrations(self) -> dict[str, str]:
        """Name with direction → SQL, those of the versions before it included."""
        before = self.replaces.migrations if self.replaces else {}
        return {**before, **self._own_migrations()}

    def _own_migrations(self) -> dict[str, str]:
        slow = f"SELECT pg_sleep({self.terms.slow_seconds})"
        match self.base:
            case "v1.0":
                return {"0001_items.up": _ITEMS, "0001_items.down": "DROP TABLE items"}
            case "v1.1":
                # Slow before the change: after it, the table would be locked for so long.
                up = ";\n".join([slow, *self._faulty(), _NOTE, *(["SELECT 1 / 0"] * ("migration" in self.traits))])
                down = f"{slow};\nALTER TABLE items DROP COLUMN IF EXISTS note"
                return {"0002_note.up": self._loosely(up), "0002_note.down": down}
            case "v2.0":
                up = ";\n".join(
                    [slow, *self._faulty(), _TITLE, *(["SELECT 1 / 0"] * ("migration" in self.traits)), slow]
                )
                down = f"{slow};\nALTER TABLE items RENAME COLUMN title TO name;\n{slow}"
                return {"0003_title.up": up, "0003_title.down": down}
        return {}

    def _faulty(self) -> list[str]:
        return [_POISON] if "poisoned" in self.traits else []

    def _loosely(self, content: str) -> str:
        """Outside of a transaction, with a statement at the end that fails."""
        return f"{_LOOSE}\n;\n{content};\nSELECT 1 / 0" if "half" in self.traits else content

    @property
    def _told(self) -> dict[str, object]:
        return {
            "version": self.name,
            "label": "title" if "0003_title.up" in self.migrations else "name",
            "note": "0002_note.up" in self.migrations,
            "faults": sorted(self.traits & FAULTS),
            "errors_after": ERRORS_AFTER,
        }

    @property
    def _manifest(self) -> str:
        works = self.base != "v2.0"
        way = "keep" if works and "down" not in self.traits else "down"
        previous = f'previous = "{self.replaces.name}"\n' if self.replaces else ""
        return (
            f'version = "{self.name}"\n{previous}\n[migrations]\n'
            f'old_version_works = {str(works).lower()}\nrollback = "{way}"\n'
        )
