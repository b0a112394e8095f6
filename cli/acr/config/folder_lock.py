"""Locks `acr dev`'s folder, as two would write to one database, and makes it readable by its owner only."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from acr.config.private_file import is_worked_in, make_private, make_private_folder, refusing, require_writable
from acr.errors import CliError

USUAL_NAME = ".arcrun"  # acr owns a folder of this name, with everything in it
# What acr writes into the folder that --persist names.
KEPT = ("api-key", "holder", "keys", "plan.json", "state", "workers", "deploy")
_HINT = "Name another folder: --persist"


@contextmanager
def hold_folder(folder: Path, port: int) -> Iterator[None]:
    """Hold the lock until the block or the process ends, even if it is killed. Raises CliError if the folder cannot be
    written or another process, which it names, holds it.
    """
    with refusing(folder, _HINT):
        make_private_folder(folder)
        file = (folder / "holder").open("a+")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "another process"
            raise CliError(
                f"{folder} is in use by {holder}.", "Stop that process, or name another folder: --persist"
            ) from None
        require_writable(folder, _HINT)
        with refusing(folder, _HINT):
            make_kept_private(folder)
            file.truncate(0)
            file.write(f"`acr dev` on port {port} (process {os.getpid()})\n")
            file.flush()
        yield


def make_kept_private(folder: Path) -> None:
    """Fix the modes of files that an older acr or another umask left readable by other users."""
    if folder.name == USUAL_NAME and not is_worked_in(folder):
        make_private(folder)
    else:
        for name in KEPT:
            make_private(folder / name)
