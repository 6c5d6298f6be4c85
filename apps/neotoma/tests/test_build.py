"""A fresh clone builds the releases, the same ones everywhere, and each can be installed and run by itself."""

import ast
import difflib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from apps.neotoma.history import build
from apps.neotoma.tests.support import Database


def git(repository: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=repository, check=True, capture_output=True, text=True).stdout


def test_every_version_is_a_commit_and_a_branch(tmp_path: Path) -> None:
    commits = build.build_repository(tmp_path / "repository", build.versions())
    repository = tmp_path / "repository"
    assert tuple(commits) == build.versions()
    assert git(repository, "log", "--reverse", "--format=%H").split() == list(commits.values())
    assert git(repository, "rev-parse", "main").strip() == commits[build.versions()[-1]]
    for name, commit in commits.items():
        assert git(repository, "rev-parse", f"release/{name}").strip() == commit
        listed = git(repository, "ls-tree", "-r", "--name-only", commit).splitlines()
        assert [path for path in listed if not path.startswith("releases/")] == sorted(
            path for path in build.version(name).tree if not path.startswith("releases/")
        )
        assert {f"releases/{earlier}/manifest.toml" for earlier in commits if earlier <= name} <= set(listed)
    assert git(repository, "status", "--porcelain") == ""


def test_commits_depend_on_no_setting_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = build.build_repository(tmp_path / "one")
    (tmp_path / ".gitconfig").write_text("[core]\nautocrlf = true\n[commit]\ngpgsign = true\n[user]\nname = other\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_AUTHOR_NAME", "somebody")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert build.build_repository(tmp_path / "two") == first


def test_the_newest_manifest_names_the_release_before_it() -> None:
    for name in build.versions():
        manifest = tomllib.loads(build.version(name).tree[f"releases/{name}/manifest.toml"].decode())
        assert manifest.get("previous") == (None if name == "v0.9.0" else "v0.9.0" if name == "v1.0.0" else "v1.0.0")


@pytest.mark.parametrize("name", [name for name in build.versions() if name != build.CURRENT])
def test_every_pattern_of_what_is_absent_fits_something(name: str) -> None:
    told = tomllib.loads((build.HISTORY / name / "history.toml").read_text())
    inherited = build.version(told["based_on"]).tree
    for pattern in told.get("absent", []):
        assert any(fnmatchcase(path, pattern.removeprefix("!")) for path in inherited), pattern


@pytest.mark.parametrize("name", build.GOOD)
def test_a_version_has_no_module_that_it_does_not_use_and_none_missing(name: str) -> None:
    tree = build.version(name).tree
    modules = {_module(path): content for path, content in tree.items() if path.startswith("src/") and _is_python(path)}
    used, waiting = set[str](), ["neotoma.__main__"]
    while waiting:
        if (module := waiting.pop()) in modules and module not in used:
            used.add(module)
            waiting += _imported(module, modules)
    assert sorted(set(modules) - used - {module for module in modules if _is_package(module, tree)}) == []
    told = {word for content in modules.values() for word in _own_imports(content)}
    assert sorted(module for module in told if module not in modules) == []


@pytest.mark.parametrize(
    ("name", "path", "most"),
    [
        ("v1.1.0", "src/neotoma/memory/sources.py", 2),
        ("v0.9.0", "src/neotoma/leases.py", 8),
        ("v0.9.0", "src/neotoma/app.py", 12),
        ("v0.9.0", "src/neotoma/nest.py", 8),
    ],
)
def test_a_file_of_a_version_differs_from_the_current_one_by_no_more_than_it_must(
    name: str, path: str, most: int
) -> None:
    lines = (build.version(version).tree[path].decode().splitlines() for version in (build.CURRENT, name))
    added = [line for line in difflib.ndiff(*lines) if line.startswith("+ ")]
    assert len(added) <= most, "bring what changed in the current file to this one:\n" + "\n".join(added)


def _is_python(path: str) -> bool:
    return path.endswith(".py")


def _module(path: str) -> str:
    return path.removeprefix("src/").removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _is_package(module: str, tree: build.Tree) -> bool:
    return f"src/{module.replace('.', '/')}/__init__.py" in tree


def _own_imports(content: bytes) -> set[str]:
    """The modules of ours that a source names: in imports, and in the strings of import_module."""
    found = set[str]()
    for node in ast.walk(ast.parse(content)):
        match node:
            case ast.ImportFrom(module=str(module)) if module.split(".")[0] == "neotoma":
                found.add(module)
            case ast.Import():
                found |= {alias.name for alias in node.names if alias.name.split(".")[0] == "neotoma"}
    return found


def _imported(module: str, modules: Mapping[str, bytes]) -> set[str]:
    """What it may load: a name imported from a package may be a module, as may any word in a string."""
    text = modules[module].decode()
    words = set(re.findall(r"\w+", text))
    packages = {name.rpartition(".")[0] for name in modules}
    near = {f"{package}.{word}" for package in packages if _named(package, module, text) for word in words}
    return (_own_imports(modules[module]) | near) & set(modules)


def _named(package: str, module: str, text: str) -> bool:
    return package in text or module.rpartition(".")[0] == package


def test_a_full_folder_or_an_unknown_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="There is no v9"):
        build.build_repository(tmp_path / "new", ["v9"])
    assert not (tmp_path / "new").exists()
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ValueError, match="not empty"):
        build.build_repository(tmp_path)


def test_the_command_line_prints_versions_and_commits(tmp_path: Path) -> None:
    script = Path(build.__file__)
    run = subprocess.run([sys.executable, script, tmp_path / "r", "v0.9.0"], capture_output=True, text=True, check=True)
    assert run.stdout == f"v0.9.0 {git(tmp_path / 'r', 'rev-parse', 'main')}"
    assert subprocess.run([sys.executable, script], capture_output=True).returncode == 2


def test_the_lock_pins_by_hash_what_pyproject_asks_for() -> None:
    tree = build.version(build.CURRENT).tree
    lock = tree["requirements.lock"].decode()
    project = tomllib.loads(tree["pyproject.toml"].decode())["project"]
    for dependency in project["dependencies"]:
        name = dependency.partition("[")[0].partition(">")[0]
        assert f"\n{name}==" in lock
    assert "--hash=sha256:" in lock
    assert "://" not in lock


def test_the_artifact_runs_from_its_own_files_alone(tmp_path: Path, database: Database) -> None:
    build.build_repository(tmp_path / "r")
    root = tmp_path / "r"
    command = tomllib.loads((root / "goaround.toml").read_text())["build"]["command"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    uv = shutil.which("uv", path=path)
    assert uv is not None
    subprocess.run([uv, *command[1:]], cwd=root, env={**os.environ, "PATH": path}, check=True, capture_output=True)
    variables = {"PYTHONPATH": "src:vendor", "DATABASE_URL": database.url("owner"), "PATH": os.environ["PATH"]}
    isolated = [sys.executable, "-S", "-m", "neotoma", "migrate", "up"]
    run = subprocess.run(isolated, cwd=root, env=variables, capture_output=True, text=True)
    assert run.stdout.endswith("schema 0009\n"), run.stderr
    loaded = "import neotoma.server, neotoma.mcp.http, pypdfium2, psycopg_pool, sys; print(psycopg_pool.__file__)"
    where = subprocess.run(
        [sys.executable, "-S", "-c", loaded], cwd=root, env=variables, capture_output=True, text=True
    )
    assert where.stdout.startswith(str(root / "vendor")), where.stderr
