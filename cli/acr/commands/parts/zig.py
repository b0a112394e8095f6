"""acr parts zig: find Zig, for the `build` scripts of components."""

import click

from acr.commands.options import as_json
from acr.output.render import print_data
from acr.output.terminal import say
from acr.parts.zig import ZIG_VERSION, require_zig


@click.command()
@as_json
def zig(as_json: bool) -> None:
    """Print where Zig is, after installing it into acr's cache if it is missing.

    The `build` scripts of components in Zig and C ask for it where neither `zig` nor the Python package `ziglang` is
    installed.

    \b
    Examples:
      acr parts zig
      "$(acr parts zig)" cc -target wasm32-wasi -Os -o count.wasm main.c
    """
    program = str(require_zig())
    print_data({"path": program, "version": ZIG_VERSION}) if as_json else say(program)
