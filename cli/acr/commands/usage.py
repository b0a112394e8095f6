"""acr usage: how much of the plan's quotas the run records have used."""

import click

from acr.commands.options import as_json, with_client
from acr.output.render import print_data
from acr.output.usage import render_usage
from acr.targets.executor_client import ExecutorClient


@click.command()
@as_json
@with_client
def usage(client: ExecutorClient, as_json: bool) -> None:
    """Show how much of the plan's daily quotas the run records have used.

    Days begin at midnight UTC. On the free plan Cloudflare refuses anything beyond a quota: webhooks still answer, but
    the records of their runs are lost. Figures marked with ~ are upper estimates from what is stored.

    \b
    Examples:
      acr usage
      acr usage --json | jq '.data.usage[] | select(.most and .used > .most / 2)'
    """
    data = client.read_usage()
    print_data(data) if as_json else render_usage(data)
