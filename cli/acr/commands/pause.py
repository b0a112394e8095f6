"""acr pause: let a workflow's webhook take no requests for a while."""

import click

from acr.commands.arguments import WorkflowName
from acr.commands.options import as_json, with_client
from acr.output.render import print_json
from acr.output.terminal import say
from acr.targets.executor_client import ExecutorClient
from acr.targets.service_client import require_data


@click.command()
@click.argument("name", metavar="[NAME]", required=False, type=WorkflowName())
@click.option("--all", "pauses_all", is_flag=True, help="Pause all workflows, also those to come.")
@click.option("--queue", is_flag=True, help="Accept requests, and run them after `acr resume`.")
@as_json
@with_client
def pause(client: ExecutorClient, name: str | None, pauses_all: bool, queue: bool, as_json: bool) -> None:
    """Let a workflow's webhook refuse or queue requests until `acr resume`.

    Refused requests get 503 WORKFLOW_PAUSED with Retry-After, queued ones 202. Runs under way go on, and `acr run NAME`
    still runs the workflow. It takes effect everywhere within 30 s.

    \b
    Examples:
      acr pause orders
      acr pause orders --queue
      acr pause --all
    """
    if pauses_all == (name is not None):
        raise click.UsageError("Name a workflow, or all of them with --all.")
    answer = client.pause(name, "queue" if queue else "refuse")
    require_data(answer)
    if as_json:
        print_json(answer)
        return
    subject, effect = name or "All workflows", "queued" if queue else "refused"
    say(f"{subject} {'are' if pauses_all else 'is'} paused: requests are {effect}.", err=True)
