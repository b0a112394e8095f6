"""One platform for all tests of a session that need workerd."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.modules import LOOPING, build_contract, build_module
from workerd.local_platform import ROOT, LocalPlatform, running_platform


@pytest.fixture(scope="session")
def examples() -> Path:
    """The components of examples/components, made by other toolchains than ours."""
    caches = {f"ZIG_{kind}_CACHE_DIR": str(ROOT / "build/zig" / kind.lower()) for kind in ("GLOBAL", "LOCAL")}
    subprocess.run([ROOT / "scripts/build_examples"], env={**os.environ, **caches}, check=True)
    return ROOT / "build/examples"


@pytest.fixture(scope="session")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Components to bundle that are no good: `endless`."""
    folder = tmp_path_factory.mktemp("faulty")
    (folder / "endless").mkdir()
    (folder / "endless/endless.wasm").write_bytes(build_module(LOOPING))
    (folder / "endless/contract.yaml").write_text(json.dumps(build_contract("endless")))
    return folder


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory, examples: Path, faulty: Path) -> Iterator[LocalPlatform]:
    bundled = ("--components", str(examples), "--components", str(faulty))
    with running_platform(tmp_path_factory.mktemp("platform"), *bundled) as running:
        yield running
