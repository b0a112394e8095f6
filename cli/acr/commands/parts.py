"""acr parts: write components and try them."""

import click

from acr.lazy_group import LazyGroup


@click.group(cls=LazyGroup, modules={"scaffold": "acr.commands.parts_scaffold", "test": "acr.commands.parts_test"})
def parts() -> None:
    """Write components and try them.

    \b
    Examples:
      acr parts scaffold shout --lang zig    a component that builds and passes its own tests
      acr parts test shout                   everything that its contract promises
    """
