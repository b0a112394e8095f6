"""`acr deploy --rollback`: serves the previous versions again, with the current secrets.

Each version's variables say which `acr deploy` uploaded it and which version it replaced (acr.deployment.manifest).
A rollback undoes the latest of these deploys. So a second rollback goes further back, a change of secrets alone is not
a version to go back to, and Cloudflare's lists of versions, which are truncated, are not needed.
All Workers are checked before the first one changes.
Limits: developers.cloudflare.com/workers/versions-and-deployments/rollbacks
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from acr.cloudflare.api import CloudflareApi, CloudflareError
from acr.cloudflare.workers import (
    SECRETS_CHANGED,
    WorkerVersion,
    copy_version,
    deploy_version,
    fetch_version,
    find_worker,
)
from acr.config.worker_variables import ALLOW_LOCAL_NETWORK, LOCAL_NETWORK_WARNING
from acr.deployment.deploy import ORDER
from acr.deployment.manifest import MARK, REPLACED, RUN
from acr.errors import CliError

MESSAGE = "acr deploy --rollback"


@dataclass(frozen=True)
class Rollback:
    """One Worker's rollback, from the running version to the one before."""

    service: str
    name: str
    running: WorkerVersion
    before: WorkerVersion

    def to_json(self) -> dict[str, Any]:
        return {"service": self.service, "name": self.name, "from": self.running.number, "to": self.before.number}


def roll_back(
    api: CloudflareApi, names: Mapping[str, str], services: Iterable[str], report: Callable[[str], None]
) -> list[Rollback]:
    """Roll back `services` or, if it is empty, what the last `acr deploy` changed. `names` are Workers' names by
    service.

    Raises CliError if a Worker cannot be rolled back, before any has changed, and if Cloudflare refuses.
    """
    running = {service: version for service, name in names.items() if (version := find_worker(api, name))}
    chosen = set(services) or _find_last(running)
    planned: list[Rollback] = []
    problems: list[CliError] = []
    for service in [service for service in reversed(ORDER) if service in chosen]:  # bound Workers first
        try:
            planned.append(_plan(api, service, names[service], running.get(service)))
        except CliError as problem:
            problems.append(problem)
    if problems:
        raise _build_refusal(problems, planned)
    for i, step in enumerate(planned):
        if step.before.variables.get(ALLOW_LOCAL_NETWORK) == "true":
            report(LOCAL_NETWORK_WARNING)
        try:
            kept = _carry_out(api, step)
        except CliError as error:
            left = " ".join(f"--worker {later.service}" for later in planned[i:])
            raise CliError(error.message, f"Continue with the rest: acr deploy --rollback {left}") from None
        report(f"rolled back {step.name}: version {step.running.number} to version {step.before.number}{kept}")
    for service in () if services else [service for service in ORDER if service in running.keys() - chosen]:
        report(f"unchanged {names[service]}: the last `acr deploy` did not change it")
    return planned


def _find_last(running: Mapping[str, WorkerVersion]) -> set[str]:
    """The services whose running code is from the latest `acr deploy`. Raises CliError if there is none."""
    if not running:
        raise CliError("No Worker of arcrun is deployed.", "acr deploy")
    runs = {service: version.variables.get(RUN, "") for service, version in running.items()}
    last = max(runs.values())
    if not last:
        services = " ".join(f"--worker {service}" for service in running)
        message = "The deployed Workers do not say which `acr deploy` uploaded them."
        raise CliError(message, f"Name the Workers to roll back: acr deploy --rollback {services}")
    return {service for service, run in runs.items() if run == last}


def _plan(api: CloudflareApi, service: str, name: str, running: WorkerVersion | None) -> Rollback:
    """One Worker's rollback. Raises CliError if there is nothing to go back to."""
    if running is None:
        raise CliError(f"{name} is not deployed.", f"acr deploy --worker {service}")
    _require_mark(name, running)
    replaced = running.variables.get(REPLACED)
    if replaced is None:
        raise _build_dead_end(name, running)
    before = fetch_version(api, name, replaced)
    _require_mark(name, before)
    if before.migration_tag != running.migration_tag:
        tags = f"{before.migration_tag or 'none'} to {running.migration_tag or 'none'}"
        message = f"Versions {before.number} and {running.number} of {name} are separated by a Durable Object migration"
        hint = "Fix the code and deploy it: acr deploy"
        raise CliError(f"{message} ({tags}), which Cloudflare cannot roll back.", hint)
    return Rollback(service, name, running, before)


def _build_dead_end(name: str, running: WorkerVersion) -> CliError:
    if RUN in running.variables:
        message = f"The running version {running.number} of {name} is the first code that was deployed."
        return CliError(message, "Fix the code and deploy it: acr deploy")
    message = (
        f"Version {running.number} of {name} was deployed by an older arcrun, which did not record what it replaced."
    )
    return CliError(message, f"Choose a version yourself: wrangler rollback --name {name}")


def _carry_out(api: CloudflareApi, step: Rollback) -> str:
    """Roll back one Worker. Returns a note on its secrets to append to the report, or ""."""
    try:
        deploy_version(api, step.name, step.before.id, MESSAGE)
    except CloudflareError as error:
        if SECRETS_CHANGED not in error.codes:
            raise
        # A version has the secrets of its time: copy the previous code into a new version with the current secrets.
        copy = copy_version(api, step.name, step.before.id, step.running)
        deploy_version(api, step.name, copy, MESSAGE)
        return ", with the current secrets"
    return ""


def _require_mark(name: str, version: WorkerVersion) -> None:
    if MARK not in version.variables:
        message = f"Version {version.number} of {name} was not deployed by arcrun."
        raise CliError(message, f"Roll it back yourself: wrangler rollback --name {name}")


def _build_refusal(problems: list[CliError], planned: list[Rollback]) -> CliError:
    if not planned:
        hint = problems[0].hint
    else:
        others = " ".join(f"--worker {step.service}" for step in planned)
        hint = f"Nothing has changed. To roll back only the others: acr deploy --rollback {others}"
    return CliError(" ".join(problem.message for problem in problems), hint)
