"""The Workers' secrets: which Worker gets which, and how they reach one that is deployed."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from acr.cloudflare.access import ApiAccess
from acr.platform_home import find_platform_home
from acr.wrangler import build_wrangler

EXECUTOR = "arcrun-cypher-executor"
API_KEY, ENCRYPTION_KEY, PREVIOUS_KEY = "ARCRUN_API_KEY", "ARCRUN_ENCRYPTION_KEY", "ARCRUN_PREVIOUS_ENCRYPTION_KEY"
MASTER_KEY = "MASTER_KEY"
_WANTED = {"executor": (API_KEY, ENCRYPTION_KEY, PREVIOUS_KEY), "registry": (API_KEY,), "auth": (MASTER_KEY,)}


def secrets_of(service: str, known: Mapping[str, str | None]) -> dict[str, str]:
    """Of the secrets that we have, those for a Worker."""
    return {name: secret for name in _WANTED.get(service, ()) if (secret := known.get(name))}


def push_encryption_keys(access: ApiAccess, current: str, previous: str) -> None:
    """Give the deployed executor both keys. Raises CliError."""
    with tempfile.TemporaryDirectory() as folder:
        wrangler = build_wrangler(find_platform_home(), access)
        wrangler.put_secrets(Path(folder), EXECUTOR, {ENCRYPTION_KEY: current, PREVIOUS_KEY: previous})
