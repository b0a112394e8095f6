"""acr show: what is stored of a workflow."""

import click

from acr.commands.arguments import WorkflowName, WorkflowVersion
from acr.commands.options import as_json, with_client
from acr.output.render import print_data
from acr.output.terminal import put_text
from acr.output.workflows import describe_stored
from acr.targets.executor_client import ExecutorClient
from acr.workflows.stored_text import read_stored


@click.command()
@click.argument("name", type=WorkflowName())
@click.option("--version", type=WorkflowVersion(), metavar="N", help="Show this version  [default: the current one].")
@as_json
@with_client
def show(client: ExecutorClient, name: str, version: int | None, as_json: bool) -> None:
    """Show what is stored of a workflow: its text, and where it comes from.

    The text goes to stdout; version, file, webhook, and which workflows it calls and which call it, to stderr.

    \b
    Examples:
      acr show greet
      acr show greet --version 1 > greet-1.yaml
      acr show greet --json | jq -r .data.file
    """
    stored = read_stored(client, name, version)
    if as_json:
        print_data({**stored.workflow, "shown_version": stored.version, "text": stored.text})
    else:
        describe_stored(stored.workflow, stored.version, stored.input_fields)
        put_text(stored.text)
