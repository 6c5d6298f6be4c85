"""Sign-offs with keys: who may sign is what was approved before, and only a good signature lets a release through."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from tests.contract.test_signatures import new_key
from tests.e2e.desk import NEXT, goaround, serves, toml, unharmed, variant
from tests.shop.shop import Shop

pytestmark = pytest.mark.xdist_group("e2e-people")
KEYS = (
    "[environments.staging]\n",
    '[sign_off]\nallowed_signers = "releases/allowed_signers"\n\n[environments.staging]\n',
)


def commit_signers(shop: Shop, version: str, text: str) -> None:
    """What that version has in ``releases/allowed_signers``."""
    shop.git("switch", "--quiet", f"release/{version}")
    (shop.project / "releases" / "allowed_signers").write_text(text)
    shop.git("add", "releases/allowed_signers")
    shop.git("commit", "--quiet", "--message=who may sign")
    shop.git("switch", "--quiet", "main")


def test_a_release_is_let_through_by_keys_that_a_person_trusted_and_by_nothing_else(
    standing: Shop, tmp_path: Path
) -> None:
    (tmp_path / "owner").mkdir()
    key, line = new_key(tmp_path / "owner", "owner")
    other, _ = new_key(tmp_path, "other")
    line = line.replace("owner namespaces", f"{'owner'} namespaces")
    version = variant(standing, "v1.1.0-keyed", NEXT)
    commit_signers(standing, version, line)
    ref = f"release/{version}"
    with toml(standing, KEYS), standing.traffic().flowing():
        said = goaround(standing, "release", version, "--ref", ref)
        said.clear(9, "comes with the candidate itself", "nothing was started", "--trust sha256:")
        (trust,) = re.findall(r"--trust (sha256:[0-9a-f]{64})", said.err)
        goaround(standing, "release", version, "--ref", ref, "--trust", "sha256:" + "0" * 64).ended(9)
        goaround(standing, "release", version, "--ref", ref, "--trust", trust).ended(5)
        goaround(standing, "answer", "look", "--note", "fine").ended(0)
        goaround(standing, "resume").ended(5)

        goaround(standing, "sign").clear(9, "the agent has no key", "nothing was signed", "--key")
        said = goaround(standing, "sign", "--key", str(other))
        said.clear(9, "the signature of owner is not good", "nothing was signed", "allowed_signers has for owner")
        elsewhere = signed_elsewhere(standing, tmp_path, key)
        said = goaround(standing, "sign", "--statement", str(elsewhere))
        said.clear(2, "belong together", "nothing was signed", "give both")
        by_hand = ("sign", "--statement", str(elsewhere), "--signature", f"{elsewhere}.sig")
        goaround(standing, *by_hand, "--by", "second").clear(2, "not by second", "nothing was signed", "leave out --by")
        done = goaround(standing, *by_hand).ended(0)
        assert f"signed by owner: {version}/staging/sign-off" in done.out
        goaround(standing, "resume").ended(5)
        assert serves(standing, "production", version)
        goaround(standing, "sign", "--key", str(key), "--note", "watched it").ended(0)
        goaround(standing, "resume").ended(0)
        bundle = tmp_path / "evidence.tar"
        goaround(standing, "report", version, "--bundle", str(bundle)).ended(0)
        assert "2 signatures of people" in goaround(standing, "audit", "verify", str(bundle)).ended(0).out
        goaround(standing, "rollback", "--reason", "only a test").ended(6)
    unharmed(standing)


def signed_elsewhere(shop: Shop, folder: Path, key: Path) -> Path:
    """A statement that OpenSSH alone signed, as on another machine."""
    file = folder / "statement.json"
    file.write_text(goaround(shop, "statement", "--note", "read on a train").ended(0).out)
    assert json.loads(file.read_text())["predicate"]["note"] == "read on a train"
    command = ["ssh-keygen", "-q", "-Y", "sign", "-n", "release-signoff@shop", "-f", str(key), str(file)]
    subprocess.run(command, check=True, capture_output=True)
    return file
