"""acr keys revoke: let a key be good for nothing any more."""

import click

from acr.commands.options import as_json, with_client
from acr.output.render import print_json
from acr.output.terminal import say
from acr.targets.executor_client import ExecutorClient
from acr.targets.service_client import require_data


@click.command()
@click.argument("name")
@as_json
@with_client
def revoke(client: ExecutorClient, name: str, *, as_json: bool) -> None:
    """Revoke the key NAME: within 20 s it is good for nothing any more, everywhere.

    \b
    Examples:
      acr keys revoke dashboard
    """
    answer = client.revoke_key(name)
    require_data(answer)
    if as_json:
        print_json(answer)
    else:
        say(f"`{name}` is revoked: within 20 s it is good for nothing any more.", err=True)
