"""acr list: the stored workflows."""

from collections.abc import Mapping, Sequence
from itertools import groupby

import click

from acr.commands.arguments import WorkflowName
from acr.commands.options import as_json, with_client
from acr.output.render import print_json
from acr.output.schedules import render_next_times
from acr.output.workflows import render_addresses, render_versions, render_workflows, say_all_paused
from acr.targets.executor_client import ExecutorClient
from acr.targets.failing_workflows import describe_failing, find_failing_polls, find_last_runs
from acr.targets.service_client import require_data


@click.command()
@click.argument("name", metavar="[NAME]", required=False, type=WorkflowName())
@as_json
@with_client
def list(client: ExecutorClient, name: str | None, as_json: bool) -> None:
    """List the stored workflows, or the versions of one.

    Shows each workflow's last run if it is among the newest 100 runs, or has failed, whether it is paused, and how many
    dead letters it has: accepted runs that failed and were not dealt with (acr logs --failed). Those that fail come
    first. Below are the next five times of each schedule, in its zone and in UTC.

    \b
    Examples:
      acr list
      acr list greet
      acr list --json | jq -r '.data.workflows[].webhook_url'
    """
    if name is not None:
        answer = client.show_workflow(name)
        require_data(answer)
    else:
        answer = {"success": True, "data": {"workflows": _list_with_last_runs(client)}}
    if as_json:
        print_json(answer)
        return
    if name is not None:
        render_versions(answer["data"])
        render_next_times(answer["data"].get("schedules", ()))
    else:
        render_workflows(answer["data"]["workflows"])
        say_all_paused(answer["data"]["workflows"])
        render_addresses(answer["data"]["workflows"])
        render_next_times([each for workflow in answer["data"]["workflows"] for each in workflow["schedules"]])


def _list_with_last_runs(client: ExecutorClient) -> Sequence[Mapping[str, object]]:
    dead, queued, failed = client.count_unsettled()
    newest = find_last_runs(client, failed)
    scheduled = client.list_schedules()
    schedules: dict[str, Sequence[Mapping[str, object]]] = {
        name: [*those] for name, those in groupby(scheduled, key=lambda each: each["workflow"])
    }
    workflows = client.list_workflows()
    polls = find_failing_polls(scheduled)
    failing = describe_failing((workflow["name"] for workflow in workflows), newest, dead, polls)
    return [
        {
            **workflow,
            "last_run": newest.get(name),
            "dead_letters": dead.get(name, 0),
            "queued": queued.get(name, 0),
            "schedules": schedules.get(name, []),
        }
        for workflow in sorted(workflows, key=lambda each: each["name"] not in failing)
        for name in [workflow["name"]]
    ]
