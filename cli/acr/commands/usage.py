"""acr usage: what runs have taken of the platform."""

import click

from acr.commands.options import as_json, with_client
from acr.output.render import print_json
from acr.output.usage import render_usage
from acr.targets.executor_client import ExecutorClient


@click.command()
@as_json
@with_client
def usage(client: ExecutorClient, as_json: bool) -> None:
    """Show what the records of runs have taken today, against the plan.

    Days begin at midnight UTC. On the free plan Cloudflare refuses what is beyond: webhooks go on answering, and the
    records of their runs are lost. Figures marked with ~ are reckoned from what is stored, at the most.

    \b
    Examples:
      acr usage
      acr usage --json | jq '.data.usage[] | select(.most and .used > .most / 2)'
    """
    data = client.read_usage()
    print_json({"success": True, "data": data}) if as_json else render_usage(data)
