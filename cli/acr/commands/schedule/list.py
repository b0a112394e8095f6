"""acr schedule list: the schedules."""

import click

from acr.commands.arguments import WorkflowName
from acr.commands.options import as_json, with_client
from acr.output.render import print_data
from acr.output.schedules import render_schedules
from acr.targets.executor_client import ExecutorClient


@click.command()
@click.argument("name", metavar="[NAME]", required=False, type=WorkflowName())
@as_json
@with_client
def list(client: ExecutorClient, name: str | None, as_json: bool) -> None:
    """List the schedules of all workflows, or of one, with what has become of their times.

    A time is skipped if the run of the one before was under way (`overlap`) or its workflow paused, and missed if
    the platform was down and it was not caught up (`catch_up`). Of a watch it says how many items the last poll has
    listed, how many of them were new, or why it has failed.

    \b
    Examples:
      acr schedule list
      acr schedule list digest
      acr schedule list --json | jq -r '.data.schedules[].next[0].utc'
    """
    schedules = client.list_schedules() if name is None else client.show_schedules(name)
    if as_json:
        print_data({"schedules": schedules})
    else:
        render_schedules(schedules, name)
