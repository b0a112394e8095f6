"""Prints what replays and retries would do, and what became of many runs that were retried."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.text import Text

from acr.output.render import print_table, render_moment, style_status
from acr.output.terminal import say

_DRY_TITLES = ("run", "started (UTC)", "workflow", "runs again", "error")
_TITLES = ("run", "started (UTC)", "workflow", "retry", "status", "error")


def render_dry_run(data: Mapping[str, Any]) -> None:
    """Print what one replay would do to stdout."""
    say(f"{data['workflow']}, version {data['version']}{', accepted' if data['accepted'] else ''}")
    for title, name in (("taken over", "taken_over"), ("would run", "runs")):
        say(f"{title}: {', '.join(data[name]) or 'nothing'}")


def render_retries(told: Sequence[Mapping[str, Any]], left: int, *, dry_run: bool) -> None:
    """Print a table to stdout. `left` is how many more runs there are."""
    if not told:
        say("There is no run to retry.", err=True)
        return
    rows = [_describe(each, dry_run=dry_run) for each in told]
    print_table(_DRY_TITLES if dry_run else _TITLES, rows, flexible=("runs again", "error"))
    if left:
        say(f"{left} more are left: run the command again when these have ended.", err=True)
    if dry_run:
        say(f"{len(told)} would be retried. Nothing was run.", err=True)


def _describe(told: Mapping[str, Any], *, dry_run: bool) -> tuple[str | Text, ...]:
    begun = (told["run_id"], render_moment(told["started_at"]), told["workflow"])
    error = f"{told['error']['code']}: {told['error']['message']}" if "error" in told else ""
    if dry_run:
        return (*begun, ", ".join(told.get("runs", ())), error)
    return (*begun, told.get("retry", "-"), style_status(told["status"]), error)
