"""Reads files that commands send over the network, without following symbolic links out of the project.

A repository from someone else may contain a link to a private file of this machine. Such a file can be named directly.
"""

import io
import os
import stat
from pathlib import Path

from acr.config.project_file import FILE_NAME
from acr.errors import CliError

MAX_FILE_BYTES = 8 * 2**20  # more than the executor accepts
_GIVEN = (Path("/dev/stdin"), Path("/proc/self/fd/0"))
_STREAMS = (Path("/dev"), Path("/proc"))  # such as /dev/stdin, and a shell's <(command)


def require_inner(path: Path, folder: Path | None = None) -> Path:
    """`path` with every link resolved, which must be inside a base folder: the nearest parent of `path`, as written,
    with an arcrun.yaml; else the current folder. For a path outside of both, the base is `folder`, which was named on
    the command line, or else the folder that contains `path`.

    A stream in /dev or /proc is returned as written. Raises CliError LINK_LEADS_OUT.
    """
    written = Path(os.path.abspath(path))  # resolves `..`, but no links
    found = written.resolve()
    if is_stream(path):
        return written  # a pipe's name behind the link cannot be opened
    base = _find_base(written, folder).resolve()
    if not found.is_relative_to(base):
        raise CliError(
            f"{path} leads through a symbolic link to {found}, outside of {base}.",
            f"If that is intended, copy the file, or name it directly: {found}",
            code="LINK_LEADS_OUT",
        )
    return found


def is_stream(path: Path) -> bool:
    """Whether it is standard input or another stream, whatever it comes from."""
    return any(Path(os.path.abspath(path)).is_relative_to(streams) for streams in _STREAMS)


def read_regular(path: Path, told: Path) -> str:
    """The text of a file as of `read_regular_bytes`. Raises ValueError too, if it is not UTF-8."""
    return io.StringIO(read_regular_bytes(path, told).decode(), newline=None).read()


def read_regular_bytes(path: Path, told: Path) -> bytes:
    """The contents of a regular file, or of standard input or /dev/fd. `told` is the path as the user named it.

    Raises CliError if it is too large or another device or pipe, which may never end; OSError.
    """
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        mode = os.fstat(file.fileno()).st_mode
        if not stat.S_ISREG(mode) and told not in _GIVEN and not told.is_relative_to("/dev/fd"):
            raise CliError(f"{told} is not a regular file.", "Name a file, or /dev/stdin.", code="NOT_A_FILE")
        os.set_blocking(file.fileno(), True)
        content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise CliError(
            f"{told} is larger than {MAX_FILE_BYTES // 2**20} MiB.", "Name another file.", code="FILE_TOO_LARGE"
        )
    return content


def _find_base(written: Path, folder: Path | None) -> Path:
    for parent in written.parents:
        if (parent / FILE_NAME).is_file():
            return parent
    here = Path(os.path.abspath(Path.cwd()))
    if written.is_relative_to(here):
        return here
    return written.parent if folder is None else Path(os.path.abspath(folder))
