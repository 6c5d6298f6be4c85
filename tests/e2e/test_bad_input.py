"""What a person asks for makes no sense, or the ground is not as it must be: a clear error, and nothing is harmed."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.e2e.desk import NEXT, goaround, release, serves, toml, unharmed, variant
from tests.polling import until
from tests.shop.fixture import ShopFactory
from tests.shop.people import say_yes
from tests.shop.shop import Shop

from goaround.adapters.postgres.embedded import EmbeddedPostgres

pytestmark = pytest.mark.xdist_group("e2e-bad-input")
NOTHING = "nothing was started"


# --- what is asked for ----------------------------------------------------------------------------


def test_a_working_tree_with_changes_is_not_released(standing: Shop) -> None:
    (standing.project / "notes.txt").write_text("not in any commit")
    try:
        said = release(standing, NEXT)
    finally:
        (standing.project / "notes.txt").unlink()
    said.clear(4, "changes that are in no commit: notes.txt", "nothing was built or changed", "commit or stash them")
    unharmed(standing)


def test_an_unknown_ref_is_refused(standing: Shop) -> None:
    said = goaround(standing, "release", NEXT, "--ref", "no-such-branch")
    said.clear(9, "'no-such-branch' means no commit", "nothing was begun", "name a branch, a tag or a commit")
    goaround(standing, "plan", NEXT, "--ref", "no-such-branch").clear(9, "means no commit", "nothing", "name")


def test_a_version_without_a_manifest_is_refused(standing: Shop) -> None:
    said = goaround(standing, "release", "v9.9.9", "--ref", f"release/{NEXT}")
    said.clear(9, "releases/v9.9.9/manifest.toml is not in commit", NOTHING, 'version = "v9.9.9"')


def test_a_manifest_that_names_another_version_is_a_mistake_with_its_place(standing: Shop) -> None:
    name = "v1.1.0-confused"
    manifest = f"releases/{name}/manifest.toml"
    variant(standing, name, NEXT, (manifest, f'version = "{name}"', 'version = "v1.1.0-other"'))
    release(standing, name).clear(3, f"{manifest}:1:1: version is v1.1.0-other", NOTHING, "goaround check")


def test_a_version_that_was_made_to_replace_another_is_refused(standing: Shop) -> None:
    name = "v1.1.0-orphan"
    manifest = f"releases/{name}/manifest.toml"
    variant(standing, name, NEXT, (manifest, 'previous = "v1.0.0"', 'previous = "v0.9.0"'))
    said = release(standing, name)
    said.clear(9, "made to replace v0.9.0, and production serves v1.0.0", NOTHING, "correct previous")


def test_a_version_that_could_not_be_taken_back_is_refused_already_by_the_plan(standing: Shop) -> None:
    with toml(standing, ('[hold]\nlimit = "10s"\n', "")):
        for verb in ("plan", "release"):
            said = goaround(standing, verb, "v2.0.0", "--ref", "release/v2.0.0")
            said.clear(9, "not declared to work on the schema of v2.0.0, and no hold is", NOTHING, "add [hold] limit")
    with toml(standing, ('down = ["python3", "migrate.py", "down", "--to", "{schema}"]\n', "")):
        said = release(standing, "v2.0.0")
        said.clear(9, "nothing takes the schema back", NOTHING, "configure down migrations")
    unharmed(standing)


@pytest.mark.parametrize("tag", ["v1.1.0-tagged-staging", "v1.1.0-tagged"])
def test_a_tag_on_another_commit_is_never_moved(standing: Shop, tag: str) -> None:
    """In staging it ends the release; before production it takes staging back as well."""
    name = "v1.1.0-tagged"
    in_staging = tag.endswith("-staging")
    if in_staging:
        variant(standing, name, NEXT)
    standing.git("tag", "--annotate", "--message=taken", tag, "main")
    try:
        said = release(standing, name)
        while said.code == 5:
            say_yes(standing.house, standing.state(f"{name}{'' if in_staging else '.2'}"))
            said = goaround(standing, "resume")
        said.clear(4, f"the tag {tag} is on commit", "the tag was not moved", "release under a version of its own")
        assert standing.git("rev-parse", f"{tag}^{{commit}}") == standing.git("rev-parse", "main")
    finally:
        standing.git("tag", "--delete", tag)
    unharmed(standing)


def test_a_second_release_at_once_is_kept_out(standing: Shop) -> None:
    version = variant(standing, "v1.1.0-first", NEXT)
    release(standing, version).ended(5)
    said = release(standing, "v2.0.0")
    said.clear(8, f"staging belongs to {version} until its outcome", NOTHING, f"goaround resume {version}")
    again = release(standing, version)
    again.clear(8, f"staging belongs to {version} until its outcome", NOTHING, f"goaround abort {version}")
    goaround(standing, "abort", "--reason", "made room").ended(0)
    unharmed(standing)


def test_without_a_configuration_nothing_is_done(shop_factory: ShopFactory) -> None:
    shop = shop_factory("v1.0.0")
    (shop.project / "goaround.toml").unlink()
    for arguments in (["check"], ["plan", "v1.0.0"], ["release", "v1.0.0"]):
        said = goaround(shop, *arguments)
        said.clear(3, "goaround.toml:1:1: cannot be read: No such file", NOTHING, "goaround check")
    assert list(shop.running()) == []
    (shop.project / "goaround.toml").write_text(shop.terms.toml)


def test_every_mistake_of_a_configuration_is_shown_at_once_with_its_place(standing: Shop) -> None:
    edits = [('owner = "owner"', 'owner = ""'), ('drain = "5s"', "drain = 5"), ("[hold]", "[hold]\nlimits = 3")]
    with toml(standing, *edits):
        lines = (standing.project / "goaround.toml").read_text().splitlines()
        for said in (goaround(standing, "check"), release(standing, NEXT)):
            said.clear(3, "3 mistakes in the configuration", NOTHING, "goaround check")
            for line in ('owner = ""', "drain = 5", "limits = 3"):
                assert f"goaround.toml:{lines.index(line) + 1}:" in said.err
        assert len(goaround(standing, "check", "--json").ended(3).json["mistakes"]) == 3
    unharmed(standing)


def test_a_variable_that_is_not_set_is_named(standing: Shop) -> None:
    with toml(standing, ('"production" }', '"production", MAIL_KEY = "env:MAIL_KEY_OF_PRODUCTION" }')):
        said = release(standing, NEXT)
        doctor = goaround(standing, "doctor").ended(4)
    said.clear(4, "production: env:MAIL_KEY_OF_PRODUCTION gives no value", "nothing was built", "set them where")
    assert "MAIL_KEY_OF_PRODUCTION" in doctor.out
    unharmed(standing)


# --- the ground -----------------------------------------------------------------------------------


def test_a_database_that_nobody_runs_is_said_to_be_down(standing: Shop, tmp_path: Path) -> None:
    with _external(standing, tmp_path, "postgresql://shop_app@127.0.0.1:1/shop"):
        said = release(standing, NEXT)
    said.clear(4, "the database shop at 127.0.0.1:1 has nobody listening", "nothing was done with it", "start Postgre")
    unharmed(standing)


def test_a_wrong_password_is_said_to_be_one_and_not_shown(standing: Shop, tmp_path: Path) -> None:
    right = standing.house.neighbours(standing.config, "production").database.ensure().service
    with _external(standing, tmp_path, right.replace(right.split(":")[2].split("@")[0], "wrong-and-secret")):
        said = release(standing, NEXT)
    said.clear(4, "refuses the password of role shop_app", "nothing was done with it", "check the password")
    assert "wrong-and-secret" not in said.all
    unharmed(standing)


@contextmanager
def _external(shop: Shop, folder: Path, url: str) -> Iterator[None]:
    (folder / "url").write_text(url)
    with toml(shop, ("[environments.production]\n", f'[environments.production]\ndatabase = "file:{folder}/url"\n')):
        yield


def test_a_stranger_on_the_port_of_the_database_is_named_and_the_database_comes_back_afterwards(standing: Shop) -> None:
    folder = standing.house.folder / "environments" / "staging" / "postgres"
    database = EmbeddedPostgres(folder, "staging", "shop")
    port = int(database.ensure().service.rpartition(":")[2].split("/")[0])
    database.stop()
    with _stranger(port):
        said = release(standing, NEXT)
    said.clear(4, f"port {port}, which belongs to PostgreSQL", "its data is as it was", "end what listens there")
    database.ensure()
    until(lambda: serves(standing, "staging", "v1.0.0"), 20)
    unharmed(standing)


def test_a_stranger_on_the_port_of_the_front_door_is_named(shop_factory: ShopFactory) -> None:
    shop = shop_factory("v1.0.0")
    with _stranger(shop.terms.staging_port):
        said = release(shop, "v1.0.0")
    said.clear(4, "is taken by another program", "the front door was not started", "free it")
    assert list(shop.running()) == []


def test_a_stranger_on_the_port_of_a_slot_is_not_taken_for_the_new_version(standing: Shop) -> None:
    """Even if it answers that it is healthy."""
    port = standing.config.environments.staging.slot_ports[1]
    with toml(standing, ('start_timeout = "10s"', 'start_timeout = "3s"')), _stranger(port):
        said = release(standing, variant(standing, "v1.1.0-crowded", NEXT))
    said.clear(4, f"port {port}", "the traffic of staging was not moved", "end what listens there")
    unharmed(standing)


@contextmanager
def _stranger(port: int) -> Iterator[None]:
    """A program that answers 200 to everybody."""

    class Friendly(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            """Nobody is interested."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", port), Friendly) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}).start()
        try:
            yield
        finally:
            server.shutdown()
    until(lambda: _free(port), 5)


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
