"""Whether a deployed Worker answers."""

import time
from collections.abc import Callable

import httpx

from acr.errors import CliError

DEADLINE_S = 120.0
PAUSE_S = 1.0


def read_health(http: httpx.Client, url: str) -> str | None:
    """What `GET /health` says is the Worker's version, None if it does not answer as it should."""
    try:
        response = http.get(f"{url}/health")
        body = response.json() if response.is_success else None
    except (httpx.HTTPError, ValueError, RecursionError):
        return None
    if not isinstance(body, dict) or body.get("ok") is not True:
        return None
    return str(body.get("version", ""))


def wait_for_health(
    http: httpx.Client,
    url: str,
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.monotonic,
) -> None:
    """Raises CliError if it does not answer within DEADLINE_S; a new workers.dev address may take a minute."""
    deadline = now() + DEADLINE_S
    while read_health(http, url) is None:
        if now() > deadline:
            message = f"{url}/health does not answer."
            raise CliError(message, "Look at the Worker's log (wrangler tail), then run acr deploy again.")
        sleep(PAUSE_S)
