"""acr parts scaffold: create a new component's folder."""

from pathlib import Path

import click

from acr.commands.options import as_json
from acr.config.platform_home import find_platform_home
from acr.output.render import print_data
from acr.output.terminal import say
from acr.parts.scaffold import LANGUAGES, scaffold_component


@click.command()
@click.argument("component_id", metavar="ID")
@click.option("--lang", type=click.Choice(list(LANGUAGES)), default="zig", show_default=True, help="Source language.")
@click.option(
    "--dir",
    "parent",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    help="Where to create the folder ID.  [default: the current folder]",
)
@as_json
def scaffold(component_id: str, lang: str, parent: Path, as_json: bool) -> None:
    """Create the folder ID with a component that builds and passes its own tests.

    It contains contract.yaml, the source, a README and, where there is something to build, a `build` script. js needs
    no tools; ts is bundled by esbuild, which comes with acr. tinygo also builds with Go.

    \b
    Examples:
      acr parts scaffold shout --lang js
      acr parts scaffold word_count --lang c --dir components
    """
    folder = scaffold_component(component_id, lang, parent, find_platform_home())
    print_data({"folder": str(folder)}) if as_json else say(folder)
    build = f"{folder}/build && " if (folder / "build").is_file() else ""
    say(f"Next: {build}acr parts test {folder}", err=True)
