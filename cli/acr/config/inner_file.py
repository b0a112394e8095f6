"""Files that commands read and send away: those of the project, and not what a symbolic link in it leads to elsewhere.

A repository from somebody else may hold a link to a file of this machine. What is meant can be named itself.
"""

import io
import os
import stat
from pathlib import Path

from acr.config.project_file import FILE_NAME
from acr.errors import CliError

MAX_FILE_BYTES = 8 * 2**20  # more than the executor takes
_GIVEN = (Path("/dev/stdin"), Path("/proc/self/fd/0"))
_STREAMS = (Path("/dev"), Path("/proc"))  # such as /dev/stdin, and what a shell makes of <(command)


def require_inner(path: Path, folder: Path | None = None) -> Path:
    """`path`, every link followed. Links may lead anywhere within the project: the folder with arcrun.yaml around the
    path as it is written, else the current folder. A path that is written to lie outside of both may lead anywhere in
    `folder`, which was named on the command line; without one, in the folder that holds it.

    Raises CliError LINK_LEADS_OUT.
    """
    written = Path(os.path.abspath(path))  # as it is written: `..` taken away, no link followed
    found = written.resolve()
    if any(written.is_relative_to(streams) for streams in _STREAMS):
        return found
    base = _find_base(written, folder).resolve()
    if not found.is_relative_to(base):
        raise CliError(
            f"{path} leads by a symbolic link to {found}, which is outside of {base}.",
            f"If that is meant, copy it, or name the file itself: {found}",
            code="LINK_LEADS_OUT",
        )
    return found


def read_regular(path: Path, told: Path) -> str:
    """The text of a file. Raises CliError if it is too large or, as a device, may never end; OSError; ValueError if
    it is not UTF-8. What a shell or a pipe hands over is read. `told` is the path as it was named.
    """
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        mode = os.fstat(file.fileno()).st_mode
        if not stat.S_ISREG(mode) and told not in _GIVEN and not told.is_relative_to("/dev/fd"):
            raise CliError(f"{told} is no regular file.", "Name a file, or /dev/stdin.", code="NOT_A_FILE")
        os.set_blocking(file.fileno(), True)
        content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise CliError(
            f"{told} has more than {MAX_FILE_BYTES // 2**20} MiB.", "Name another file.", code="FILE_TOO_LARGE"
        )
    return io.StringIO(content.decode(), newline=None).read()


def _find_base(written: Path, folder: Path | None) -> Path:
    for parent in written.parents:
        if (parent / FILE_NAME).is_file():
            return parent
    here = Path(os.path.abspath(Path.cwd()))
    if written.is_relative_to(here):
        return here
    return written.parent if folder is None else Path(os.path.abspath(folder))
