"""The folder of `acr dev`: its owner's alone, and for one `acr dev` at a time, as two would write into one database."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from acr.config.private_file import is_worked_in, make_private, make_private_folder, refusing, require_writable
from acr.errors import CliError

USUAL_NAME = ".arcrun"  # a folder of this name is acr's, with all that is in it
# What acr writes into the folder that --persist names.
KEPT = ("api-key", "holder", "keys", "plan.json", "state", "workers", "deploy")
_HINT = "Give another folder: --persist"


@contextmanager
def hold_folder(folder: Path, port: int) -> Iterator[None]:
    """Until the end of the block, or of the process, however it ends. Raises CliError: it cannot be written, or another
    has it, and which.
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
                f"{folder} is in use: {holder} holds it.", "Stop that one, or give this one another folder: --persist"
            ) from None
        require_writable(folder, _HINT)
        with refusing(folder, _HINT):
            make_kept_private(folder)
            file.truncate(0)
            file.write(f"`acr dev` on port {port} (process {os.getpid()})\n")
            file.flush()
        yield


def make_kept_private(folder: Path) -> None:
    """Mend the modes of what an earlier acr, or another umask, has left there for others to read."""
    if folder.name == USUAL_NAME and not is_worked_in(folder):
        make_private(folder)
    else:
        for name in KEPT:
            make_private(folder / name)
