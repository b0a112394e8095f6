"""One platform for all tests of a session that need workerd."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from workerd.local_platform import ROOT, LocalPlatform, running_platform


@pytest.fixture(scope="session")
def examples() -> Path:
    """The components of examples/components, made by other toolchains than ours."""
    caches = {f"ZIG_{kind}_CACHE_DIR": str(ROOT / "build/zig" / kind.lower()) for kind in ("GLOBAL", "LOCAL")}
    subprocess.run([ROOT / "scripts/build_examples"], env={**os.environ, **caches}, check=True)
    return ROOT / "build/examples"


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory, examples: Path) -> Iterator[LocalPlatform]:
    with running_platform(tmp_path_factory.mktemp("platform"), "--components", str(examples)) as running:
        yield running
