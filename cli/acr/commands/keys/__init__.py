"""acr keys: API keys that may do less than the account's own."""

import click

from acr.commands.lazy_group import LazyGroup

_COMMANDS = {
    "create": "Make a key called NAME, and print it: it is never shown again.",
    "list": "List the keys: what each may do, and when it was last used (to some ten minutes).",
    "revoke": "Revoke the key NAME: within 20 s it is good for nothing any more, everywhere.",
}


@click.group(cls=LazyGroup, module="acr.commands.keys.{}", summaries=_COMMANDS)
def keys() -> None:
    """Make, list and revoke API keys that may do less than the account's own.

    \b
    read    sees workflows, runs, schedules and stores; no webhook's token, no link of an approval
    run     also runs what is stored, answers approvals, cancels and repeats runs
    push    also changes workflows, and so can use every credential
    admin   may do all that the account's own key may

    \b
    Examples:
      acr keys create dashboard --can read
      acr keys create shop --can run --workflow orders --expires 90d
      acr keys list
      acr keys revoke dashboard
    """
