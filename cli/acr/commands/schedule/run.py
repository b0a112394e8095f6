"""acr schedule run: start a run now."""

import click

from acr.commands.arguments import WorkflowName
from acr.commands.options import as_json, with_client
from acr.output.render import print_json
from acr.output.terminal import say
from acr.targets.executor_client import ExecutorClient
from acr.targets.service_client import require_data


@click.command()
@click.argument("name", metavar="NAME", type=WorkflowName())
@click.option("--number", type=click.IntRange(1), default=1, show_default=True, help="Which schedule, in its order.")
@as_json
@with_client
def run(client: ExecutorClient, name: str, number: int, as_json: bool) -> None:
    """Start a run of a workflow now, as a time of its schedule would.

    It gets that schedule's input, and `request.trigger`. The run's id is printed; the schedule itself stays as it is.
    A watch is polled; of a poll that succeeds no record is kept.

    \b
    Examples:
      acr schedule run digest
      acr logs "$(acr schedule run digest)" --follow
    """
    answer = client.run_schedule(name, number)
    require_data(answer)
    if as_json:
        print_json(answer)
    else:
        say(answer["run_id"])
