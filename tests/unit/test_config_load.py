"""goaround.toml becomes frozen values, or every mistake in it is told at once with its place."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError
from tests.unit.config_examples import FULL, HOURS, LEAST

from goaround.config.load import load_config, load_manifest, parse_config, parse_manifest
from goaround.config.terms import terms_of
from goaround.domain.calendar import Calendar, Freeze
from goaround.domain.errors import ConfigurationError
from goaround.domain.gates import Limit


def mistakes(text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as refused:
        parse_config(text, "goaround.toml")
    return refused.value.mistakes


def only_mistake(text: str) -> str:
    found = mistakes(text)
    assert len(found) == 1, found
    return found[0]


def test_the_complete_example_is_read() -> None:
    config = parse_config(FULL, "goaround.toml")
    production = config.environments["production"]
    assert config.build.inherit_env == ("UV_CACHE_DIR", "HOME")
    assert config.migrations is not None
    assert config.migrations.lock_timeout_seconds == 2.0
    assert config.migrations.down[-1] == "{schema}"
    assert [item.id for item in config.validation.checklist] == ["upload-types", "rls"]
    assert config.notify.announce[1].webhook == "env:ANNOUNCE_URL"
    assert config.environments.staging.env["API_KEY"] == "env:STAGING_API_KEY"
    assert production.slot_ports == (7491, 7492)
    assert production.signers == ("owner", "second")
    assert config.environments.production.triggers.p95 == Limit(">", 10, "seconds", 300)


def test_what_is_left_out_has_the_defaults_of_the_strategy_document() -> None:
    config = parse_config(LEAST, "goaround.toml")
    production = config.environments.production
    assert config.migrations is None
    assert config.hold is None
    assert config.build.command == ()
    assert config.rollback.target_seconds == 900
    assert production.signers == ("mark",)
    assert production.database == "embedded"
    assert production.watch.errors == Limit("<", 0.01, "ratio")
    assert (production.watch.for_seconds, production.watch.after_rollback_seconds) == (3600, 1800)
    assert production.triggers.errors == Limit(">", 0.1, "ratio")


def test_tags_stay_here_and_builds_are_made_once_unless_said_otherwise() -> None:
    terms = terms_of(parse_config(LEAST, "goaround.toml"))
    assert (terms.push, terms.builds_twice) == ("", False)
    terms = terms_of(parse_config('tags.push = "origin"\nbuild.require_reproducible = true\n' + LEAST, "goaround.toml"))
    assert (terms.push, terms.builds_twice) == ("origin", True)
    assert terms_of(parse_config("build.check_reproducible = true\n" + LEAST, "goaround.toml")).builds_twice


@pytest.mark.parametrize("push", ["--force", "https://user:secret@host/x.git", "../elsewhere", "a b", ""])
def test_tags_are_pushed_to_a_remote_by_its_name_alone(push: str) -> None:
    told = mistakes(f'tags.push = "{push}"\n' + LEAST)
    assert "not the name of a remote of the repository" in told[-1]
    assert "secret" not in "".join(told)


def test_every_mistake_is_told_at_once_in_the_order_of_the_file() -> None:
    text = """\
