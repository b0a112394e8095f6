"""Files and folders that hold secrets: only their owner may read them, from their first byte on."""

import os
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Write `path` with mode 0600. What was there is replaced in one step, so an interruption leaves old or new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


def make_private_folder(folder: Path) -> None:
    """Make `folder`, or what it was into one, of mode 0700. One that the user works in stays as it is."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not Path.cwd().is_relative_to(folder):
        folder.chmod(0o700)


def is_private(path: Path) -> bool:
    """Whether nobody but the owner may read or write it."""
    return not path.stat().st_mode & 0o077
