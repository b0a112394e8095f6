"""acr schedule run: start a run now."""

import click

from acr.commands.arguments import WorkflowName
from acr.commands.options import as_json, with_client
from acr.output.render import print_json
from acr.output.schedules import describe_polls
from acr.output.terminal import say
from acr.targets.executor_client import ExecutorClient
from acr.targets.poll_watch import wait_for_poll
from acr.targets.service_client import require_data


@click.command()
@click.argument("name", metavar="NAME", type=WorkflowName())
@click.option("--number", type=click.IntRange(1), default=1, show_default=True, help="Which schedule, in its order.")
@as_json
@with_client
def run(client: ExecutorClient, name: str, number: int, as_json: bool) -> None:
    """Start a run of a workflow now, as a time of its schedule would.

    It gets that schedule's input, and `request.trigger`. The run's id is printed; the schedule itself stays as it is.
    The number of a schedule is that of `acr schedule list`. A watch is polled: what the poll has found is printed, such
    as "3 listed, 1 new", for no record is kept of one that succeeds.

    \b
    Examples:
      acr schedule run digest
      acr logs "$(acr schedule run digest)" --follow
    """
    answer = client.run_schedule(name, number)
    data = require_data(answer)
    if data.get("poll"):
        found = wait_for_poll(client, name, answer["run_id"])
        if as_json:
            print_json({**answer, "data": {**data, "watch": found}})
        else:
            say(f"polled: {', '.join(describe_polls(found))}")
    elif as_json:
        print_json(answer)
    else:
        say(answer["run_id"])
