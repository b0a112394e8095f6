"""One platform for all workerd tests of a session."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from fixtures.modules import build_contract
from workerd.local_platform import ROOT, LocalPlatform, running_platform

GO_SOURCE = ROOT / "tests/fixtures/go_shout"


@pytest.fixture(scope="session")
def go_component() -> Path:
    """The folder of a component made by the Go toolchain; compiled once, kept in build/."""
    folder = ROOT / "build/test-components/go_shout"
    folder.mkdir(parents=True, exist_ok=True)
    go = ROOT / ".venv/bin/go"
    environment = {
        "GOOS": "wasip1",
        "GOARCH": "wasm",
        "GOTOOLCHAIN": "local",
        "GOPROXY": "off",
        "GOCACHE": str(ROOT / "build/go-cache"),
        "GOPATH": str(ROOT / "build/go"),
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
    }
    command = [str(go), "build", "-trimpath", "-ldflags", "-s -w", "-o", str(folder / "go_shout.wasm"), "."]
    subprocess.run(command, cwd=GO_SOURCE, env=environment, check=True)
    (folder / "contract.yaml").write_text(yaml.safe_dump(build_contract("go_shout")))
    return folder


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory, go_component: Path) -> Iterator[LocalPlatform]:
    with running_platform(tmp_path_factory.mktemp("platform"), "--components", str(go_component.parent)) as running:
        yield running
