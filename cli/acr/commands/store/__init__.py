"""acr store: what workflows keep between their runs."""

import click

from acr.commands.lazy_group import LazyGroup

_COMMANDS = {
    "list": "List the stores, or the keys of the one of a workflow.",
    "get": "Print the value of an entry, as JSON.",
    "put": "Put a value into a store.",
    "delete": "Delete an entry of a store.",
    "purge": "Delete all entries of a store, or with --all those of all stores.",
}


@click.group(cls=LazyGroup, module="acr.commands.store.{}", summaries=_COMMANDS)
def store() -> None:
    """List, read and edit what workflows keep between their runs.

    Each workflow that uses the component `store` has a store of its own; those with a name are shared (--shared).

    \b
    Examples:
      acr store list                              all stores, and how large they are
      acr store list orders --prefix seen/        the keys of one
      acr store get orders last_id
      acr store put orders last_id '"4711"'
      acr store get totals 2026-11 --shared
    """
