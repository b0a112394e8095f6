"""acr sessions: the browsers that are signed in to the console."""

import click

from acr.commands.lazy_group import LazyGroup

_COMMANDS = {
    "list": "List the browsers that are signed in: with which right, and until when.",
    "revoke": "Sign out the session ID, or with --all every browser.",
}


@click.group(cls=LazyGroup, module="acr.commands.sessions.{}", summaries=_COMMANDS)
def sessions() -> None:
    """List and end the sessions of the console: browsers that are signed in.

    \b
    Examples:
      acr sessions list
      acr sessions revoke 3f9a1c0b7d2e
      acr sessions revoke --all
    """
