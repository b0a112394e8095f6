"""acr doctor: diagnose a platform."""

import sys

import click
import httpx

from acr.cloudflare.api import CloudflareApi
from acr.commands.options import as_json, local_or_deployed
from acr.deployment.diagnosis import CheckedPlatform, examine
from acr.output.render import print_data, print_table
from acr.output.terminal import say
from acr.targets.executor_client import ExecutorClient
from acr.targets.registry_client import RegistryClient
from acr.targets.settings import find_registry, resolve_storage, resolve_target
from arcrun import __version__

TIMEOUT_S = 10


@click.command()
@as_json
@local_or_deployed
def doctor(as_json: bool, local: bool | None) -> None:
    """Check configuration, token, resources, Workers and credentials.

    Exits with 1 if a check fails, and says how to fix it.

    \b
    Examples:
      acr doctor
      acr doctor --deployed --json | jq '.data.checks[] | select(.ok | not)'
    """
    storage, target = resolve_storage(local=local), resolve_target(None, None, local=local)
    registry = find_registry(local=local)
    with CloudflareApi(storage.access) as api, httpx.Client(timeout=TIMEOUT_S, trust_env=not storage.is_local) as http:
        checks = list(
            examine(
                CheckedPlatform(
                    storage,
                    ExecutorClient(target),
                    RegistryClient(registry) if registry else None,
                    api,
                    http,
                    __version__,
                )
            )
        )
    is_well = all(check.ok for check in checks)
    if as_json:
        print_data({"ok": is_well, "checks": [check.to_json() for check in checks]})
    else:
        print_table(
            ("check", "ok", "detail"),
            [(it.name, "yes" if it.ok else "NO", it.detail) for it in checks],
            flexible=("detail",),
        )
        for check in checks:
            if check.hint:
                say(f"{check.name}: {check.hint}", err=True)
    sys.exit(0 if is_well else 1)
