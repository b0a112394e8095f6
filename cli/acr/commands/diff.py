"""acr diff: how a file, or another version, differs from what is stored."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import unified_diff
from pathlib import Path

import click

from acr.commands.arguments import WorkflowFile, WorkflowName, WorkflowVersion
from acr.commands.options import as_json, with_client
from acr.errors import CliError
from acr.output.diff import render_diff
from acr.output.render import print_outcome
from acr.targets.executor_client import ExecutorClient
from acr.workflows.stored_text import read_stored
from acr.workflows.workflow_file import read_workflow_file

TROUBLE = 2


@click.command()
@click.argument("name", type=WorkflowName())
@click.argument("file", required=False, type=WorkflowFile())
@click.option(
    "--version",
    "versions",
    type=WorkflowVersion(),
    multiple=True,
    metavar="N",
    help="Compare this version  [default: the current one]; given twice, the two with each other.",
)
@as_json
@with_client
def diff(client: ExecutorClient, *, name: str, file: Path | None, versions: tuple[int, ...], as_json: bool) -> None:
    """Show how a file differs from the stored workflow, or one version from another.

    What the project's `vars` have become since the push is shown too.

    The file is by default the one that the workflow was pushed from, or NAME.yaml. Exits with 0 if there is no
    difference, with 1 if there is one, with 2 if it cannot tell, with 4 without a platform or its API key.

    \b
    Examples:
      acr diff greet
      acr diff greet other.yaml
      acr diff greet --version 1 --version 2
    """
    if len(versions) > 2 or (len(versions) == 2 and file is not None):
        raise click.UsageError("Compare two versions, or one version with a file.")
    changed: list[str] = []
    with _failing_like_diff():
        old = read_stored(client, name, versions[0] if versions else None)
        if len(versions) == 2:
            new = read_stored(client, name, versions[1])
            titles, texts = (_title(name, old.version), _title(name, new.version)), (old.text, new.text)
        else:
            path = file or old.place
            titles, texts = (_title(name, old.version), str(path)), (old.text, read_workflow_file(path))
            changed = old.list_changed_variables() if not versions else []
    before, after = (text.split("\n") for text in texts)
    lines = [*unified_diff(before, after, *titles, lineterm=""), *changed]
    if as_json:
        data = {"name": name, "from": titles[0], "to": titles[1], "same": not lines, "diff": lines}
        hint = "" if len(versions) == 2 else f"Store the file: acr push {shlex.quote(titles[1])}"
        failure = CliError(f"{titles[0]} and {titles[1]} differ.", hint, "DIFFERENT")
        print_outcome(data, failure if lines else None)
    else:
        render_diff(lines)
    sys.exit(1 if lines else 0)


def _title(name: str, version: int) -> str:
    return f"{name} (version {version})"


@contextmanager
def _failing_like_diff() -> Iterator[None]:
    """Within the block, an error that would exit with 1, which means a difference, exits with 2."""
    try:
        yield
    except CliError as error:
        if error.exit_code == 1:
            error.exit_code = TROUBLE
        raise
