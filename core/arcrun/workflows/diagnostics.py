"""A finding about a workflow, with its place in the source."""

from dataclasses import asdict, dataclass
from typing import Any

from arcrun.errors import WorkflowError


@dataclass(frozen=True)
class Diagnostic:
    """`line` and `column` count from 1; None where the source was an object, not text."""

    code: str
    message: str
    hint: str = ""
    severity: str = "error"
    line: int | None = None
    column: int | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def build_workflow_error(diagnostics: list[Diagnostic]) -> WorkflowError:
    """One error for all findings; each is in details.diagnostics."""
    first = diagnostics[0]
    place = f" (line {first.line})" if first.line else ""
    more = f", and {len(diagnostics) - 1} more" if len(diagnostics) > 1 else ""
    return WorkflowError(
        f"The workflow is not valid: {first.message}{place}{more}.",
        next_actions=[hint for hint in dict.fromkeys(d.hint for d in diagnostics) if hint],
        details={"diagnostics": [d.to_json() for d in diagnostics]},
    )
