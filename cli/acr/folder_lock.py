"""The folder of `acr dev`: its owner's alone, and for one `acr dev` at a time, as two would write into one database."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from acr.errors import CliError
from acr.private_file import make_private_folder


@contextmanager
def hold_folder(folder: Path, port: int) -> Iterator[None]:
    """Until the end of the block, or of the process, however it ends. Raises CliError: it cannot be written, or another
    has it, and which.
    """
    try:
        make_private_folder(folder)
        file = (folder / "holder").open("a+")
    except OSError as error:
        hint = "Give another folder: --persist"
        raise CliError(f"{folder} cannot be written: {error.strerror}.", hint) from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "another process"
            raise CliError(
                f"{folder} is in use: {holder} holds it.", "Stop that one, or give this one another folder: --persist"
            ) from None
        file.truncate(0)
        file.write(f"`acr dev` on port {port} (process {os.getpid()})\n")
        file.flush()
        yield
