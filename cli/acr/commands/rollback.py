"""acr rollback: make an earlier version current again."""

import click

from acr.commands.arguments import WorkflowName, WorkflowVersion
from acr.commands.options import as_json, with_client
from acr.output.render import print_json
from acr.output.schedules import say_if_anew
from acr.output.terminal import say
from acr.targets.executor_client import ExecutorClient
from acr.targets.service_client import require_data


@click.command()
@click.argument("name", metavar="NAME", type=WorkflowName())
@click.argument("version", type=WorkflowVersion())
@as_json
@with_client
def rollback(client: ExecutorClient, name: str, version: int, as_json: bool) -> None:
    """Make an earlier version of a workflow current again.

    Its webhook URL stays the same. No version is lost: go forward again the same way.

    \b
    Examples:
      acr list greet
      acr rollback greet 1
    """
    answer = client.roll_back(name, version)
    data = require_data(answer)
    if as_json:
        print_json(answer)
    else:
        say(f"{data['name']} is at version {data['version']}.", err=True)
        say_if_anew(data)
