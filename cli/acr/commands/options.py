"""Options that several commands share."""

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from acr.errors import AnswerError
from acr.output.render import print_json, render_error
from acr.targets.executor_client import ExecutorClient
from acr.targets.registry_client import RegistryClient
from acr.targets.service_client import ServiceClient
from acr.targets.settings import resolve_registry, resolve_target

local_or_deployed = click.option(
    "--local/--deployed",
    "local",
    default=None,
    help="Use the running `acr dev`, or the deployed platform  [default: `acr dev` if it runs].",
)


def with_client(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--url`, `--api-key` and `--local` to a command, and pass it the executor's client as `client`.

    A refusal is printed, as JSON if the command's `as_json` is set, and exits with 1.
    """

    @local_or_deployed
    @click.option("--url", metavar="URL", help="The executor's address [env: ARCRUN_URL].")
    @click.option("--api-key", metavar="KEY", help="Its API key [env: ARCRUN_API_KEY].")
    @wraps(command)
    def wrapped(url: str | None, api_key: str | None, local: bool | None, **arguments: Any) -> Any:
        return _showing_refusals(command, arguments, ExecutorClient(resolve_target(url, api_key, local=local)))

    return wrapped


def with_registry(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--registry`, `--api-key` and `--local` to a command, and pass it the registry's client as `client`."""

    @local_or_deployed
    @click.option("--registry", metavar="URL", help="The registry's address [env: ARCRUN_REGISTRY_URL].")
    @click.option("--api-key", metavar="KEY", help="Its API key [env: ARCRUN_API_KEY].")
    @wraps(command)
    def wrapped(registry: str | None, api_key: str | None, local: bool | None, **arguments: Any) -> Any:
        target = resolve_registry(registry, api_key, local=local)
        return _showing_refusals(command, arguments, RegistryClient(target))

    return wrapped


def _showing_refusals(command: Callable[..., Any], arguments: dict[str, Any], client: ServiceClient) -> Any:
    try:
        return command(client=client, **arguments)
    except AnswerError as refused:
        if arguments.get("as_json"):
            print_json(refused.answer)
        else:
            render_error(refused.answer["error"])
        sys.exit(refused.exit_code)


as_json = click.option("--json", "as_json", is_flag=True, help="Print the whole answer as JSON on stdout.")