service = "No Such Name"
strateg = "staging_first"
[run]
command = ["serve", "{prt}"]
[build]
timeout = 5
[environments.staging]
listen = "127.0.0.1:70"
slot_ports = [70, 71]
env = { PASSWORD = "hunter2" }
"""
    found = mistakes(text)
    assert [line.split(": ")[0] for line in found] == [
        "goaround.toml:1:1",
        "goaround.toml:1:1",
        "goaround.toml:2:1",
        "goaround.toml:4:1",
        "goaround.toml:6:1",
        "goaround.toml:7:2",
        "goaround.toml:9:15",
        "goaround.toml:10:9",
    ]
    assert "owner is missing" in found[0]
    assert "did you mean strategy?" in found[2]
    assert "known here: {port}" in found[3]
    assert "[environments.production] is missing" in found[5]
    assert "hunter2" not in "".join(found)


@pytest.mark.parametrize(
    ("old", "new", "place", "sentence"),
    [
        ('service = "neotoma"', "service = 7", "1:1", 'service is a number — write text in quotes, such as "..."'),
        ('"staging_first"', '"canary"', "2:1", "write 'staging_first'"),
        ('owner = "owner"', 'owner = ""', "3:1", "the name of a person"),
        ('command = ["uv", "build"]', "command = []", "6:1", "an empty command"),
        ('"uv", "build"', '"uv", 3', "6:18", "build.command.1 is a number"),
        ('timeout = "5m"', 'timout = "5m"', "7:1", "did you mean timeout?"),
        ('timeout = "5m"', 'timeout = "0s"', "7:1", "too short"),
        ('"UV_CACHE_DIR", "HOME"', '"UV-CACHE"', "8:16", "the name of an environment variable"),
        ("migrations/*.sql", "../*.sql", "11:1", "within the repository"),
        ('"down", "{schema}"', '"down", "{port}"', "13:1", "unknown variable {port}"),
        ('"serve", "--port", "{port}"', '"serve"', "20:1", "never says {port}"),
        ('health = "/health"', 'health = "health"', "21:1", "such as /health"),
        ('drain = "30s"', 'drain = "1h1h"', "23:1", "largest first"),
        ('id = "rls"', 'id = "upload-types"', "34:1", "used twice"),
        ('ask = "Are users walled off?"', 'ask = " "', "35:1", "the question to a person"),
        ('{webhook = "env:ANNOUNCE_URL"}', "{}", "38:48", "exactly one"),
        ('"env:ANNOUNCE_URL"', '"ftp://x"', "38:49", "http(s) URL"),
        ("127.0.0.1:7480", "7480", "45:1", "write host:port"),
        ("[7481, 7482]", "[7481, 7481]", "46:1", "two different"),
        ("[7481, 7482]", "[7481, 7491]", "54:15", "environments.staging.slot_ports.1 has it already"),
        ('database = "embedded"', 'database = "sqlite"', "47:1", "write env:NAME"),
        ('NAME = "literal"', 'NAME = "postgres://me:hunter2@db/x"', "51:1", "a password in a URL"),
        ('"env:STAGING_API_KEY"', '"hunter2"', "52:1", "write env:API_KEY"),
        ('NAME = "literal"', 'NAME = "env:no name"', "51:1", "no name of an environment variable"),
        ("127.0.0.1:7490", "127.0.0.2:7482", "55:1", "port 7482 is used twice"),
        ('"env:PRODUCTION_DATABASE_URL"', '"embedded"', "57:1", "makes its own migration role"),
        ('signers = ["owner", "second"]', "signers = []", "58:1", "name at least 1"),
        ('errors = "< 1%"', 'errors = "> 1%"', "61:1", 'like "< 1%"'),
        ('p95 = "< 5s"', 'p95 = "< 5s for 1m"', "62:1", "only triggers have"),
        ('p95 = "> 10s for 5m"', 'p95 = "> 10%"', "68:1", 'like "> 5s"'),
        ("minimum_requests = 20\nextend", "minimum_requests = 0\nextend", "63:1", "at least 1"),
        ("minimum_requests = 20\nextend", 'minimum_requests = "20"\nextend', "63:1", "a whole number"),
        ('target = "15m"', "target = 2026-01-01", "73:1", "expected a duration"),
        ('"3 days after staging"', '"after 3 days"', "76:1", 'like "3 days after staging"'),
        ('"3 days after staging"', "3", "76:1", 'like "3 days after staging"'),
    ],
)
def test_a_mistake_is_told_with_its_place_and_what_to_do(old: str, new: str, place: str, sentence: str) -> None:
    assert FULL.count(old) >= 1
    mistake = only_mistake(FULL.replace(old, new, 1))
    assert mistake.startswith(f"goaround.toml:{place}: ")
    assert sentence in mistake
    assert " — " in mistake
    assert "hunter2" not in mistake


def test_slot_ports_by_default_may_not_collide_either() -> None:
    text = LEAST.replace("127.0.0.1:7490", "127.0.0.1:7482")
    assert "port 7482 is used twice" in only_mistake(text)


def test_default_slot_ports_past_the_last_port_are_a_mistake() -> None:
    assert "past 65535" in "".join(mistakes(LEAST.replace("7490", "65535")))


def test_one_database_for_both_environments_is_a_mistake() -> None:
    same = 'environments.staging.database = "env:URL"\nenvironments.production.database = "env:URL"\n'
    assert "give each environment a database of its own" in only_mistake(LEAST + same)


def test_only_production_is_watched() -> None:
    assert "unknown key watch in [environments.staging]" in only_mistake(LEAST + "environments.staging.watch = {}\n")


@pytest.mark.parametrize(
    ("text", "place"),
    [("a = ", "1:5"), ("a = 1\na = 2", "2:6"), ("a = [1,\n", "2:1"), ("a = 1\n[b\n", "2:3")],
)
def test_a_syntax_error_has_its_place(text: str, place: str) -> None:
    assert only_mistake(text).startswith(f"goaround.toml:{place}: ")


def test_the_digest_is_of_what_the_configuration_means() -> None:
    digest = parse_config(FULL, "goaround.toml").digest
    assert digest.startswith("sha256:")
    assert (
        digest == parse_config("# comment\n" + FULL.replace('"15m"\n\n[run]', '"900s"\n\n[run]'), "other.toml").digest
    )
    assert digest != parse_config(FULL.replace('"> 10%"', '"> 11%"'), "goaround.toml").digest
    written_out = LEAST + 'environments.production.signers = ["mark"]\nstrategy = "staging_first"\n'
    assert parse_config(LEAST, "x").digest == parse_config(written_out, "x").digest


def test_nothing_changes_afterwards() -> None:
    config = parse_config(FULL, "goaround.toml")
    with pytest.raises(ValidationError, match="frozen"):
        config.service = "other"


def test_a_file_that_cannot_be_read_is_told_as_a_mistake(tmp_path: Path) -> None:
    broken = tmp_path / "goaround.toml"
    with pytest.raises(ConfigurationError, match="there is no such file"):
        load_config(broken)
    broken.write_bytes(b"a = 1\nb = '\xff'\n")
    with pytest.raises(ConfigurationError, match=r"goaround.toml:2:6: not UTF-8"):
        load_config(broken)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_config(tmp_path)
    broken.write_text(FULL)
    assert load_config(broken) == parse_config(FULL, "")


def test_a_manifest_says_what_is_particular_to_a_release(tmp_path: Path) -> None:
    manifest = parse_manifest('version = "v1.0.0"\nprevious = "v0.9.2"\n[migrations]\nold_version_works = true\n', "m")
    assert (manifest.version, manifest.previous, manifest.migrations.rollback) == ("v1.0.0", "v0.9.2", "keep")
    (tmp_path / "manifest.toml").write_text('version = "v1.0.0-rc.1"\n')
    manifest = load_manifest(tmp_path / "manifest.toml")
    assert (manifest.previous, manifest.migrations.rollback) == (None, "down")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "version is missing"),
        ('version = "1.0"', "such as v1.0.0"),
        ('version = "v1.0.0-staging"', "taken by tags"),
        ('version = "v1.0.0"\nprevious = "v1.0.0"', "its own previous"),
        ('version = "v1.0.0"\n[migrations]\nrollback = "keep"', "cannot be kept"),
        ('version = "v1.0.0"\n[migrations]\nrollback = "restore"', "'keep' or 'down'"),
        ('version = "v1.0.0"\n[migrations]\nold_version_works = "yes"', "write true or false"),
    ],
)
def test_a_mistake_in_a_manifest_is_told(text: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=r"manifest\.toml:\d+:\d+: ") as refused:
        parse_manifest(text, "manifest.toml")
    assert len(refused.value.mistakes) == 1
    assert sentence in refused.value.mistakes[0]


def hours(old: str = "", new: str = "") -> str:
    """The least, with the hours in which production may change."""
    return LEAST.replace('environments.production.listen = "127.0.0.1:7490"\n', "") + HOURS.replace(old, new)


def test_hours_are_those_of_the_service() -> None:
    production = parse_config(hours('timezone = "Europe/Madrid"\n'), "goaround.toml").environments.production
    assert production.windows == ("Mon-Thu 09:00-16:00", "Fri 09:00-12:00")
    assert production.freezes[0].reason == "holidays"
    terms = terms_of(parse_config(hours(), "goaround.toml"))
    assert terms.calendar == Calendar(
        "Europe/Madrid", production.windows, (Freeze(date(2026, 12, 21), date(2027, 1, 3), "holidays"),), 0
    )
    assert terms.maintenance == ("Sun 02:00-04:00",)


@pytest.mark.parametrize(
    ("old", "new", "place", "sentence"),
    [
        ("Europe/Madrid", "Europe/Atlantis", "5:1", "no time zone"),
        ("Europe/Madrid", "../etc", "5:1", "no time zone"),
        ("Fri 09:00-12:00", "Fri 9-12", "8:35", "write it like"),
        ("Sun 02:00-04:00", "Sonntag", "9:16", "write it like"),
        ("to = 2027-01-03", "to = 2026-12-01", "10:12", "before it begins"),
        ("to = 2027-01-03", 'to = "soon"', "10:33", "without quotes"),
        ('"holidays"', '""', "10:50", "why, in a few words"),
    ],
)
def test_hours_that_make_no_sense_are_told_with_their_place(old: str, new: str, place: str, sentence: str) -> None:
    (found,) = mistakes(hours(old, new))
    assert found.startswith(f"goaround.toml:{place}: ")
    assert sentence in found
