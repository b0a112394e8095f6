"""acr rotate: a new webhook URL."""

import click

from acr.commands.arguments import WorkflowName
from acr.commands.options import as_json, with_client
from acr.output.render import print_json
from acr.output.terminal import say
from acr.targets.executor_client import ExecutorClient
from acr.targets.service_client import require_data


@click.command()
@click.argument("name", metavar="NAME", type=WorkflowName())
@as_json
@with_client
def rotate(client: ExecutorClient, name: str, as_json: bool) -> None:
    """Give a workflow a new webhook URL; the old one stops working.

    Use it when the old URL has leaked: anyone with the URL can run the workflow.

    \b
    Examples:
      acr rotate greet
      acr rotate greet --json | jq -r .data.webhook_url
    """
    answer = client.rotate_token(client.find_token(name))
    data = require_data(answer)
    if as_json:
        print_json(answer)
    else:
        say(f"The old webhook of {data['name']} stops within a minute. The new one (the URL is a secret):", err=True)
        if address := data.get("email_address"):
            say(f"Its new mail address (whoever knows it can send): {address}", err=True)
        say(data["webhook_url"])
