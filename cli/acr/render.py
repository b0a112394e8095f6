"""Answers for people: the trace of a run as a table, errors with their next steps. All of it is talk, on stderr."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

_STYLES = {"success": "green", "failed": "red", "skipped": "dim"}


def print_json(value: Any) -> None:
    """Data, on stdout."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def print_table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Data for people, on stdout."""
    table = Table(*titles, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    Console(file=sys.stdout, width=None if sys.stdout.isatty() else 200).print(table)


def warn(message: str) -> None:
    click.secho(f"Warning: {message}", fg="yellow", err=True)


def render_trace(answer: dict[str, Any]) -> None:
    console = Console(file=sys.stderr)
    table = Table("node", "component", "status", "start", "took", "result", box=None, pad_edge=False)
    for entry in answer.get("trace", []):
        status = entry["status"]
        table.add_row(
            entry["node"],
            entry["component"],
            f"[{_STYLES[status]}]{status}[/]",
            f"{entry['start_ms']:.1f} ms",
            f"{entry['duration_ms']:.1f} ms",
            _summary(entry),
        )
    console.print(table)
    console.print(f"run {answer['run_id']} took {answer['duration_ms']:.1f} ms", style="dim", highlight=False)


def _summary(entry: dict[str, Any], width: int = 60) -> str:
    if "error" in entry:
        text = f"{entry['error']['code']}: {entry['error']['message']}"
    else:
        text = json.dumps(entry.get("output", {}).get("data", ""), ensure_ascii=False)
    text = text if len(text) <= width else text[: width - 1] + "…"
    return text.replace("[", "\\[")


def render_error(error: dict[str, Any], source: str = "") -> None:
    click.secho(f"Error {error['code']}: {error['message']}", fg="red", err=True)
    for finding in error.get("details", {}).get("diagnostics", []):
        place = ":".join(str(part) for part in (source, finding["line"], finding["column"]) if part)
        click.echo(f"  {place} {finding['code']} {finding['message']}", err=True)
    for action in error.get("next_actions", []):
        click.echo(f"Next: {action}", err=True)
