"""arcrun.yaml, in the current folder or a parent: settings that a project's members share, without secrets."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acr.errors import CliError

FILE_NAME = "arcrun.yaml"
_KEYS = ("account_id", "bucket", "url", "domain")


@dataclass(frozen=True)
class ProjectFile:
    """`url` is the executor's address, `domain` its webhooks' custom domain. Missing settings are None."""

    account_id: str | None = None
    bucket: str | None = None
    url: str | None = None
    domain: str | None = None


def read_project_file(folder: Path) -> ProjectFile:
    """The nearest project file at or above `folder`; empty if there is none. Raises CliError."""
    path = next((parent / FILE_NAME for parent in (folder, *folder.parents) if (parent / FILE_NAME).is_file()), None)
    if path is None:
        return ProjectFile()
    from arcrun.yaml_text import YamlTextError, parse_yaml  # noqa: PLC0415 - only where there is such a file

    try:
        source: Any = parse_yaml(path.read_text(encoding="utf-8")).value or {}
    except YamlTextError as error:
        raise CliError(f"{path}:{error.line}: {error.problem}") from None
    wrong = [key for key in source if key not in _KEYS] if isinstance(source, dict) else ["(not a mapping)"]
    if wrong or not all(isinstance(value, str) for value in source.values()):
        message = f"{path} may contain only {', '.join(_KEYS)}, as strings"
        raise CliError(
            f"{message}; it has {', '.join(map(str, wrong)) or 'other values'}.", "Do not put secrets there."
        )
    return ProjectFile(**source)
