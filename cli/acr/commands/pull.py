"""acr pull: write a stored workflow to its file."""

import sys
from pathlib import Path

import click

from acr.commands.arguments import NewWorkflowFile, WorkflowName, WorkflowVersion
from acr.commands.options import as_json, with_client
from acr.errors import CliError, DeclinedError
from acr.output.render import print_data
from acr.output.terminal import confirm, say
from acr.targets.executor_client import ExecutorClient
from acr.workflows.stored_text import StoredText, read_stored, write_stored


@click.command()
@click.argument("name", type=WorkflowName())
@click.argument("file", required=False, type=NewWorkflowFile())
@click.option("--version", type=WorkflowVersion(), metavar="N", help="Write this version  [default: the current one].")
@click.option("--force", is_flag=True, help="Overwrite a file that differs.")
@as_json
@with_client
def pull(
    client: ExecutorClient, *, name: str, file: Path | None, version: int | None, force: bool, as_json: bool
) -> None:
    """Write a stored workflow to the file that it was pushed from.

    That is the default if the file is in this folder; otherwise it is NAME.yaml. A file that differs is overwritten
    after a question, or with --force; one behind a symbolic link never.

    \b
    Examples:
      acr pull greet
      acr pull greet copy.yaml --version 1
    """
    stored = read_stored(client, name, version)
    path, is_written = _write(stored, file, is_forced=force)
    if as_json:
        print_data({"name": name, "version": stored.version, "file": str(path), "written": is_written})
    elif is_written:
        say(f"Wrote {name}, version {stored.version}, to {path}.", err=True)
    else:
        say(f"{path} is {name}, version {stored.version}, already.", err=True)


def _write(stored: StoredText, file: Path | None, *, is_forced: bool) -> tuple[Path, bool]:
    try:
        return write_stored(stored, file, is_forced=is_forced)
    except CliError as error:
        if error.code != "FILE_DIFFERS" or not sys.stdin.isatty():
            raise
        if not confirm(f"{error.message} Overwrite it?"):
            raise DeclinedError("Nothing was written.") from None
    return write_stored(stored, file, is_forced=True)
