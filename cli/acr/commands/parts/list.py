"""acr parts list: the components that are built in, bundled, in the bucket and in the registry."""

import sys
from pathlib import Path

import click

from acr.commands.arguments import ComponentId
from acr.commands.options import as_json, local_or_deployed
from acr.config.platform_home import find_platform_home
from acr.output.render import print_data
from acr.output.terminal import say
from acr.parts.grouped_list import render_groups
from acr.parts.part import SORTS, matches, sort_parts
from acr.parts.part_sources import find_part, list_parts
from acr.parts.rendering import render_part, render_parts
from arcrun.contracts.parse import CATEGORIES


@click.command()
@click.argument("reference", metavar="[ID]", required=False, type=ComponentId())
@click.option(
    "--search",
    metavar="TEXT",
    default="",
    help="Only components with all these words in id, name, description or tags.",
)
@click.option("--category", type=click.Choice(CATEGORIES), help="Only components of this category.")
@click.option("--sort", "order", type=click.Choice(tuple(SORTS)), default="name", show_default=True, help="Sort order.")
@as_json
@local_or_deployed
def list(
    *,
    reference: str | None = None,
    search: str = "",
    category: str | None = None,
    order: str = "name",
    as_json: bool = False,
    local: bool | None = None,
) -> None:
    """List the components, or show the input and output of ID.

    Lists built-in components, those of `acr dev --components`, the bucket's and the registry's, each at the source that
    workflows resolve it to. Without a platform, only built-in ones.

    A terminal shows them by what they are for, a line each. Into a pipe or a file, and in another order than by name,
    it is a table, with the registry's statistics over all versions: runs, success, duration.

    \b
    Examples:
      acr parts list --search mail
      acr parts list telegram
      acr parts list --sort runs --json | jq -r '.data.components[] | select(.source == "bucket").id'
    """
    home = find_platform_home()
    if reference is not None:
        _show(reference, home, local, as_json)
        return
    found, is_without_platform = list_parts(home, local)
    parts = sort_parts([part for part in found if matches(part, search, category)], order)
    if as_json:
        print_data({"components": [part.to_json() for part in parts]})
    elif not parts:
        say("No component is found. What there is none for, the component `code` may do: acr parts list code", err=True)
    elif sys.stdout.isatty() and order == "name":
        render_groups(parts)
    else:
        render_parts(parts)
    if is_without_platform:
        say("Built-in components only: there is no platform yet. Start one here: acr dev", err=True)


def _show(reference: str, home: Path, local: bool | None, as_json: bool) -> None:
    part, entry = find_part(reference, home, local)
    shown = {**part.to_json(), **entry.to_full_json()}
    print_data({"component": shown}) if as_json else render_part(part, shown)
