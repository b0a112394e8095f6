"""Options that several commands share."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from acr.errors import NoPlatformError
from acr.targets.executor_client import ExecutorClient
from acr.targets.registry_client import RegistryClient
from acr.targets.settings import resolve_registry, resolve_target

local_or_deployed = click.option(
    "--local/--deployed",
    "local",
    default=None,
    help="Use the running `acr dev`, or the deployed platform  [default: `acr dev` if it runs].",
)


def with_client(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--url`, `--api-key` and `--local` to a command, and pass it the executor's client as `client`."""

    @_executor_options
    @wraps(command)
    def wrapped(url: str | None, api_key: str | None, local: bool | None, **arguments: Any) -> Any:
        return command(client=ExecutorClient(resolve_target(url, api_key, local=local)), **arguments)

    return wrapped


def with_client_or_offline(command: Callable[..., Any]) -> Callable[..., Any]:
    """Like `with_client`, with `--offline` too. `client` is None with it, and if no platform runs or is configured."""

    @_executor_options
    @click.option("--offline", is_flag=True, help="Ask no platform  [default: if none runs or is configured].")
    @wraps(command)
    def wrapped(url: str | None, api_key: str | None, local: bool | None, offline: bool, **arguments: Any) -> Any:
        if offline and (url or api_key or local is not None):
            raise click.UsageError("--offline asks no platform: leave out --url, --api-key, --local and --deployed.")
        client = None if offline else _find_client(url, api_key, local)
        return command(client=client, **arguments)

    return wrapped


def _executor_options(command: Callable[..., Any]) -> Callable[..., Any]:
    options = (
        local_or_deployed,
        click.option("--url", metavar="URL", help="The executor's address [env: ARCRUN_URL]."),
        click.option("--api-key", metavar="KEY", help="Its API key [env: ARCRUN_API_KEY]."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _find_client(url: str | None, api_key: str | None, local: bool | None) -> ExecutorClient | None:
    try:
        return ExecutorClient(resolve_target(url, api_key, local=local))
    except NoPlatformError:
        return None


def with_registry(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--registry`, `--api-key` and `--local` to a command, and pass it the registry's client as `client`."""

    @local_or_deployed
    @click.option("--registry", metavar="URL", help="The registry's address [env: ARCRUN_REGISTRY_URL].")
    @click.option("--api-key", metavar="KEY", help="Its API key [env: ARCRUN_API_KEY].")
    @wraps(command)
    def wrapped(registry: str | None, api_key: str | None, local: bool | None, **arguments: Any) -> Any:
        return command(client=RegistryClient(resolve_registry(registry, api_key, local=local)), **arguments)

    return wrapped


as_json = click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON on stdout, errors too.")
component_folders = click.option(
    "--components",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    multiple=True,
    help="Also know the components in this folder, as `acr dev --components`.",
)
