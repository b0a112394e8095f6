"""acr parts zig: run Zig, for the `build` scripts of components."""

import os

import click

from acr.parts.zig import require_zig


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("arguments", metavar="ARGUMENTS...", nargs=-1, required=True, type=click.UNPROCESSED)
def zig(arguments: tuple[str, ...]) -> None:
    """Run Zig, after installing it into acr's cache if it is missing.

    The `build` scripts of components in Zig and C use it where neither `zig` nor the Python package `ziglang` is
    installed.

    \b
    Examples:
      acr parts zig version
      acr parts zig cc -target wasm32-wasi -Os -o count.wasm main.c
    """
    program = require_zig()
    os.execv(program, [str(program), *arguments])  # noqa: S606
