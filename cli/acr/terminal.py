"""The one way to people's terminals: whatever a text holds, wherever it came from, it cannot steer them.

Control characters (C0 but for tab and newline, DEL, C1) and those that turn the direction of writing (Unicode's
Bidi_Control) or end lines are shown as escapes. What is styled is styled here.
"""

import re

import click

_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def escape_controls(text: str) -> str:
    r"""ESC is shown as \u001b: what a JSON string has is the same string still."""
    return _CONTROLS.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def say(message: object = "", *, colour: str | None = None, err: bool = False, nl: bool = True) -> None:
    """Print a line."""
    text = escape_controls(str(message))
    click.echo(click.style(text, fg=colour) if colour else text, err=err, nl=nl)
