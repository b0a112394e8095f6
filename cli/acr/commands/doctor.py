"""acr doctor: diagnose a platform."""

import sys
from collections.abc import Sequence

import click
import httpx

from acr.cloudflare.api import CloudflareApi
from acr.commands.options import as_json, local_or_deployed
from acr.deployment.diagnosis import Check, CheckedPlatform, examine
from acr.errors import CliError
from acr.local.machine import examine_machine
from acr.local.platform import USUAL_PORT
from acr.output.render import print_outcome, print_table
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
    """Check this machine, configuration, token, resources, Workers and credentials.

    Also tells why no platform is found. Exits with 1 if a check fails, and says how to fix it.

    \b
    Examples:
      acr doctor
      acr doctor --deployed --json | jq '.data.checks[] | select(.ok | not)'
    """
    checks = [*examine_machine(USUAL_PORT), *_examine_platform(local)]
    failed = [check for check in checks if not check.ok]
    if as_json:
        data = {"ok": not failed, "checks": [check.to_json() for check in checks]}
        print_outcome(data, _build_failure(failed) if failed else None)
    else:
        print_table(
            ("check", "ok", "detail"),
            [(it.name, "but" if it.warns else "yes" if it.ok else "NO", it.detail) for it in checks],
            flexible=("detail",),
        )
        for check in checks:
            if check.hint:
                say(f"{check.name}: {check.hint}", err=True)
    sys.exit(1 if failed else 0)


def _build_failure(failed: Sequence[Check]) -> CliError:
    names = ", ".join(check.name for check in failed)
    return CliError(f"Checks that failed: {names}.", "Follow each check's hint.", "CHECKS_FAILED")


def _examine_platform(local: bool | None) -> list[Check]:
    """The checks of the platform that commands talk to; without one, the check that says so."""
    try:
        target, storage = resolve_target(None, None, local=local), resolve_storage(local=local)
        registry = find_registry(local=local)
    except CliError as error:
        return [Check("platform", False, error.message, error.hint)]
    with CloudflareApi(storage.access) as api, httpx.Client(timeout=TIMEOUT_S, trust_env=not storage.is_local) as http:
        registry_client = RegistryClient(registry) if registry else None
        platform = CheckedPlatform(storage, ExecutorClient(target), registry_client, api, http, __version__)
        return list(examine(platform))
