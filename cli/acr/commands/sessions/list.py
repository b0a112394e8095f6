"""acr sessions list: the sessions of the console."""

import click

from acr.commands.options import as_json, with_client
from acr.output.access_keys import render_sessions
from acr.output.render import print_data
from acr.targets.executor_client import ExecutorClient


@click.command()
@as_json
@with_client
def list(client: ExecutorClient, *, as_json: bool) -> None:
    """List the browsers that are signed in: with which right, and until when.

    `key` is the id of the API key with which the browser has signed in, as `acr keys list` and `acr audit` show it.

    \b
    Examples:
      acr sessions list
    """
    sessions = client.list_sessions()
    print_data({"sessions": sessions}) if as_json else render_sessions(sessions)
