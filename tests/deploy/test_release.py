"""scripts/release builds both files, tests them outside the checkout, and refuses what must not be released."""

import hashlib
import importlib.util
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from workerd.local_platform import CACHE, ROOT

pytestmark = pytest.mark.workerd

METADATA = """Metadata-Version: 2.4
Name: arcrun-workers
Version: 0.1.0
Summary: Workflows
Requires-Python: >=3.11
Requires-Dist: click==8.5.1
License-Expression: MIT
Description-Content-Type: text/markdown

# arcrun
"""


@pytest.fixture(scope="module")
def release() -> Any:
    spec = importlib.util.spec_from_file_location("release", ROOT / "scripts/release.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_builds_and_tests_both_and_prints_their_hashes(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "scripts/release.py"), "--borrow", "--out", str(tmp_path / "dist")]
    environment = {**os.environ, "ACR_CACHE_DIR": str(CACHE)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    built = list((tmp_path / "dist").iterdir())
    assert sorted(path.suffix for path in built) == [".gz", ".whl"]
    for path in built:
        assert f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path}" in done.stdout.splitlines()
        assert f"{path.name}: installed, acr 0.1.0, string_ops tested, greet.yaml validated" in done.stdout
    with zipfile.ZipFile(next(path for path in built if path.suffix == ".whl")) as wheel:
        assert {"acr/py.typed", "arcrun/py.typed"} <= set(wheel.namelist())
    with tarfile.open(next(path for path in built if path.suffix == ".gz")) as source:
        names = [name.partition("/")[2] for name in source.getnames()]
    unwanted = ("build/", "dist/", ".venv/", "node_modules/", "python_modules/")
    assert [name for name in names if name.startswith(unwanted) or "/build/" in name] == []


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("Version: 0.1.0", "Version: 0.2.0", "Version"),
        ("Name: arcrun-workers", "Name: -arcrun", "name"),
        ("text/markdown", "text/html", "description-content-type"),
        ("License-Expression: MIT", "License: MIT", "License-Expression"),
        ("Summary: Workflows\n", "", "is incomplete or wrong"),
        ("Requires-Dist: click==8.5.1\n", "", "is incomplete or wrong"),
        ("Requires-Dist: click==8.5.1", "Requires-Dist: click=8", "requires-dist"),
    ],
)
def test_incomplete_metadata(release: Any, tmp_path: Path, before: str, after: str, told: str) -> None:
    wheel = tmp_path / "arcrun_workers-0.1.0-py3-none-any.whl"

    def write(text: str) -> Path:
        with zipfile.ZipFile(wheel, "w") as file:
            file.writestr("arcrun_workers-0.1.0.dist-info/METADATA", text)
        return wheel

    release.check_metadata(write(METADATA), "0.1.0")
    assert before in METADATA
    with pytest.raises(release.ReleaseError, match=told):
        release.check_metadata(write(METADATA.replace(before, after)), "0.1.0")


def test_a_file_that_does_not_install(release: Any, tmp_path: Path) -> None:
    wheel = tmp_path / "arcrun_workers-0.1.0-py3-none-any.whl"
    wheel.write_bytes(b"PK")
    with pytest.raises(release.ReleaseError, match=r"pip .* ended with 1"):
        release.try_file(wheel, tmp_path / "work", "0.1.0", borrow=True)
