"""All output to the terminal passes through here, so that untrusted strings cannot control it.

Control characters (C0, DEL, C1), bidirectional ones (Unicode's Bidi_Control), line separators and invisible ones (zero
width, soft hyphen, tags) are escaped. So are line feeds: an untrusted part of a message cannot imitate a line of acr's
own. Multi-line text goes through say_lines. Colours are added here.
"""

import io
import os
import re
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any

import click

FOREIGN_INDENT = "  "
_CONTROLS = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)
STDOUT = "<stdout>"
_STREAMS = (("stdin", os.O_RDONLY, "r"), ("stdout", os.O_RDONLY, "w"), ("stderr", os.O_WRONLY, "w"))
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def escape_controls(text: str) -> str:
    r"""The text on one line, with JSON's escapes, such as \u001b for ESC, so that JSON strings keep their value."""
    return _CONTROLS.sub(lambda match: _escape(match.group()), text)


def _escape(character: str) -> str:
    if character in _SHORT:
        return _SHORT[character]
    units = character.encode("utf-16-be").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))


def say(message: object = "", *, colour: str | None = None, err: bool = False, nl: bool = True) -> None:
    """Print a line. Raises OSError if stdout cannot be written; ignores it for stderr. `colour` shows on terminals."""
    text = escape_controls(str(message))
    with suppress(*([OSError] if err else [])):
        click.echo(click.style(text, fg=colour) if colour and _has_colours() else text, err=err, nl=nl)


def _has_colours() -> bool:
    """Whether the user wants colours on terminals (https://no-color.org). Rich, which draws tables, does the same."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def say_lines(text: str, *, indent: str = "", err: bool = False) -> None:
    """Print multi-line text. Untrusted text needs an indent, which distinguishes it from acr's own."""
    for line in text.split("\n"):
        say(f"{indent}{line.expandtabs()}", err=err)


def end_sentence(text: str) -> str:
    """The text with a full stop, unless it ends with one."""
    return text if text.endswith((".", "!", "?")) else f"{text}."


def put_text(text: str) -> None:
    """Print a file's text to stdout: escaped on a terminal, otherwise as it is, to the byte."""
    if sys.stdout.isatty():
        say_lines(text.removesuffix("\n"))
    else:
        click.echo(text, nl=False, color=True)  # which strips nothing


def ask(question: str, **options: Any) -> Any:
    """Prompt on stderr and return the answer. `options` are those of click.prompt."""
    return click.prompt(escape_controls(question), err=True, **options)


def confirm(question: str) -> bool:
    return click.confirm(escape_controls(question), err=True)


def say_refusal(error: click.ClickException) -> None:
    """Print click's usage error, which quotes the user's input, escaped."""
    text = io.StringIO()
    error.show(text)
    message = error.format_message()
    say_lines(text.getvalue().removesuffix("\n").replace(message, escape_controls(message)), err=True)


def relay(lines: Iterable[str]) -> None:
    """Print another program's output to stderr, line by line and indented."""
    for line in lines:
        say_lines(line.rstrip("\r\n"), indent=FOREIGN_INDENT, err=True)


def _open_missing_streams() -> None:
    """Open each of stdin, stdout and stderr that is closed, so that no other file gets its number: stdin is empty,
    writing to stdout fails, and what goes to stderr is dropped.
    """
    for number, (name, flags, mode) in enumerate(_STREAMS):
        if getattr(sys, name) is None:
            opened = os.open(os.devnull, flags)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            stream = open(number, mode, encoding="utf-8", closefd=False)  # noqa: SIM115 - for good
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)


class _Stdout(io.TextIOWrapper):
    """Writes to stdout. An OSError has STDOUT as its file's name, which tells it from those of other files."""

    def write(self, text: str, /) -> int:
        with _naming_stdout():
            return super().write(text)

    def flush(self) -> None:
        with _naming_stdout():
            super().flush()


@contextmanager
def _naming_stdout() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        error.filename = STDOUT
        raise


def prepare_streams() -> None:
    """Open what is closed of stdin, stdout and stderr; let errors of stdout name it; and escape characters that an
    encoding lacks, so that one character cannot lose an answer: a lone surrogate in UTF-8, which an answer may contain;
    most scripts in other encodings.
    """
    _open_missing_streams()
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout is sys.__stdout__:  # not a test's
        file = open(sys.stdout.fileno(), "wb", closefd=False)  # noqa: SIM115 - for good
        sys.stdout = _Stdout(file, encoding=sys.stdout.encoding, line_buffering=sys.stdout.line_buffering)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def abandon_stdout() -> None:
    """Drop what is still to be written to stdout, and what follows."""
    with suppress(OSError):  # a stream without a file descriptor, such as a test's
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def show_faults_escaped() -> None:
    """Make tracebacks of unexpected exceptions, which may contain untrusted strings, print escaped."""

    def show(kind: type[BaseException], fault: BaseException | None, trace: TracebackType | None) -> None:
        import traceback  # noqa: PLC0415 - only after a failure

        say_lines("".join(traceback.format_exception(kind, fault, trace)).rstrip(), indent=FOREIGN_INDENT, err=True)

    sys.excepthook = show
    threading.excepthook = lambda fault: show(fault.exc_type, fault.exc_value, fault.exc_traceback)
