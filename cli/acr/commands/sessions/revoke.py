"""acr sessions revoke: sign a browser out."""

import click

from acr.commands.options import as_json, with_client
from acr.output.render import print_json
from acr.output.terminal import say
from acr.targets.executor_client import ExecutorClient
from acr.targets.service_client import require_data


@click.command()
@click.argument("session_id", metavar="[ID]", default="")
@click.option("--all", "is_all", is_flag=True, help="End every session.")
@as_json
@with_client
def revoke(client: ExecutorClient, session_id: str, *, is_all: bool, as_json: bool) -> None:
    """Sign out the session ID, or with --all every browser.

    Within 20 s it is good for nothing any more, everywhere.

    \b
    Examples:
      acr sessions revoke 3f9a1c0b7d2e
      acr sessions revoke --all
    """
    if bool(session_id) is is_all:
        raise click.UsageError("Name the ID of a session, or use --all.")
    answer = client.revoke_sessions(session_id)
    data = require_data(answer)
    if as_json:
        print_json(answer)
    elif is_all:
        say(f"Sessions that were ended: {data['revoked']}. Within 20 s none is good for anything any more.", err=True)
    else:
        say(f"`{session_id}` is ended: within 20 s it is good for nothing any more.", err=True)
