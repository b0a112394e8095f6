"""Options that several commands share."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from acr.commands.arguments import complete
from acr.config.chosen_target import choose_target, is_chosen_by_option
from acr.config.project_file import read_project_file
from acr.errors import NoPlatformError
from acr.targets.executor_client import ExecutorClient
from acr.targets.registry_client import RegistryClient
from acr.targets.settings import resolve_registry, resolve_target


def _choose(_ctx: click.Context, _param: click.Parameter, name: str | None) -> None:
    if name is not None:
        choose_target(name)


def _complete_targets(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return complete(incomplete, lambda: read_project_file(Path.cwd()).targets)


target_option = click.option(
    "--target",
    metavar="NAME",
    expose_value=False,
    is_eager=True,
    callback=_choose,
    shell_complete=_complete_targets,
    help="Use this deployed platform of `targets:` in arcrun.yaml [env: ARCRUN_TARGET].",
)
_local_option = click.option(
    "--local/--deployed",
    "local",
    default=None,
    help="Use this folder's `acr dev`, or the deployed platform  [default: `acr dev` if it runs].",
)


def local_or_deployed(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--local`, `--deployed` and `--target`."""
    return _local_option(target_option(command))


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
        if offline and (url or api_key or local is not None or is_chosen_by_option()):
            options = "--target, --url, --api-key, --local and --deployed"
            raise click.UsageError(f"--offline asks no platform: leave out {options}.")
        client = None if offline else _find_client(url, api_key, local)
        return command(client=client, **arguments)

    return wrapped


def _executor_options(command: Callable[..., Any]) -> Callable[..., Any]:
    command = click.option("--api-key", metavar="KEY", help="Its API key [env: ARCRUN_API_KEY].")(command)
    command = click.option("--url", metavar="URL", help="The executor's address [env: ARCRUN_URL].")(command)
    return local_or_deployed(command)


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
