"""Tags of a release that keys let through: git verifies them, the audit takes the head in them, a remote gets them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.contract.test_signatures import new_key
from tests.e2e.desk import Said, goaround, toml
from tests.e2e.test_keys import KEYS, commit_signers
from tests.shop.fixture import ShopFactory
from tests.shop.shop import Shop

pytestmark = pytest.mark.xdist_group("e2e-tags")
PUSH = ("[environments.staging]\n", '[tags]\npush = "origin"\n\n[environments.staging]\n')
TWICE = ("[environments.staging]\n", "[build]\ncheck_reproducible = true\n\n[environments.staging]\n")


def released(shop: Shop, version: str, key: Path, *arguments: str) -> Said:
    """With every answer and signature given; what its last controller said."""
    said = goaround(shop, "release", version, "--ref", f"release/{version}", "--no-wait", *arguments)
    while said.code == 5:
        step = shop.state(version).next_step
        assert step is not None
        if step.kind == "answer":
            goaround(shop, "answer", step.name.removeprefix("check-"), "--note", "fine").ended(0)
        else:
            goaround(shop, "sign", "--key", str(key)).ended(0)
        said = goaround(shop, "resume", "--no-wait")
    return said.ended(0)


def test_tags_are_signed_and_pushed_and_vouch_for_the_journal(shop_factory: ShopFactory, tmp_path: Path) -> None:
    shop = shop_factory("v1.0.0", "v1.2.0")
    (tmp_path / "owner").mkdir()
    key, line = new_key(tmp_path / "owner", "owner")
    for version in shop.versions:
        commit_signers(shop, version, line)
    shop.git("init", "--quiet", "--bare", str(tmp_path / "bare.git"))
    shop.git("remote", "add", "origin", str(tmp_path / "bare.git"))
    with toml(shop, KEYS, PUSH, TWICE), shop.traffic().flowing():
        said = goaround(shop, "release", "v1.0.0", "--ref", "release/v1.0.0")
        trust = said.err.partition("--trust ")[2].split()[0]
        released(shop, "v1.0.0", key, "--trust", trust)

        evidence = shop.state("v1.0.0").evidence("staging", "build")
        assert evidence["reproducible"] == "yes"
        names = ("v1.0.0-staging", "v1.0.0")
        assert set(subprocess.check_output(["git", "tag"], cwd=tmp_path / "bare.git", text=True).split()) == {*names}
        audit(shop, tmp_path, "v1.0.0", names)

        # A remote that is gone takes no good release back.
        shop.git("remote", "set-url", "origin", str(tmp_path / "gone.git"))
        said = released(shop, "v1.2.0", key)
        assert "v1.2.0 serves production; push failed: origin could not be reached: fatal: " in said.all
        assert "git push origin v1.2.0-staging v1.2.0" in said.all
        assert shop.state("v1.2.0").of("v1.2.0/production/push").attempt == 3
        assert "push failed" in goaround(shop, "status", "v1.2.0").ended(0).out
        assert "push failed" in goaround(shop, "history").ended(0).out
        bundle = tmp_path / "second.tar"
        goaround(shop, "report", "v1.2.0", "--bundle", str(bundle)).ended(0)
        goaround(shop, "audit", "verify", str(bundle)).ended(0)

    kept = {path.name.replace("-", ":", 1) for path in (shop.house.folder / "artifacts").iterdir()}
    assert kept == {str(shop.state(v).evidence("staging", "build")["artifact"]) for v in shop.versions}


def audit(shop: Shop, folder: Path, version: str, names: tuple[str, ...]) -> None:
    """As somebody does who has the repository, the bundle, and the controller's public key."""
    (folder / "allowed").write_text(f"goaround {shop.state(version).opened.controller_key}\n")
    bundle = folder / "evidence.tar"
    goaround(shop, "report", version, "--bundle", str(bundle)).ended(0)
    heads = set()
    for name in names:
        shop.git("-c", f"gpg.ssh.allowedSignersFile={folder / 'allowed'}", "verify-tag", name)
        told = shop.git("cat-file", "tag", name)
        (head,) = [line.removeprefix("journal: ") for line in told.splitlines() if line.startswith("journal: ")]
        assert f"release: {version}" in told
        goaround(shop, "audit", "verify", str(bundle), "--head", head).ended(0)
        number, _, digest = head.partition(":")
        altered = f"{number}:{digest[:-1]}{'0' if digest[-1] != '0' else '1'}"
        goaround(shop, "audit", "verify", str(bundle), "--head", altered).ended(9)
        heads.add(head)
    assert len(heads) == len(names)
