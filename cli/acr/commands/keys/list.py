"""acr keys list: the keys, without their texts."""

import click

from acr.commands.options import as_json, with_client
from acr.output.access_keys import render_keys
from acr.output.render import print_data
from acr.targets.executor_client import ExecutorClient


@click.command()
@as_json
@with_client
def list(client: ExecutorClient, *, as_json: bool) -> None:
    """List the keys: what each may do, and when it was last used (to some ten minutes).

    \b
    Examples:
      acr keys list
      acr keys list --json | jq -r '.data.keys[] | select(.last_used_at == null).name'
    """
    keys = client.list_keys()
    print_data({"keys": keys}) if as_json else render_keys(keys)
