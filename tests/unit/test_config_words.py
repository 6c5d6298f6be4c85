"""Durations, limits, commands and references are read as they are written, or refused with the way to write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goaround.config.duration import format_duration, parse_duration
from goaround.config.limits import parse_limit
from goaround.config.placeholders import fill, placeholders
from goaround.config.references import check_reference, has_url_password, is_reference, looks_secret
from goaround.domain.gates import Limit


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("15m", 900), ("1h30m", 5400), ("500ms", 0.5), ("10s", 10), ("1d2h3m4s5ms", 93784.005), ("0s", 0), ("1.5h", 5400)],
)
def test_a_duration_is_its_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "15", "m", "15 m", "15min", "-5s", "1m1h", "1m1m", "5ms1s", "1e3s", "٣s", "inf"])
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="such as"):
        parse_duration(text)


@given(st.integers(min_value=0, max_value=10**12))
def test_a_duration_survives_being_written_out(milliseconds: int) -> None:
    seconds = milliseconds / 1000
    assert parse_duration(format_duration(seconds)) == seconds


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("< 1%", Limit("<", 0.01, "ratio")),
        ("> 10%", Limit(">", 0.1, "ratio")),
        ("<5s", Limit("<", 5, "seconds")),
        (" > 10s for 5m ", Limit(">", 10, "seconds", 300)),
        ("> 0.1% for 1h30m", Limit(">", 0.001, "ratio", 5400)),
        ("< 100%", Limit("<", 1, "ratio")),
    ],
)
def test_a_limit_says_what_is_compared_with_what_for_how_long(text: str, limit: Limit) -> None:
    assert parse_limit(text) == limit


@pytest.mark.parametrize(
    "text", ["1%", "< 1", "= 1%", "<= 1%", "< 101%", "< 5s for", "< 5s for 3", "> 1h1h", "< 1 % x"]
)
def test_what_is_no_limit_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="—"):
        parse_limit(text)


def test_only_our_own_variables_are_filled_in() -> None:
    argv = ("serve", "--port={port}", "{port}:{port}", "${HOME}", '{"json": {}}', "{}")
    assert placeholders(argv) == {"port"}
    assert fill(argv, {"port": "81"}) == ("serve", "--port=81", "81:81", "${HOME}", '{"json": {}}', "{}")


def test_a_filled_in_value_is_never_filled_in_again() -> None:
    assert fill(("{a}",), {"a": "{b}", "b": "no"}) == ("{b}",)


@pytest.mark.parametrize("text", ["env:NAME", "file:/run/secret", "file:relative", "cmd:pass show x"])
def test_a_reference_is_known_as_one(text: str) -> None:
    assert is_reference(text)
    assert check_reference(text) == text


@pytest.mark.parametrize("text", ["hunter2", "env:", "env:A B", "file: ", "cmd:", "ENV:X", "postgresql://h/db"])
def test_a_malformed_reference_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="—"):
        check_reference(text)


def test_a_value_in_place_of_a_reference_is_never_shown() -> None:
    with pytest.raises(ValueError, match="write env:NAME") as refused:
        check_reference("hunter2")
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("DB_PASSWORD", "x", True),
        ("api_key", "x", True),
        ("AUTH_TOKEN", "env:TOKEN", False),
        ("CLIENT_SECRET", "", False),
        ("NAME", "x", False),
    ],
)
def test_a_secret_is_told_by_its_name(name: str, value: str, secret: bool) -> None:
    assert looks_secret(name, value) is secret


def test_a_password_in_a_url_is_seen_anywhere() -> None:
    assert has_url_password("--db=postgresql://me:hunter2@host/db")
    assert not has_url_password("postgresql://me@host:5432/db?a=b@c")
    assert not has_url_password("http://host:80/path@x")
