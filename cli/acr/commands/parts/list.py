"""acr parts list: the components, built-in, in the bucket and in the registry."""

from pathlib import Path

import click

from acr.commands.options import as_json, local_or_deployed
from acr.config.platform_home import find_platform_home
from acr.output.render import print_json
from acr.parts.part import SORTS, matches, sort_parts
from acr.parts.part_sources import find_part, list_parts
from acr.parts.rendering import render_part, render_parts
from arcrun.contracts.parse import CATEGORIES


@click.command()
@click.argument("reference", metavar="[ID]", required=False)
@click.option(
    "--search", metavar="TEXT", default="", help="Those with all these words in id, name, description or tags."
)
@click.option("--category", type=click.Choice(CATEGORIES), help="Those of one category.")
@click.option(
    "--sort", "order", type=click.Choice(tuple(SORTS)), default="name", show_default=True, help="Their order."
)
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
    """List the components, or show what ID takes and gives.

    The built-in ones, those of the bucket and those of the registry, each where a workflow finds it, with what the
    registry has counted of all their versions: runs, success, duration. Without a platform, the built-in ones only.

    \b
    Examples:
      acr parts list --search mail
      acr parts list telegram
      acr parts list --sort runs --json | jq -r '.components[] | select(.source == "bucket").id'
    """
    home = find_platform_home()
    if reference is not None:
        _show(reference, home, local, as_json)
        return
    parts = [part for part in list_parts(home, local) if matches(part, search, category)]
    ordered = sort_parts(parts, order)
    print_json({"components": [part.to_json() for part in ordered]}) if as_json else render_parts(ordered)


def _show(reference: str, home: Path, local: bool | None, as_json: bool) -> None:
    part, entry = find_part(reference, home, local)
    shown = {**part.to_json(), **entry.to_full_json()}
    print_json({"component": shown}) if as_json else render_part(part, shown)
