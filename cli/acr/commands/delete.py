"""acr delete: delete a workflow."""

import sys

import click

from acr.commands.arguments import WorkflowName
from acr.commands.options import as_json, with_client
from acr.errors import DeclinedError
from acr.output.render import print_json
from acr.output.terminal import confirm, say
from acr.targets.executor_client import ExecutorClient
from acr.targets.service_client import require_data


@click.command()
@click.argument("name", metavar="NAME", type=WorkflowName())
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--no-input", is_flag=True, help="Ask nothing; fail without --yes.")
@click.option("--purge-store", is_flag=True, help="Delete what it keeps between its runs (`acr store`) too.")
@as_json
@with_client
def delete(client: ExecutorClient, name: str, *, yes: bool, no_input: bool, purge_store: bool, as_json: bool) -> None:
    """Delete a workflow with all its versions and its webhook.

    The records of its runs stay until they expire, and what it keeps in its store stays without --purge-store.
    Workflows that call it are listed first.

    \b
    Examples:
      acr delete greet
      acr delete greet --yes
    """
    if not yes and (no_input or not sys.stdin.isatty()):
        raise click.UsageError(f"This cannot be undone. To delete the workflow: acr delete {name} --yes")
    found = require_data(client.show_workflow(name))
    if callers := found["called_by"]:
        say(f"{name} is called by {', '.join(callers)}, whose runs will fail without it.", err=True)
    if not yes and not confirm(f"Delete {name} with all its versions?"):
        raise DeclinedError("Nothing was deleted.")
    answer = client.delete_workflow(found["token"], purges_store=purge_store)
    require_data(answer)
    if as_json:
        print_json(answer)
    else:
        say(f"Deleted {name}.", err=True)
