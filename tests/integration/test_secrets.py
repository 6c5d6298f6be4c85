"""References give their values; what goes wrong is told by the name of the reference, never with a value."""

from __future__ import annotations

from pathlib import Path

import pytest

from goaround.adapters.secrets import Secrets
from goaround.domain.errors import TimedOut, Unavailable


@pytest.fixture
def secrets(tmp_path: Path) -> Secrets:
    (tmp_path / "secret").write_text("from a file\n")
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff")
    return Secrets({"NAME": "from the environment", "BLANK": "", "PATH": "/usr/bin:/bin"}, cwd=tmp_path)


@pytest.mark.parametrize(
    ("reference", "value"),
    [
        ("env:NAME", "from the environment"),
        ("file:secret", "from a file"),
        ("cmd:cat secret", "from a file"),
        ("cmd:printf '%s\\n' 'two words'", "two words"),
    ],
)
def test_a_reference_gives_its_value(secrets: Secrets, reference: str, value: str) -> None:
    assert secrets.resolve(reference) == value
    assert secrets.value(reference) == value


def test_a_literal_is_its_own_value(secrets: Secrets) -> None:
    assert secrets.value("plain text") == "plain text"


@pytest.mark.parametrize(
    ("reference", "why"),
    [
        ("env:MISSING", "is not set"),
        ("env:BLANK", "it is empty"),
        ("file:nowhere", "No such file"),
        ("file:empty", "it is empty"),
        ("file:binary", "UTF-8"),
        ("cmd:nowhere-to-be-found", "No such file"),
        ("cmd:false", "exit code 1"),
        ("cmd:cat 'unclosed", "no command"),
        ("cmd:cat binary", "UTF-8"),
        ("cmd:true", "it is empty"),
    ],
)
def test_a_reference_without_a_value_says_which_and_why(secrets: Secrets, reference: str, why: str) -> None:
    with pytest.raises(Unavailable) as refused:
        secrets.resolve(reference)
    assert str(refused.value).startswith(f"{reference} gives no value: ")
    assert why in refused.value.what


def test_a_command_without_end_is_ended(tmp_path: Path) -> None:
    with pytest.raises(TimedOut, match="no end after"):
        Secrets(cwd=tmp_path, timeout_seconds=0.05).resolve("cmd:sleep 60")


def test_neither_a_value_nor_what_a_command_complains_of_is_ever_shown(
    secrets: Secrets, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "complain").write_text("echo hunter2 >&2; exit 3\n")
    for reference in ("hunter2", "cmd:sh complain"):
        with pytest.raises(Unavailable) as refused:
            secrets.resolve(reference)
        assert "hunter2" not in str(refused.value)
    assert capfd.readouterr() == ("", "")
