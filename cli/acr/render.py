"""What every command prints with: data as JSON or as a table on stdout, warnings and errors on stderr."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, TextIO

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from arcrun.json_text import escape_surrogates

PLAIN_WIDTH = 200
STYLES = {"success": "green", "failed": "red", "skipped": "dim", "running": "cyan", "lost": "yellow"}


def print_json(value: Any, indent: int | None = 2) -> None:
    """Data, on stdout. Without `indent` it is one line.

    Where stdout is not UTF-8, what is not ASCII is escaped, so that it is JSON everywhere.
    """
    is_utf8 = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "").startswith("utf")
    click.echo(escape_surrogates(json.dumps(value, ensure_ascii=not is_utf8, indent=indent)))


def print_table(titles: Sequence[str], rows: Iterable[Sequence[str | Text]]) -> None:
    """Data for people, on stdout."""
    build_console(sys.stdout).print(build_table(titles, rows))


def build_console(stream: TextIO) -> Console:
    """As wide as the terminal; where there is none, wide enough that nothing wraps."""
    return Console(file=stream, width=None if stream.isatty() else PLAIN_WIDTH, highlight=False)


def build_table(titles: Sequence[str], rows: Iterable[Sequence[str | Text]]) -> Table:
    table = Table(*titles, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in row))
    return table


def style_status(status: str) -> Text:
    return Text(status, STYLES.get(status, ""))


def render_moment(time: str) -> str:
    """ISO 8601 in UTC, as answers have it, to the second."""
    return time[:19].replace("T", " ")


@contextmanager
def show_progress(message: str) -> Iterator[None]:
    """While something takes its time: on a terminal only."""
    console = build_console(sys.stderr)
    with console.status(message) if console.is_terminal else nullcontext():
        yield


def warn(message: str) -> None:
    click.secho(f"Warning: {message}", fg="yellow", err=True)


def render_error(error: dict[str, Any]) -> None:
    """The executor's error and its next steps."""
    click.secho(f"Error {error['code']}: {error['message']}", fg="red", err=True)
    for action in error.get("next_actions", []):
        click.echo(f"Next: {action}", err=True)
