"""Prints lists of runs."""

import sys
from collections.abc import Sequence
from typing import Any

from rich.text import Text

from acr.output.render import build_console, drop_empty_columns, print_table, render_moment, style_status
from acr.output.terminal import say
from arcrun.run_log.filter import NEEDS_DECISION

_ORIGIN = "replay of"
_TITLES = ("run", "started (UTC)", "workflow", "version", "status", "took", "error")


def render_runs(verdicts: Sequence[dict[str, Any]], *, are_dead: bool = False) -> None:
    """Print a table of runs to stdout; of dead letters if they `are_dead`."""
    if not verdicts and are_dead:
        say("There is no dead letter: they are of accepted runs. All failed runs: acr logs --status failed", err=True)
        return
    if not verdicts:
        say("There is no such run. Records are kept for 7 days, unless the workflow says otherwise.", err=True)
        return
    titles = (*_TITLES[:-1], _ORIGIN, _TITLES[-1])
    rows = [
        (*cells[:-1], verdict.get("replay_of", ""), cells[-1]) for verdict in verdicts for cells in [_describe(verdict)]
    ]
    print_table(*drop_empty_columns(titles, rows, _ORIGIN), flexible=("error",))


class RunLines:
    """Prints one run after the other to stdout, for --follow, in columns that widen with what has been printed."""

    def __init__(self) -> None:
        self._widths = [0, 0, 16, 3, 7, 10, 0]

    def render(self, verdict: dict[str, Any]) -> None:
        cells = [cell if isinstance(cell, Text) else Text(cell) for cell in _describe(verdict)]
        self._widths = [max(width, cell.cell_len) for width, cell in zip(self._widths, cells, strict=True)]
        padded = [_pad(cell, width) for cell, width in zip(cells, self._widths, strict=True)]
        line = Text("  ").join(padded)
        line.rstrip()
        build_console(sys.stdout).print(line, soft_wrap=True)


class RunNews:
    """Prints to stderr what is new of a run that is followed. Of nodes that come with the run's end nothing is said: it
    is shown then.
    """

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self._nodes: list[str] = []

    def render(self, name: str, data: dict[str, Any], *, is_last: bool) -> None:
        """`is_last` is whether it is the last of those that came together."""
        if name == "status":
            is_asking = data["status"] == NEEDS_DECISION
            said = f"needs a decision: acr logs {self._run_id}" if is_asking else f"is {data['status']}."
            say(f"{self._run_id} {said}", err=True)
        elif name == "node":
            took = "" if data["status"] == "waiting" else f", {data['duration_ms']:.1f} ms"
            self._nodes.append(f"{data['node']}: {data['status']}{took}")
        if is_last and name != "end":
            for line in self._nodes:
                say(line, err=True)
        if is_last:
            self._nodes = []


def _pad(cell: Text, width: int) -> Text:
    return Text.assemble(cell, " " * (width - cell.cell_len))


def describe_verdict(verdict: dict[str, Any] | None) -> Text:
    """The last run's status, with the error if it failed; "-" if there is none."""
    if verdict is None:
        return Text("-", "dim")
    return Text(" ").join([style_status(verdict["status"]), *([Text(verdict["error"])] if "error" in verdict else [])])


def _describe(verdict: dict[str, Any]) -> tuple[str | Text, ...]:
    error = f"{verdict['error']} in {verdict['node']}" if verdict.get("node") else verdict.get("error", "")
    return (
        verdict["run_id"],
        render_moment(verdict["started_at"]),
        verdict["workflow"],
        str(verdict["version"] or "-"),
        style_status(verdict["status"]),
        f"{verdict['duration_ms']:.1f} ms" if "duration_ms" in verdict else "-",
        error,
    )
