"""The one way to people's terminals: whatever a text holds, wherever it came from, it cannot steer them.

Control characters (C0, DEL, C1), those that turn the direction of writing (Unicode's Bidi_Control), that end lines and
that nobody sees (zero width, soft hyphen, tags) are shown as escapes. Line feeds are too: what came from elsewhere in a
message cannot pass for a line of acr's own. What is meant to have lines goes through say_lines. What is styled is
styled here.
"""

import io
import re
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from types import TracebackType
from typing import Any

import click

FOREIGN_INDENT = "  "
_CONTROLS = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def escape_controls(text: str) -> str:
    r"""The text on one line. ESC is shown as \u001b: what a JSON string has is the same string still."""
    return _CONTROLS.sub(lambda match: _escape(match.group()), text)


def _escape(character: str) -> str:
    if character in _SHORT:
        return _SHORT[character]
    units = character.encode("utf-16-be").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))


def say(message: object = "", *, colour: str | None = None, err: bool = False, nl: bool = True) -> None:
    """Print a line. Data that cannot be written raises OSError; talk, on stderr, stops nothing."""
    text = escape_controls(str(message))
    with suppress(*([OSError] if err else [])):
        click.echo(click.style(text, fg=colour) if colour else text, err=err, nl=nl)


def say_lines(text: str, *, indent: str = "", err: bool = False) -> None:
    """A text that is meant to have lines. One from elsewhere needs an indent, which tells it from acr's own."""
    for line in text.split("\n"):
        say(f"{indent}{line.expandtabs()}", err=err)


def ask(question: str, **options: Any) -> Any:
    """An answer, on stderr. `options` are those of click.prompt."""
    return click.prompt(escape_controls(question), err=True, **options)


def confirm(question: str) -> bool:
    return click.confirm(escape_controls(question), err=True)


def say_refusal(error: click.ClickException) -> None:
    """What click says of a wrong usage, which repeats what was typed."""
    text = io.StringIO()
    error.show(text)
    message = error.format_message()
    say_lines(text.getvalue().removesuffix("\n").replace(message, escape_controls(message)), err=True)


def relay(lines: Iterable[str]) -> None:
    """What another program says, line by line, as talk, indented: it is not acr that says it."""
    for line in lines:
        say_lines(line.rstrip("\r\n"), indent=FOREIGN_INDENT, err=True)


def show_faults_escaped() -> None:
    """From now on what nobody expected, whose text may come from anywhere, is shown like everything else."""

    def show(kind: type[BaseException], fault: BaseException | None, trace: TracebackType | None) -> None:
        import traceback  # noqa: PLC0415 - only where something has gone wrong

        say_lines("".join(traceback.format_exception(kind, fault, trace)).rstrip(), indent=FOREIGN_INDENT, err=True)

    sys.excepthook = show
    threading.excepthook = lambda fault: show(fault.exc_type, fault.exc_value, fault.exc_traceback)
