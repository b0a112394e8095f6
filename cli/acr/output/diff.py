"""Prints a unified diff."""

from collections.abc import Iterable

from acr.output.terminal import say

_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def render_diff(lines: Iterable[str]) -> None:
    """Print to stdout, coloured on a terminal only. Control characters are escaped."""
    for line in lines:
        say(line.expandtabs(), colour=_COLOURS.get(line[:1]))
