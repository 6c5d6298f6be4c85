"""An export carries what is there and says what is not; an import that the disk has no room for leaves nothing."""

import errno
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from apps.neotoma.tests.support import Database
from apps.neotoma.tests.support_accounts import bearer, client, nest, sign_up
from apps.neotoma.tests.support_arrival import files_in
from starlette.testclient import TestClient

from neotoma.storage import LocalStorage, Staged


class Disk(LocalStorage):
    """A disk that may be full or broken, for what comes or for what stays."""

    full, error = "", errno.ENOSPC

    async def stage(self, chunks: AsyncIterator[bytes]) -> Staged:
        staged = await super().stage(chunks)
        if self.full == "stage":
            await self.discard(staged)
            raise OSError(self.error, "no")
        return staged

    async def keep(self, user: UUID, staged: Staged) -> Path:
        kept = await super().keep(user, staged)
        if self.full == "keep":
            raise OSError(self.error, "no")
        return kept


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path)


@pytest.fixture
def talking(current_database: Database, disk: Disk, tmp_path: Path) -> Iterator[TestClient]:
    current_database.query("DELETE FROM attempts")
    with client(replace(nest(current_database, tmp_path), storage=disk)) as opened:
        yield opened


@pytest.fixture
def people(talking: TestClient, current_database: Database) -> tuple[dict[str, str], dict[str, str]]:
    """The headers of two who just signed up; the first has a file."""
    ((number,),) = current_database.query("SELECT count(*) FROM users")
    one, other = (bearer(sign_up(talking, f"{name}{number}@example.org")[1]) for name in ("one", "other"))
    stored = talking.post("/api/sources", files={"file": ("a.txt", b"Words of the day.\n")}, headers=one)
    assert stored.status_code in (201, 202), stored.text
    return one, other


def test_an_export_whose_file_had_gone_comes_in_and_its_file_is_gone_there_too(
    talking: TestClient, people: tuple[dict[str, str], dict[str, str]], tmp_path: Path
) -> None:
    one, other = people
    for path in tmp_path.glob("files/*/*"):
        path.unlink()
    exported = talking.get("/api/export", headers=one).content
    assert talking.post("/api/import", content=exported, headers=other).status_code == 200
    (source,) = talking.get("/api/sources", headers=other).json()["sources"]
    gone = talking.get(f"/api/sources/{source['id']}/file", headers=other)
    assert (gone.status_code, gone.json()["code"]) == (410, "bytes_missing")
    assert talking.get("/api/export", headers=other).content == exported


@pytest.mark.parametrize(
    ("full", "error", "answer"),
    [
        ("stage", errno.ENOSPC, (507, "storage_full")),
        ("keep", errno.ENOSPC, (507, "storage_full")),
        ("keep", errno.EIO, (503, "storage_unavailable")),
    ],
)
def test_an_import_that_the_disk_does_not_take_is_told_so_and_leaves_nothing(
    talking: TestClient,
    people: tuple[dict[str, str], dict[str, str]],
    tmp_path: Path,
    disk: Disk,
    full: str,
    error: int,
    answer: tuple[int, str],
) -> None:
    one, other = people
    exported = talking.get("/api/export", headers=one).content
    before = files_in(tmp_path)
    disk.full, disk.error = full, error
    refused = talking.post("/api/import", content=exported, headers=other)
    assert (refused.status_code, refused.json()["code"]) == answer
    assert files_in(tmp_path) == before
    assert talking.get("/api/sources", headers=other).json()["sources"] == []
    disk.full = ""
    assert talking.post("/api/import", content=exported, headers=other).status_code == 200
