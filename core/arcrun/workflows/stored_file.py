"""The file that a stored workflow was pushed from: a path relative to its project's folder, such as `flows/greet.yaml`.

Commands send it, so that a push from another file does not replace the workflow by mistake. It is only a name: nothing
is read from it.
"""

from collections.abc import Mapping
from typing import Any

from arcrun.errors import RequestError
from arcrun.limits import MAX_FILE_CHARACTERS

_ABSOLUTE = ("/", "~", "\\")


def read_file_name(body: Mapping[str, Any]) -> str | None:
    """The `file` of a push; None if it is missing. Raises RequestError."""
    file = body.get("file")
    if file is None:
        return None
    if not isinstance(file, str) or not 1 <= len(file) <= MAX_FILE_CHARACTERS or file.startswith(_ABSOLUTE):
        raise RequestError(
            f"`file` must be a relative path of 1 to {MAX_FILE_CHARACTERS} characters.",
            next_actions=['Send the path from the project\'s folder: {"file": "flows/greet.yaml"}. Or omit it.'],
        )
    return file


def shorten_file_name(path: str) -> str:
    """As many of the path's last components as fit."""
    while len(path) > MAX_FILE_CHARACTERS and "/" in path:
        path = path.partition("/")[2]
    return path[-MAX_FILE_CHARACTERS:]


def is_same_file(one: str, other: str) -> bool:
    """Whether one path ends with the other, by whole components: the same file, seen from different folders."""
    shorter, longer = sorted((_split(one), _split(other)), key=len)
    return longer[len(longer) - len(shorter) :] == shorter


def _split(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]
