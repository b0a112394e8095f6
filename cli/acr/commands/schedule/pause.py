"""acr schedule pause: let a workflow's schedules start no runs for a while."""

import click

from acr.commands.arguments import WorkflowName
from acr.commands.options import as_json, with_client
from acr.output.schedules import render_changed
from acr.targets.executor_client import ExecutorClient


@click.command()
@click.argument("name", metavar="NAME", type=WorkflowName())
@as_json
@with_client
def pause(client: ExecutorClient, name: str, as_json: bool) -> None:
    """Let a workflow's schedules start no runs until `acr schedule resume`.

    What was waiting for its turn is left out. Its webhook goes on, and so do runs under way. A push does not end the
    pause.

    \b
    Examples:
      acr schedule pause digest
    """
    render_changed(client.pause_schedules(name), name, "paused", as_json=as_json)
