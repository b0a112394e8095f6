"""Prints a workflow's findings to stderr, each with its place and hint."""

from collections.abc import Sequence
from typing import Any

from acr.output.render import render_error
from acr.output.terminal import say

_COLOURS = {"error": "red", "warning": "yellow"}


def render_findings(diagnostics: Sequence[dict[str, Any]], file: str) -> None:
    """Print `file:line:column: severity CODE message`, as compilers do, with the hint below."""
    for finding in diagnostics:
        place = ":".join(str(part) for part in (finding["file"] or file, finding["line"], finding["column"]) if part)
        say(f"{place}: ", err=True, nl=False)
        say(finding["severity"], colour=_COLOURS[finding["severity"]], err=True, nl=False)
        say(f" {finding['code']} {finding['message']}", err=True)
        if finding["hint"]:
            say(f"    {finding['hint']}", err=True)


def render_refusal(error: dict[str, Any], file: str) -> None:
    """Print an error. If it has diagnostics, their hints replace its next steps."""
    diagnostics = error.get("details", {}).get("diagnostics", [])
    render_error({**error, "next_actions": []} if diagnostics else error)
    render_findings(diagnostics, file)


def count_findings(diagnostics: Sequence[dict[str, Any]]) -> str:
    """A summary such as "1 error, 2 warnings"."""
    severities = [finding["severity"] for finding in diagnostics]
    return ", ".join(f"{n} {name}{'s' * (n > 1)}" for name in _COLOURS if (n := severities.count(name))) or "no errors"
