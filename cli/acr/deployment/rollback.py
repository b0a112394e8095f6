"""`acr deploy --rollback`: the version before, of each Worker, gets the requests again. Its secrets are those of now.

A rollback after a rollback goes further back. Changes of secrets alone are no versions to go back to. All Workers are
looked at before the first one changes.
Limits: developers.cloudflare.com/workers/versions-and-deployments/rollbacks
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from acr.cloudflare.api import CloudflareApi, CloudflareError
from acr.cloudflare.workers import (
    SECRETS_CHANGED,
    WorkerDeployment,
    WorkerVersion,
    copy_version,
    deploy_version,
    fetch_version,
    list_deployments,
)
from acr.deployment.deploy import ORDER
from acr.deployment.manifest import MARK
from acr.errors import CliError

MESSAGE = "acr deploy --rollback"


@dataclass(frozen=True)
class Rollback:
    """Of one Worker: from the version that runs to the one before."""

    service: str
    name: str
    running: WorkerVersion
    before: WorkerVersion

    def to_json(self) -> dict[str, Any]:
        return {"service": self.service, "name": self.name, "from": self.running.number, "to": self.before.number}


def roll_back(
    api: CloudflareApi, names: Mapping[str, str], services: Iterable[str], report: Callable[[str], None]
) -> list[Rollback]:
    """`names` are Workers' names by service. Without `services` all that are deployed are rolled back.

    Raises CliError if one cannot be, before any has changed, and if Cloudflare refuses.
    """
    deployed = {service: list_deployments(api, name) for service, name in names.items()}
    chosen = set(services) or {service for service, deployments in deployed.items() if deployments}
    planned: list[Rollback] = []
    problems: list[CliError] = []
    for service in [service for service in reversed(ORDER) if service in chosen]:  # first who is bound to the others
        try:
            planned.append(_plan(api, service, names[service], deployed[service]))
        except CliError as problem:
            problems.append(problem)
    if problems or not planned:
        raise _build_refusal(problems, planned)
    for i, step in enumerate(planned):
        try:
            kept = _carry_out(api, step)
        except CliError as error:
            left = " ".join(f"--worker {later.service}" for later in planned[i:])
            raise CliError(error.message, f"Go on with the rest: acr deploy --rollback {left}") from None
        report(f"rolled back {step.name}: version {step.running.number} to version {step.before.number}{kept}")
    return planned


def _plan(api: CloudflareApi, service: str, name: str, deployments: list[WorkerDeployment]) -> Rollback:
    """Raises CliError that says why there is nothing to go back to."""
    if not deployments:
        raise CliError(f"{name} is not deployed.", f"acr deploy --worker {service}")
    fetch = cache(lambda version_id: fetch_version(api, name, version_id))
    running: WorkerVersion = fetch(deployments[0].version_id)
    _require_mark(name, running)
    ran = ((deployment.message, fetch(deployment.version_id)) for deployment in deployments)
    before = _find_before(ran, _upload_of(running))
    if before is None:
        message = f"{name} has no version before version {running.number}, which runs."
        raise CliError(message, "Correct the code and deploy it: acr deploy")
    _require_mark(name, before)
    if before.migration_tag != running.migration_tag:
        tags = f"{before.migration_tag or 'none'} to {running.migration_tag or 'none'}"
        message = f"Between versions {before.number} and {running.number} of {name} lies a Durable Object migration"
        hint = "Correct the code and deploy it: acr deploy"
        raise CliError(f"{message} ({tags}), and Cloudflare goes back over none.", hint)
    return Rollback(service, name, running, before)


def _find_before(ran: Iterator[tuple[str, WorkerVersion]], upload: str) -> WorkerVersion | None:
    """`ran` are deployments' messages and versions, the newest first; `upload` is what runs.

    What was rolled back to stands where it was first deployed: what came between is what was left behind.
    """
    is_rollback = False
    for message, version in ran:
        is_same = _upload_of(version) == upload
        if not is_same and not is_rollback:
            return version
        if is_same:
            is_rollback = message == MESSAGE
    return None


def _carry_out(api: CloudflareApi, step: Rollback) -> str:
    """Returns what there is to say of the secrets."""
    try:
        deploy_version(api, step.name, step.before.id, MESSAGE)
    except CloudflareError as error:
        if SECRETS_CHANGED not in error.codes:
            raise
        # A version has the secrets of its time: the code of the one before goes into a new one, with those of now.
        copy = copy_version(api, step.name, step.before.id, step.running)
        deploy_version(api, step.name, copy, MESSAGE)
        return ", with the secrets of now"
    return ""


def _require_mark(name: str, version: WorkerVersion) -> None:
    if MARK not in version.variables:
        message = f"Version {version.number} of {name} was not deployed by arcrun."
        raise CliError(message, f"Roll back yourself what you have deployed yourself: wrangler rollback --name {name}")


def _upload_of(version: WorkerVersion) -> str:
    """The mark without its secrets."""
    return version.variables.get(MARK, "").rpartition("-")[0]


def _build_refusal(problems: list[CliError], planned: list[Rollback]) -> CliError:
    if not problems:
        return CliError("No Worker of arcrun is deployed.", "acr deploy")
    if not planned:
        hint = problems[0].hint
    else:
        others = " ".join(f"--worker {step.service}" for step in planned)
        hint = f"Nothing has changed. To roll back the others alone: acr deploy --rollback {others}"
    return CliError(" ".join(problem.message for problem in problems), hint)
