"""Explains what the system refuses: files and folders that are missing, full or not allowed, and closed streams."""

import errno
import os

from acr.errors import CliError

_FULL = (errno.ENOSPC, errno.EDQUOT)
_REFUSED = (errno.EACCES, errno.EPERM)
_AGAIN = "then run the same command again"


def explain_system_fault(error: OSError) -> CliError | None:
    """The error to show for an OSError that no command has explained; None if ACR_DEBUG=1 is set."""
    if os.environ.get("ACR_DEBUG") == "1":
        return None
    if gone := explain_gone_folder():
        return gone
    place = f"{_name(error.filename)}: " if error.filename is not None else ""
    return CliError(f"{place}{error.strerror or str(error) or type(error).__name__}.", advise(error))


def explain_lost_stdout(error: OSError) -> CliError:
    """The error to show if the answer could not be written."""
    advice = advise(error) if is_full(error) else "Direct it to a file, a pipe or a terminal that is open."
    return CliError(f"stdout cannot be written: {error.strerror or error}.", advice, "STDOUT_LOST")


def is_full(error: OSError) -> bool:
    return error.errno in _FULL


def advise(error: OSError) -> str:
    """The next step."""
    if is_full(error):
        return f"Free some space on its disk, {_AGAIN}."
    if error.errno in _REFUSED:
        return f"Check its permissions, {_AGAIN}."
    if error.errno == errno.EROFS:
        return "Nothing can be written there: name another folder."
    if error.filename is None:
        return "ACR_DEBUG=1 shows where it happened."
    return "Check this path; if it is in one of acr's own folders, see ACR_CONFIG_DIR and ACR_CACHE_DIR."


def _name(path: object) -> str:
    return os.fsdecode(path) if isinstance(path, str | bytes | os.PathLike) else str(path)


def explain_gone_folder() -> CliError | None:
    """The error to show if the current folder has been deleted, in which case every relative path fails; else None."""
    try:
        os.getcwd()
    except FileNotFoundError:
        return CliError("The current folder no longer exists.", "Go to one that does: cd DIR", "NO_CURRENT_FOLDER")
    return None
