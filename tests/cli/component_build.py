"""Builds components created by `acr parts scaffold`."""

import os
import subprocess
import sys
from pathlib import Path

from workerd.local_platform import ROOT

BIN = Path(sys.executable).parent


def build(folder: Path) -> None:
    """Run a component's build script outside the checkout, with the virtual environment's toolchains."""
    caches = {f"ZIG_{kind}_CACHE_DIR": str(ROOT / "build/zig" / kind.lower()) for kind in ("GLOBAL", "LOCAL")}
    go = {"GO": str(BIN / "go"), "GOTOOLCHAIN": "local", "GOPROXY": "off", "GOCACHE": str(ROOT / "build/go-cache")}
    environment = {**os.environ, **caches, **go, "PYTHON": sys.executable, "GOPATH": str(ROOT / "build/go")}
    subprocess.run([folder / "build"], cwd=folder.parent, env=environment, check=True)
