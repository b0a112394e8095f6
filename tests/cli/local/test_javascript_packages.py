"""The runtime's JavaScript packages are installed by what is really there, not by a mark. A stand-in plays npm."""

import json
import os
import shutil
from pathlib import Path

import pytest

from acr.node import javascript_packages
from acr.node.javascript_packages import has_javascript, javascript_home, require_javascript

NPM = """#!/bin/sh
mkdir -p node_modules/miniflare node_modules/workerd
echo '{}' > node_modules/miniflare/package.json
echo '{}' > node_modules/workerd/package.json
echo '{"packages": {"node_modules/miniflare": {}, "node_modules/workerd": {}}}' > node_modules/.package-lock.json
echo run >> "$NPM_RUNS"
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A platform that is no checkout."""
    home = tmp_path / "platform"
    (home / "runtime").mkdir(parents=True)
    for name in ("package.json", "package-lock.json", "runtime/serve.mjs", "runtime/other.mjs"):
        (home / name).write_text(json.dumps(name))
    npm = tmp_path / "npm"
    npm.write_text(NPM)
    npm.chmod(0o755)
    monkeypatch.setattr(javascript_packages, "_find_npm", lambda: [str(npm)])
    monkeypatch.setenv("NPM_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("ACR_CACHE_DIR", str(tmp_path / "cache"))
    return home


def count_installations() -> int:
    return len(Path(os.environ["NPM_RUNS"]).read_text().splitlines())


def test_they_are_installed_once(home: Path) -> None:
    assert not has_javascript(home)
    require_javascript(home)
    require_javascript(home)
    assert (has_javascript(home), count_installations()) == (True, 1)


@pytest.mark.parametrize(
    "lost",
    [
        "runtime/serve.mjs",
        "runtime/other.mjs",
        "node_modules",
        "node_modules/workerd",
        "node_modules/.package-lock.json",
    ],
)
def test_a_damaged_folder_is_installed_again(home: Path, lost: str) -> None:
    """Also one with the mark of an earlier version, which said that all is there."""
    require_javascript(home)
    place = javascript_home(home)
    (place / "installed").touch()
    shutil.rmtree(place / lost) if (place / lost).is_dir() else (place / lost).unlink()
    assert not has_javascript(home)
    require_javascript(home)
    assert (has_javascript(home), (place / lost).exists(), count_installations()) == (True, True, 2)
