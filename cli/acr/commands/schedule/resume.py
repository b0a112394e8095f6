"""acr schedule resume: end what `acr schedule pause` began."""

import click

from acr.commands.arguments import WorkflowName
from acr.commands.options import as_json, with_client
from acr.output.render import print_data
from acr.output.schedules import render_schedules
from acr.output.terminal import say
from acr.targets.executor_client import ExecutorClient


@click.command()
@click.argument("name", metavar="NAME", type=WorkflowName())
@as_json
@with_client
def resume(client: ExecutorClient, name: str, as_json: bool) -> None:
    """Let a workflow's schedules start runs again, at the times to come.

    What was due meanwhile is left out. An `every` is counted from now.

    \b
    Examples:
      acr schedule resume digest
    """
    schedules = client.resume_schedules(name)
    if as_json:
        print_data({"schedules": schedules})
    else:
        say(f"The schedules of {name} are resumed.", err=True)
        render_schedules(schedules, name)
