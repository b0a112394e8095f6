"""The paths of acr's files on this machine: the user's configuration and the cache."""

import os
from pathlib import Path

import platformdirs

from acr.config.private_file import make_private, make_private_folder, refusing, require_writable


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
        for path in (local_record_path(), user_config_path()):
            make_private(path)


def cache_dir() -> Path:
    return Path(os.environ.get("ACR_CACHE_DIR") or platformdirs.user_cache_dir("arcrun"))


def local_record_path() -> Path:
    return config_dir() / "local.json"


def user_config_path() -> Path:
    return config_dir() / "config.json"
