"""Runs as lists show them."""

from collections.abc import Sequence
from typing import Any

from rich.text import Text

from acr.output.render import print_table, render_moment, style_status
from acr.output.terminal import say

_TITLES = ("run", "started (UTC)", "workflow", "version", "status", "took", "error")


def render_runs(verdicts: Sequence[dict[str, Any]]) -> None:
    """A table, on stdout."""
    if not verdicts:
        say("There is no such run. Records are kept for 7 days, or as long as the workflow says.", err=True)
        return
    print_table(_TITLES, [_describe(verdict) for verdict in verdicts])


def render_run_line(verdict: dict[str, Any]) -> None:
    """One more run, on stdout, while they are followed."""
    say("  ".join(str(cell) for cell in _describe(verdict)).rstrip())


def describe_verdict(verdict: dict[str, Any] | None) -> Text:
    """The status of the last run, and of a failed one the error; "-" where there is none."""
    if verdict is None:
        return Text("-", "dim")
    return Text(" ").join([style_status(verdict["status"]), *([Text(verdict["error"])] if "error" in verdict else [])])


def _describe(verdict: dict[str, Any]) -> tuple[str | Text, ...]:
    error = f"{verdict['error']} in {verdict['node']}" if verdict.get("node") else verdict.get("error", "")
    return (
        verdict["id"],
        render_moment(verdict["started_at"]),
        verdict["workflow"],
        str(verdict["version"] or "-"),
        style_status(verdict["status"]),
        f"{verdict['duration_ms']:.1f} ms" if "duration_ms" in verdict else "-",
        error,
    )
