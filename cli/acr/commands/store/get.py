"""acr store get: the value of an entry."""

import click

from acr.commands.options import as_json, with_client
from acr.commands.store.options import with_key, with_store
from acr.output.render import print_json
from acr.targets.executor_client import ExecutorClient, StoreName
from acr.targets.service_client import require_data


@click.command()
@with_store
@with_key
@as_json
@with_client
def get(client: ExecutorClient, store: StoreName, key: str, as_json: bool) -> None:
    """Print the value of an entry, as JSON.

    \b
    Examples:
      acr store get orders last_id
      acr store get totals 2026-11 --shared
    """
    answer = client.show_entry(store, key)
    entry = require_data(answer)
    print_json(answer if as_json else entry["value"])
