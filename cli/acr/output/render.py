"""Shared output functions: data as JSON or as a table on stdout, warnings and errors on stderr."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, TextIO

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderableType, RenderHook
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from acr.errors import CliError
from acr.output.terminal import escape_controls, say, say_lines
from arcrun.json_text import escape_surrogates

PLAIN_WIDTH, _UNLIMITED = 200, 1_000_000
FLEXIBLE_WIDTH = 24  # a flexible column has at least this width, if its cells are that long
STYLES = {
    "success": "green",
    "failed": "red",
    "skipped": "dim",
    "needs_decision": "magenta",
    "lost": "yellow",
    **dict.fromkeys(("running", "waiting", "queued"), "cyan"),
}


def print_json(value: Any, indent: int | None = 2) -> None:
    """Print JSON to stdout. If `indent` is None, it is one line.

    Control characters are always escaped; if stdout is not UTF-8, so are all non-ASCII characters.
    """
    is_utf8 = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "").startswith("utf")
    # JSON's strings contain no line breaks.
    say_lines(escape_surrogates(json.dumps(value, ensure_ascii=not is_utf8, indent=indent)))


def print_data(data: Any) -> None:
    """Print the answer of a command that succeeded: {"success": true, "data"}."""
    print_json({"success": True, "data": data})


def print_outcome(data: Any, failure: CliError | None) -> None:
    """Print the answer of a command that has data also when it exits with 1: {"success": false, "error", "data"} if
    there is a `failure`, so that `success` follows the exit code.
    """
    print_data(data) if failure is None else print_json({**failure.to_answer(), "data": data})


def print_table(
    titles: Sequence[str], rows: Iterable[Sequence[str | Text]], *, flexible: Sequence[str] = (), stream: str = "stdout"
) -> None:
    """Print a table to stdout, or to stderr.

    Nothing is cut: a column's cells stay whole, on one line, except that those of the columns named in `flexible`
    continue on the next line where the terminal is narrow. A table that is still wider than the terminal is wrapped by
    the terminal itself, so that an address or an id can be copied.
    """
    console, table = build_console(getattr(sys, stream)), build_table(titles, rows, flexible)
    console.width = max(console.width, _least_width_of(table))
    console.print(table)


def measure_table(titles: Sequence[str], rows: Iterable[Sequence[str | Text]]) -> int:
    """The width of a table in cells, if nothing is wrapped."""
    return _least_width_of(build_table(titles, rows))


def _least_width_of(table: Table) -> int:
    """The width at which no column is narrower than its `min_width`."""
    console = build_console(sys.stdout)
    console.width = _UNLIMITED
    return console.measure(table).minimum


def build_console(stream: TextIO) -> Console:
    """A console for tables and progress, as wide as the terminal; without one, so wide that nothing wraps."""
    console = Console(file=stream, width=None if stream.isatty() else PLAIN_WIDTH, highlight=False)
    console.push_render_hook(_EscapingHook())
    return console


def build_table(titles: Sequence[str], rows: Iterable[Sequence[str | Text]], flexible: Sequence[str] = ()) -> Table:
    """A table in which each cell is one line, except those of the flexible columns, which may wrap."""
    heads = [_join_lines(Text(title)) for title in titles]
    cells = [[_join_lines(cell if isinstance(cell, Text) else Text(cell)) for cell in row] for row in rows]
    table = Table(box=None, pad_edge=False)
    for at, title in enumerate(titles):
        width = max((row[at].cell_len for row in [heads, *cells]), default=0)
        if title in flexible:
            table.add_column(heads[at], min_width=min(width, FLEXIBLE_WIDTH))
        else:  # rich shrinks columns below their min_width, but none with a width
            table.add_column(heads[at], width=width)
    for row in cells:
        table.add_row(*row)
    return table


_Rows = Sequence[Sequence[str | Text]]


def drop_empty_columns(titles: Sequence[str], rows: _Rows, *optional: str) -> tuple[Sequence[str], _Rows]:
    """Titles and rows without the optional columns that are empty in every row."""
    kept = [at for at, title in enumerate(titles) if title not in optional or any(str(row[at]) for row in rows)]
    return [titles[at] for at in kept], [[row[at] for at in kept] for row in rows]


def style_status(status: str) -> Text:
    return Text(status, STYLES.get(status, ""))


def render_moment(time: str | None) -> str:
    """An answer's ISO 8601 time in UTC, shortened to seconds; "-" for None."""
    return "-" if time is None else time[:19].replace("T", " ")


@contextmanager
def show_progress(message: str) -> Iterator[None]:
    """Show `message` with a spinner during the block, on a terminal only."""
    console = build_console(sys.stderr)
    with console.status(message) if console.is_terminal else nullcontext():
        yield


def warn(message: str) -> None:
    say(f"Warning: {message}", colour="yellow", err=True)


def render_error(error: dict[str, Any]) -> None:
    """Print a Worker's error and its next steps."""
    say(f"Error {error['code']}: {error['message']}", colour="red", err=True)
    for action in error.get("next_actions", []):
        say(f"Next: {action}", err=True)


class _EscapingHook(RenderHook):
    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [_Escaped(_join_lines(it) if isinstance(it, Text) else it) for it in renderables]


def _join_lines(text: Text) -> Text:
    """Escape line feeds and tabs, which rich would lay out."""
    for character in "\n\r\t":
        text = Text(escape_controls(character)).join(text.split(character, allow_blank=True))
    return text


class _Escaped:
    """Wraps a renderable and escapes its control characters. rich's own controls, such as for the cursor, are separate
    segments and stay.
    """

    def __init__(self, inner: RenderableType) -> None:
        self._inner = inner

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        for segment in console.render(self._inner, options):
            lines = segment.text.split("\n")  # rich's own line feeds; the content's are already escaped
            yield segment if segment.control else Segment("\n".join(map(escape_controls, lines)), segment.style)
