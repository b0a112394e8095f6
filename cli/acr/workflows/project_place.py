"""What a workflow's file is called in its project, which the platform keeps with the stored workflow."""

import os
from collections.abc import Iterable
from pathlib import Path

from acr.config.project_file import FILE_NAME
from acr.config.project_paths import is_stream
from acr.workflows.workflow_file import SUFFIXES
from arcrun.workflows.stored_file import shorten_file_name

_MARKS = (FILE_NAME, ".git", ".arcrun/api-key")


def name_in_project(path: Path) -> str | None:
    """The path from the project's folder: the nearest parent with an arcrun.yaml, a .git or the .arcrun of an
    `acr dev`. Of a file in no project the name with that of its folder, unless that is the user's home, so that
    files of the same name in several folders are several. None for a stream.
    """
    if is_stream(path):
        return None
    written = Path(os.path.abspath(path))
    base = _find_project(written.parents)
    if base is None:
        base = written.parent if written.parent == Path.home() else written.parent.parent
    name = written.relative_to(base).as_posix()
    return shorten_file_name(name.encode(errors="replace").decode())


def place_in_project(name: str, file: str | None) -> Path:
    """Where the stored workflow `name`, which was pushed from `file`, belongs, as a relative path: its file, if that is
    in the current folder, else NAME.yaml there. Other projects' files, hidden ones and those that are no YAML do not
    count: whoever may push chooses `file`.
    """
    here = Path.cwd()
    if file is not None:
        base = _find_project((here, *here.parents))
        if base is None:  # then the file may begin with its folder's name
            base = here.parent if file.startswith(f"{here.name}/") else here
        place = Path(os.path.abspath(base / file))
        inner = place.relative_to(here) if place.is_relative_to(here) else None
        if inner is not None and inner.suffix in SUFFIXES and not any(part.startswith(".") for part in inner.parts):
            return inner
    return Path(f"{name}{SUFFIXES[0]}")


def _find_project(folders: Iterable[Path]) -> Path | None:
    return next((folder for folder in folders if any((folder / mark).exists() for mark in _MARKS)), None)
