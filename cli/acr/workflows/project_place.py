"""What a workflow's file is called in its project, which the platform keeps with the stored workflow."""

import os
from pathlib import Path

from acr.config.project_file import FILE_NAME
from acr.config.project_paths import is_stream
from arcrun.workflows.stored_file import shorten_file_name


def name_in_project(path: Path) -> str | None:
    """The path from the project's folder, the nearest parent with an arcrun.yaml or .git, else from the current folder;
    of a file outside of both its name alone, so that it tells nothing of this machine. None for a stream.
    """
    if is_stream(path):
        return None
    written = Path(os.path.abspath(path))
    base = next((parent for parent in written.parents if _is_project(parent)), Path.cwd())
    name = written.relative_to(base).as_posix() if written.is_relative_to(base) else written.name
    return shorten_file_name(name.encode(errors="replace").decode())


def _is_project(folder: Path) -> bool:
    return (folder / FILE_NAME).is_file() or (folder / ".git").exists()
