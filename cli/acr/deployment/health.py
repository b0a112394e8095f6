"""Health checks of deployed Workers."""

import time
from collections.abc import Callable

import httpx

from acr.errors import CliError

DEADLINE_S = 120.0
PAUSE_S = 1.0


def read_health(http: httpx.Client, url: str) -> str | None:
    """The Worker's version from `GET /health`; None if there is no valid answer."""
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
    """Wait until the Worker answers; a new workers.dev address may take a minute. Raises CliError after DEADLINE_S."""
    deadline = now() + DEADLINE_S
    while read_health(http, url) is None:
        if now() > deadline:
            message = f"{url}/health does not answer."
            raise CliError(message, "Check the Worker's log (wrangler tail), then run acr deploy again.")
        sleep(PAUSE_S)
