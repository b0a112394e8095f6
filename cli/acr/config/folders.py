"""The paths of acr's files on this machine: the user's configuration and the cache."""

import os
from pathlib import Path

import platformdirs

from acr.config.chosen_target import chosen_target
from acr.config.private_file import make_private, make_private_folder, refusing, require_writable

_CONFIG, _TARGETS = "config.json", "targets"


def config_dir() -> Path:
    return Path(os.environ.get("ACR_CONFIG_DIR") or platformdirs.user_config_dir("arcrun"))


def make_config_private() -> None:
    """Create <config> if needed, check that it is writable, and make it and acr's files in it readable by their owner
    only. Raises CliError.
    """
    folder, hint = config_dir(), "Name another folder: ACR_CONFIG_DIR"
    require_writable(folder, hint)
    with refusing(folder, hint):
        make_private_folder(folder)
        for path in (local_records(), folder / _CONFIG, folder / _TARGETS):
            make_private(path)


def cache_dir() -> Path:
    return Path(os.environ.get("ACR_CACHE_DIR") or platformdirs.user_cache_dir("arcrun"))


def local_records() -> Path:
    """The folder with a file for each running `acr dev`."""
    return config_dir() / "running"


def user_config_path() -> Path:
    """The user's file for the chosen target; without one, for the default platform. Raises CliError."""
    target = chosen_target()
    return config_dir() / (_CONFIG if target is None else f"{_TARGETS}/{target}.json")
