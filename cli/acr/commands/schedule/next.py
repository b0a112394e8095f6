"""acr schedule next: the next times of a workflow."""

import click

from acr.commands.arguments import WorkflowName
from acr.commands.options import as_json, with_client
from acr.output.render import print_data
from acr.output.schedules import render_times
from acr.targets.executor_client import ExecutorClient
from arcrun.limits import MAX_SHOWN_TIMES


@click.command()
@click.argument("name", metavar="NAME", type=WorkflowName())
@click.option(
    "--count", type=click.IntRange(1, MAX_SHOWN_TIMES), default=5, show_default=True, help="How many of each schedule."
)
@as_json
@with_client
def next(client: ExecutorClient, name: str, count: int, as_json: bool) -> None:
    """Show the next times of a workflow's schedules, in their zones and in UTC.

    Runs begin up to a second later, or as much as `jitter` says.

    \b
    Examples:
      acr schedule next digest
      acr schedule next digest --count 20
    """
    schedules = client.show_schedules(name, count)
    if as_json:
        print_data({"schedules": schedules})
    else:
        render_times(schedules, name)
