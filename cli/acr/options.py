"""Options that several commands share."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from acr.client import ExecutorClient
from acr.settings import resolve_target

local_or_deployed = click.option(
    "--local/--deployed",
    "local",
    default=None,
    help="Use the running `acr dev`, or the deployed platform  [default: `acr dev` if it runs].",
)


def with_client(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--url`, `--api-key` and `--local`, and the client that they lead to."""

    @local_or_deployed
    @click.option("--url", metavar="URL", help="The executor's address [env: ARCRUN_URL].")
    @click.option("--api-key", metavar="KEY", help="Its API key [env: ARCRUN_API_KEY].")
    @wraps(command)
    def wrapped(url: str | None, api_key: str | None, local: bool | None, **arguments: Any) -> Any:
        return command(client=ExecutorClient(resolve_target(url, api_key, local=local)), **arguments)

    return wrapped


as_json = click.option("--json", "as_json", is_flag=True, help="Print the whole answer as JSON on stdout.")
