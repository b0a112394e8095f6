"""The list of components for whoever looks for one, on a terminal: by groups, a line each, as wide as the terminal."""

import sys
from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size

from acr.output.render import build_console
from acr.output.terminal import escape_controls, say
from acr.parts.own_components import BUILT_IN
from acr.parts.part import Part
from arcrun.contracts.groups import group_by

INDENT, GAP, CUT = "  ", "  ", " …"
LEAST_DESCRIPTION = 24  # columns, however narrow the terminal is


def render_groups(parts: Sequence[Part]) -> None:
    """Print the components. A description that is too long for its line is cut, and a last line says how to read it."""
    names = {part.reference: escape_controls(_name(part)) for part in parts}
    summaries = {part.reference: escape_controls(part.summary) for part in parts}
    width = max(map(cell_len, names.values()), default=0)
    left = max(LEAST_DESCRIPTION, build_console(sys.stdout).width - len(INDENT) - width - len(GAP))
    for group, members in group_by((part.group, part.reference) for part in parts).items():
        say(group, colour="cyan")
        for reference in members:
            say(f"{INDENT}{set_cell_size(names[reference], width)}{GAP}{_cut(summaries[reference], left)}")
        say()
    is_cut = any(cell_len(summary) > left for summary in summaries.values())
    say(f"{'All of a description, input and output' if is_cut else 'Input and output'}: acr parts list ID", err=True)


def _name(part: Part) -> str:
    """The name with the source, unless it is built in."""
    marks = [mark for mark in (part.source, part.visibility) if mark not in (None, BUILT_IN)]
    return f"{part.reference} ({', '.join(map(str, marks))})" if marks else part.reference


def _cut(text: str, width: int) -> str:
    """The text as far as it fits, to the end of a word."""
    return text if cell_len(text) <= width else set_cell_size(text, width - 1).rpartition(" ")[0] + CUT
