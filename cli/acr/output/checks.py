"""Prints what `acr validate` found in each file, to stderr."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from acr.errors import CliError
from acr.output.failure import show_failure
from acr.output.findings import count_findings, render_findings
from acr.output.terminal import say


@dataclass(frozen=True)
class CheckedFile:
    """A checked file. `error` is set if it could not be checked at all, or not be pushed with the others. `notes` say
    what was not checked.
    """

    file: str
    diagnostics: Sequence[dict[str, Any]] = ()
    notes: Sequence[str] = ()
    error: CliError | None = None
    is_valid: bool = False

    @property
    def counted(self) -> list[dict[str, Any]]:
        """What counts as an error or a warning: the diagnostics, and the error."""
        return [*self.diagnostics, *([{"severity": "error"}] if self.error else [])]

    def to_json(self) -> dict[str, Any]:
        return {
            "file": self.file,
            "valid": self.is_valid,
            **({"notes": list(self.notes)} if self.notes else {}),
            **({"error": self.error.to_answer()["error"]} if self.error else {}),
        }


def render_checked(checked: CheckedFile) -> None:
    """Print the file's findings and notes, and a line such as `orders.yaml: 2 errors, 1 warning`."""
    render_findings(checked.diagnostics, checked.file)
    for note in checked.notes:
        say(f"{checked.file}: note {note}", err=True)
    if checked.error is not None:
        show_failure(checked.error, as_json=False)
    say(f"{checked.file}: {_describe(checked)}", colour="green" if checked.is_valid else "red", err=True)


def render_total(files: Sequence[CheckedFile]) -> None:
    """Print the total of several files, such as `3 files: 2 ok, 1 with errors`."""
    if len(files) > 1:
        valid = sum(file.is_valid for file in files)
        invalid = len(files) - valid
        said = count_findings([finding for file in files for finding in file.counted])
        parts = [f"{valid} ok", *([f"{invalid} with errors"] if invalid else [])]
        say(f"{len(files)} files: {', '.join(parts)}{'' if said == 'no errors' else f' ({said})'}", err=True)


def _describe(checked: CheckedFile) -> str:
    return count_findings(checked.counted) if checked.counted else "ok"
