"""acr store purge: empty a store."""

import sys

import click

from acr.commands.options import as_json, with_client
from acr.errors import DeclinedError
from acr.output.render import print_json
from acr.output.terminal import confirm, say
from acr.targets.executor_client import ExecutorClient, StoreName
from acr.targets.service_client import Answer, require_data


@click.command()
@click.argument("name", metavar="[NAME]", required=False)
@click.option("--shared", is_flag=True, help="NAME is that of a shared store, not of a workflow.")
@click.option("--all", "is_all", is_flag=True, help="All stores, also where no key opens them any more.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--no-input", is_flag=True, help="Ask nothing; fail without --yes.")
@as_json
@with_client
def purge(
    client: ExecutorClient, name: str | None, *, shared: bool, is_all: bool, yes: bool, no_input: bool, as_json: bool
) -> None:
    """Delete all entries of a store, or with --all those of all stores.

    \b
    Examples:
      acr store purge orders
      acr store purge totals --shared --yes
      acr store purge --all
    """
    if (name is None) != is_all or (is_all and shared):
        raise click.UsageError("Name one store, or use --all.")
    what = "all stores" if name is None else str(StoreName(name, shared))
    if not yes and (no_input or not sys.stdin.isatty()):
        raise click.UsageError(f"This cannot be undone. To empty {what}, add --yes.")
    if not yes and not confirm(f"Delete everything in {what}?"):
        raise DeclinedError("Nothing was deleted.")
    answer = _purge(client, name, shared)
    require_data(answer)
    if as_json:
        print_json(answer)
    else:
        say(f"Emptied {what}.", err=True)


def _purge(client: ExecutorClient, name: str | None, shared: bool) -> Answer:
    return client.purge_all_stores() if name is None else client.purge_store(StoreName(name, shared))
