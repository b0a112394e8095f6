"""acr schedule list: the schedules."""

import click

from acr.commands.arguments import WorkflowName
from acr.commands.options import as_json, with_client
from acr.output.render import print_data
from acr.output.schedules import render_schedules
from acr.output.workflows import say_all_paused
from acr.targets.executor_client import ExecutorClient
from acr.targets.service_client import require_data


@click.command()
@click.argument("name", metavar="[NAME]", required=False, type=WorkflowName())
@as_json
@with_client
def list(client: ExecutorClient, name: str | None, as_json: bool) -> None:
    """List the schedules of all workflows, or of one, with what has become of their times.

    A time is skipped if the run of the one before was under way (`overlap`) or its workflow paused, and missed if
    the platform was down and it was not caught up (`catch_up`). Of a watch it says how many items the last poll has
    listed, how many of them were new, or why it has failed. While a workflow is paused (acr pause) its times are
    skipped, and it is not polled.

    \b
    Examples:
      acr schedule list
      acr schedule list digest
      acr schedule list --json | jq -r '.data.schedules[].next[0].utc'
    """
    schedules = client.list_schedules() if name is None else client.show_schedules(name)
    workflows = client.list_workflows() if name is None else [require_data(client.show_workflow(name))]
    pauses = {each["name"]: each.get("paused") for each in workflows}
    shown = [{**each, "workflow_paused": pauses.get(each["workflow"])} for each in schedules]
    if as_json:
        print_data({"schedules": shown})
    else:
        render_schedules(shown, name)
        say_all_paused(workflows)
