"""acr store put: put a value into a store."""

import click

from acr.commands.json_option import read_json_option
from acr.commands.options import as_json, with_client
from acr.commands.store.options import with_key, with_store
from acr.output.render import print_json
from acr.output.terminal import say
from acr.targets.executor_client import ExecutorClient, StoreName
from acr.targets.service_client import require_data


@click.command()
@with_store
@with_key
@click.argument("value", metavar="JSON|@FILE|-")
@click.option("--ttl", metavar="DURATION", help="How long it stays, such as 30d  [default: for ever].")
@as_json
@with_client
def put(client: ExecutorClient, store: StoreName, key: str, *, value: str, ttl: str | None, as_json: bool) -> None:
    """Put a value into a store.

    It is given as JSON, and takes the place of what is under its key.

    \b
    Examples:
      acr store put orders last_id 4711
      acr store put orders last_id '"a text"' --ttl 30d
      acr store put prices current @prices.json --shared
    """
    answer = client.put_entry(store, key, read_json_option(value, "VALUE"), ttl)
    done = require_data(answer)
    if as_json:
        print_json(answer)
    else:
        say(f"{'Replaced' if done['was_there'] else 'Added'} {key} in {store}.", err=True)
    if not done.get("has_workflow", True):
        say(f"There is no workflow {store.name}: one that is pushed by that name has this store.", err=True)
