"""The one way to people's terminals: whatever a text holds, wherever it came from, it cannot steer them.

Control characters (C0 but for tab and newline, DEL, C1) and those that turn the direction of writing (Unicode's
Bidi_Control) or end lines are shown as escapes. What is styled is styled here.
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

_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def escape_controls(text: str) -> str:
    r"""ESC is shown as \u001b: what a JSON string has is the same string still."""
    return _CONTROLS.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def say(message: object = "", *, colour: str | None = None, err: bool = False, nl: bool = True) -> None:
    """Print a line. Data that cannot be written raises OSError; talk, on stderr, stops nothing."""
    text = escape_controls(str(message))
    with suppress(*([OSError] if err else [])):
        click.echo(click.style(text, fg=colour) if colour else text, err=err, nl=nl)


def ask(question: str, **options: Any) -> Any:
    """An answer, on stderr. `options` are those of click.prompt."""
    return click.prompt(escape_controls(question), err=True, **options)


def confirm(question: str) -> bool:
    return click.confirm(escape_controls(question), err=True)


def say_refusal(error: click.ClickException) -> None:
    """What click says of a wrong usage, which repeats what was typed."""
    text = io.StringIO()
    error.show(text)
    say(text.getvalue().removesuffix("\n"), err=True)


def relay(lines: Iterable[str]) -> None:
    """What another program says, line by line, as talk."""
    for line in lines:
        say(line.rstrip("\n"), err=True)


def show_faults_escaped() -> None:
    """From now on what nobody expected, whose text may come from anywhere, is shown like everything else."""

    def show(kind: type[BaseException], fault: BaseException | None, trace: TracebackType | None) -> None:
        import traceback  # noqa: PLC0415 - only where something has gone wrong

        say("".join(traceback.format_exception(kind, fault, trace)).rstrip("\n"), err=True)

    sys.excepthook = show
    threading.excepthook = lambda fault: show(fault.exc_type, fault.exc_value, fault.exc_traceback)
