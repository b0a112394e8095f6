"""acr schedule resume: end what `acr schedule pause` began."""

import click

from acr.commands.arguments import WorkflowName
from acr.commands.options import as_json, with_client
from acr.output.schedules import render_changed
from acr.targets.executor_client import ExecutorClient


@click.command()
@click.argument("name", metavar="NAME", type=WorkflowName())
@as_json
@with_client
def resume(client: ExecutorClient, name: str, as_json: bool) -> None:
    """Let a workflow's schedules start runs again, at the times to come.

    What was due meanwhile is left out. An `every` is still counted from the push that has brought it.

    \b
    Examples:
      acr schedule resume digest
    """
    render_changed(client.resume_schedules(name), name, "resumed", as_json=as_json)
