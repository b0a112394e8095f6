"""acr resume: end the pause of a workflow."""

import click

from acr.commands.arguments import WorkflowName
from acr.commands.options import as_json, with_client
from acr.output.render import print_json
from acr.output.terminal import say
from acr.targets.executor_client import ExecutorClient
from acr.targets.service_client import require_data


@click.command()
@click.argument("name", metavar="[NAME]", required=False, type=WorkflowName())
@click.option("--all", "resumes_all", is_flag=True, help="End what `acr pause --all` began.")
@as_json
@with_client
def resume(client: ExecutorClient, name: str | None, resumes_all: bool, as_json: bool) -> None:
    """End the pause of a workflow's webhook, and begin what was queued.

    With --all those that were paused by themselves stay paused. Queued runs begin by and by, up to 80 each second.

    \b
    Examples:
      acr resume orders
      acr resume --all
    """
    if resumes_all == (name is not None):
        raise click.UsageError("Name a workflow, or all of them with --all.")
    answer = client.resume(name)
    data = require_data(answer)
    if as_json:
        print_json(answer)
        return
    count = data["released"]
    begun = f" {count} queued run{'s' * (count != 1)} will begin." if count else ""
    if name is None:
        paused = data["still_paused"]
        still = f" Paused by themselves: {', '.join(paused)}." if paused else ""
        say(f"All workflows are resumed.{begun}{still}", err=True)
    elif data["paused"]:
        say(f"{name} is paused no more by itself, but all workflows are: acr resume --all", err=True)
    else:
        say(f"{name} is resumed.{begun}", err=True)
