"""Prepares a folder for workflows: credentials.yaml and .gitignore."""

from pathlib import Path

from acr.config.private_file import write_private, write_whole
from acr.config.project_paths import require_inner
from acr.credentials.credentials_file import FILE_NAME, TEMPLATE

IGNORED = (FILE_NAME, ".arcrun/")


def prepare_folder(folder: Path) -> list[str]:
    """Create or complete the files. Returns the names of those created or changed; existing content is kept."""
    changed = []
    if _ignore(folder / ".gitignore"):  # first, so that git never sees the other file
        changed.append(".gitignore")
    if not (folder / FILE_NAME).exists():
        write_private(folder / FILE_NAME, TEMPLATE)
        changed.append(FILE_NAME)
    return changed


def _ignore(path: Path) -> bool:
    require_inner(path)
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    present = {line.strip().lstrip("/") for line in text.splitlines()}
    missing = [entry for entry in IGNORED if entry not in present]
    if not missing:
        return False
    head = text if not text or text.endswith("\n") else f"{text}\n"
    write_whole(path, head + "".join(f"{entry}\n" for entry in missing))
    return True
