"""acr store delete: delete an entry of a store."""

import click

from acr.commands.options import as_json, with_client
from acr.commands.store.options import with_key, with_store
from acr.output.render import print_json
from acr.output.terminal import say
from acr.targets.executor_client import ExecutorClient, StoreName
from acr.targets.service_client import require_data


@click.command()
@with_store
@with_key
@as_json
@with_client
def delete(client: ExecutorClient, store: StoreName, key: str, as_json: bool) -> None:
    """Delete an entry of a store.

    What `add_once` has kept under this key is new again then.

    \b
    Examples:
      acr store delete orders seen/4711
    """
    answer = client.delete_entry(store, key)
    require_data(answer)
    if as_json:
        print_json(answer)
    else:
        say(f"Deleted {key} from {store}.", err=True)
