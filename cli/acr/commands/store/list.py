"""acr store list: the stores, and their keys."""

import click

from acr.commands.options import as_json, with_client
from acr.output.render import print_data
from acr.output.stores import render_entries, render_stores
from acr.targets.executor_client import ExecutorClient, StoreName


@click.command()
@click.argument("name", metavar="[NAME]", required=False)
@click.option("--shared", is_flag=True, help="NAME is that of a shared store, not of a workflow.")
@click.option("--prefix", metavar="TEXT", default="", help="With NAME: only keys that begin so.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="With NAME: the most keys.")
@as_json
@with_client
def list(client: ExecutorClient, name: str | None, *, shared: bool, prefix: str, limit: int, as_json: bool) -> None:
    """List the stores, or the keys of the one of a workflow.

    Keys come in no order that means anything.

    \b
    Examples:
      acr store list
      acr store list orders
      acr store list totals --shared --json | jq -r '.data.entries[].key'
    """
    if name is None:
        if shared or prefix:
            raise click.UsageError("--shared and --prefix need the NAME of a store.")
        stores = client.list_stores()
        print_data({"stores": stores}) if as_json else render_stores(stores)
        return
    entries = client.list_entries(StoreName(name, shared), prefix, limit)
    print_data({"entries": entries}) if as_json else render_entries(entries)
