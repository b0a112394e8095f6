"""What the commands of stores have in common."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from acr.targets.executor_client import StoreName


def with_key(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add KEY, of an entry."""
    return click.argument("key", metavar="KEY", callback=_require_text)(command)


def _require_text(_context: click.Context, parameter: click.Parameter, value: str) -> str:
    if not value:
        raise click.BadParameter(f"{parameter.human_readable_name} must not be empty.")
    return value


def with_store(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add NAME and `--shared`, and pass the store that they name as `store`."""

    @click.argument("name", metavar="NAME", callback=_require_text)
    @click.option("--shared", is_flag=True, help="NAME is that of a shared store, not of a workflow.")
    @wraps(command)
    def wrapped(name: str, shared: bool, **arguments: Any) -> Any:
        return command(store=StoreName(name, shared), **arguments)

    return wrapped
