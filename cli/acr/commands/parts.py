"""acr parts: write components and try them."""

import click

from acr.lazy_group import LazyGroup

_COMMANDS = {
    "scaffold": "Make the folder ID with a component that builds and passes its own tests.",
    "test": "Try the component in DIR: contract.yaml and the module beside it.",
}


@click.group(cls=LazyGroup, module="acr.commands.parts_{}", summaries=_COMMANDS)
def parts() -> None:
    """Write components and try them.

    \b
    Examples:
      acr parts scaffold shout --lang zig    a component that builds and passes its own tests
      acr parts test shout                   everything that its contract promises
    """
