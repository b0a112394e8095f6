"""Zig, which builds components in Zig and C: that of the Python package `ziglang`, installed where it is missing.

A checkout has the package in its environment. Elsewhere it is installed into the user's cache, once per version, by the
pip of the Python that acr runs on.
"""

import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from acr.config.cache_folder import require_cache_folder
from acr.config.folders import cache_dir
from acr.errors import CliError
from acr.output.terminal import say

ZIG_VERSION = "0.17.1"
_PROGRAM = "ziglang/zig"
_PIP_INSTALL = ("install", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:")
_ELSEWHERE = "Or install Zig yourself, so that `zig` is on the PATH: https://ziglang.org/download/"


def require_zig() -> Path:
    """The program `zig`: from acr's environment, else from the cache, where it is installed first if it is missing.

    Raises CliError ZIG_MISSING.
    """
    return _find_installed() or _require_cached()


def _find_installed() -> Path | None:
    """The program in the environment that acr runs in."""
    found = importlib.util.find_spec("ziglang")
    for folder in (found.submodule_search_locations if found else None) or ():
        if (zig := Path(folder) / "zig").is_file():
            return zig
    return None


def _require_cached() -> Path:
    return require_cache_folder(f"zig-{ZIG_VERSION}", _install, _has_zig) / _PROGRAM


def _has_zig(folder: Path) -> bool:
    return (folder / _PROGRAM).is_file()


def _install(folder: Path) -> None:
    """Install the package into `folder`. Raises CliError."""
    say(f"Installing Zig {ZIG_VERSION} (about 100 MB) into {cache_dir()}, once ...", err=True)
    with tempfile.TemporaryDirectory() as work:
        command = [*_find_pip(Path(work)), *_PIP_INSTALL, "--target", str(folder), f"ziglang=={ZIG_VERSION}"]
        environment = {**os.environ, "PIP_USER": "0"}  # which --target does not go together with
        result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise CliError(
            f"pip could not install ziglang {ZIG_VERSION}: {result.stderr.strip()[-500:]}",
            f"Make sure that PyPI can be reached, then run the same command again. {_ELSEWHERE}",
            "ZIG_MISSING",
        )


def _find_pip(work: Path) -> Sequence[str]:
    """The pip of this Python; where it has none, as after `uv tool install`, that of a virtual environment in `work`.

    Raises CliError.
    """
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    environment = work / "environment"
    result = subprocess.run([sys.executable, "-m", "venv", str(environment)], capture_output=True, check=False)
    if result.returncode != 0:
        raise CliError(
            "Zig is missing, and so is pip, which installs it.",
            f"Install pip: apt-get install python3-venv. {_ELSEWHERE}",
            "ZIG_MISSING",
        )
    return [str(environment / "bin/python"), "-m", "pip"]
