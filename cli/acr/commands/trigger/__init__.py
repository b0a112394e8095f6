"""acr trigger: starts workflows on this machine as something outside would."""

import click

from acr.commands.lazy_group import LazyGroup

_COMMANDS = {
    "email": "Deliver the message in FILE to a workflow of this folder's `acr dev`.",
}


@click.group(cls=LazyGroup, module="acr.commands.trigger.{}", summaries=_COMMANDS)
def trigger() -> None:
    """Start a workflow on this machine as something outside would.

    \b
    Examples:
      acr trigger email invoice.eml --workflow invoices
    """
