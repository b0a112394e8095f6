"""acr parts bundle: make main.js of a component in TypeScript, or of one with npm packages."""

from pathlib import Path

import click

from acr.commands.arguments import ComponentFolderPath
from acr.commands.options import as_json
from acr.config.platform_home import find_platform_home
from acr.errors import CliError
from acr.node.esbuild import bundle as bundle_module
from acr.output.render import print_data
from acr.output.terminal import say
from arcrun.wasm.javascript import JAVASCRIPT_FILE

ENTRIES = ("src/main.ts", "src/main.js")


@click.command()
@click.argument("folder", metavar="DIR", type=ComponentFolderPath())
@as_json
def bundle(folder: Path, as_json: bool) -> None:
    """Bundle src/main.ts or src/main.js of the component in DIR, and all that it imports, into its main.js.

    esbuild removes types without checking them. It comes with the packages that `acr dev` installs.

    \b
    Examples:
      acr parts bundle shout
      acr parts bundle shout && acr parts test shout
    """
    entry = next((folder / name for name in ENTRIES if (folder / name).is_file()), None)
    if entry is None:
        raise CliError(
            f"There is no {' and no '.join(ENTRIES)} in {folder}.", "Create one: acr parts scaffold ID --lang ts"
        )
    target = folder / JAVASCRIPT_FILE
    bundle_module(entry, target, find_platform_home())
    print_data({"path": str(target), "bytes": target.stat().st_size}) if as_json else say(target)
