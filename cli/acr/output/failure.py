"""Prints a command's failure: in words on stderr, and with --json also as the answer on stdout."""

import click

from acr.errors import CliError
from acr.output.terminal import say, say_refusal


def show_failure(error: CliError, *, as_json: bool) -> None:
    say(f"Error{error.code and f' {error.code}'}: {error.message}", colour="red", err=True)
    for action in error.next_actions:
        say(f"Next: {action}", err=True)
    if as_json:
        _print_answer(error)


def show_usage_failure(error: click.ClickException, *, as_json: bool) -> None:
    """Print click's own error: the command line is wrong."""
    say_refusal(error)
    if as_json:
        context = error.ctx if isinstance(error, click.UsageError) else None
        hint = f"See the options: {context.command_path} --help" if context else ""
        _print_answer(CliError(error.format_message(), hint, "USAGE"))


def _print_answer(error: CliError) -> None:
    from acr.output.render import print_json  # noqa: PLC0415 - rich is slow to import

    print_json(error.to_answer())
