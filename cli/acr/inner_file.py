"""Files that commands read and send away: those of the project, and not what a symbolic link in it leads to elsewhere.

A repository from somebody else may hold a link to a file of this machine. What is meant can be named itself.
"""

import os
from pathlib import Path

from acr.errors import CliError
from acr.project_file import FILE_NAME

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


def _find_base(written: Path, folder: Path | None) -> Path:
    for parent in written.parents:
        if (parent / FILE_NAME).is_file():
            return parent
    here = Path(os.path.abspath(Path.cwd()))
    if written.is_relative_to(here):
        return here
    return written.parent if folder is None else Path(os.path.abspath(folder))
