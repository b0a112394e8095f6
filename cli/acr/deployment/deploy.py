"""The steps of `acr deploy`. Each is idempotent: a second run changes nothing, and finishes an interrupted one.

A Worker's mark (acr.deployment.manifest.MARK) identifies what was deployed. One upload sets code, bindings, secrets,
Durable Object migrations and the mark atomically. Its addresses and Workflows are set after the upload, and checked
separately.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from acr.cloudflare.account import find_subdomain
from acr.cloudflare.api import CloudflareApi
from acr.cloudflare.r2 import R2Bucket
from acr.cloudflare.workers import WorkerVersion, find_worker, is_reachable
from acr.cloudflare.workflows import Workflow, find_workflow
from acr.config.folder_lock import USUAL_NAME
from acr.config.private_file import make_private, make_private_folder, refusing
from acr.config.worker_variables import ENCRYPTION_KEY, EXECUTOR, PUBLIC_URL, secrets_of
from acr.deployment.manifest import (
    MARK,
    REPLACED,
    RUN,
    Resources,
    add_variables,
    bindings_of,
    build_mark,
    classes_of,
    other_workers_of,
    read_template,
    render_manifest,
    upload_of,
    workflows_of,
    write_manifest,
)
from acr.deployment.resources import ensure_bucket, ensure_namespaces
from acr.deployment.staging import stage_uploads
from acr.errors import CliError
from acr.node.wrangler import Wrangler
from acr.parts.uploads import upload_components

# The executor is bound to the registry, auth to a Durable Object class of the executor.
ORDER = ("registry", "executor", "auth")


@dataclass(frozen=True)
class DeployRequest:
    """What to deploy. `components` are folders whose components go into the bucket or, if `bundles`, into the
    executor's upload.

    `secrets` are those of all Workers, by name; `variables` and `domain`, a custom domain, are the executor's.
    `begun` is when this `acr deploy` began (acr.deployment.manifest.RUN). If `replaces`, Workers of the same names
    that arcrun did not deploy are replaced. `suffix` ends the names of the Workers and of new namespaces.
    """

    home: Path
    build: Path
    services: Sequence[str]
    components: tuple[Path, ...]
    bundles: bool
    has_loader: bool
    secrets: Mapping[str, str | None] = field(repr=False)
    namespaces: Mapping[str, str]
    bucket: str
    is_multi_tenant: bool = False
    variables: Mapping[str, str] = field(default_factory=dict)
    domain: str | None = None
    begun: str = ""
    replaces: bool = False
    suffix: str = ""


@dataclass(frozen=True)
class StagedWorker:
    """A Worker's upload in `folder`, with its mark, custom domain and secrets. `workflows` are classes by the name of
    their Workflow.
    """

    service: str
    name: str
    folder: Path
    mark: str
    domain: str | None
    workflows: Mapping[str, str]
    secrets: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class DeployedWorker:
    service: str
    name: str
    url: str
    changed: bool

    def to_json(self) -> dict[str, Any]:
        return {"service": self.service, "name": self.name, "url": self.url, "changed": self.changed}


@dataclass(frozen=True)
class Deployment:
    """The result of a deploy. `created` are new resources, `uploaded` new objects in the bucket."""

    workers: tuple[DeployedWorker, ...]
    namespaces: Mapping[str, str]
    created: tuple[str, ...]
    uploaded: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        workers = [worker.to_json() for worker in self.workers]
        return {"workers": workers, "created": list(self.created), "uploaded": list(self.uploaded)}


def deploy(request: DeployRequest, api: CloudflareApi, wrangler: Wrangler, report: Callable[[str], None]) -> Deployment:
    """Create missing resources, upload components and deploy each Worker that has changed. Raises CliError."""
    subdomain = find_subdomain(api)
    if subdomain is None:
        hint = "Choose one, once, in Cloudflare's dashboard: Compute > Workers & Pages."
        raise CliError("The account has no workers.dev subdomain yet.", hint)
    templates = [_template(request, service) for service in request.services]
    running = {template["name"]: find_worker(api, template["name"]) for template in templates}
    if not request.replaces:
        _require_own(running)
        _require_own_workflows(api, templates)
    wanted = dict.fromkeys(name for template in templates for name in bindings_of(template))
    namespaces, created = ensure_namespaces(api, request.namespaces, wanted, request.suffix)
    if ensure_bucket(api, request.bucket):
        created.append(request.bucket)
    for name in created:
        report(f"created {name}")
    folders = () if request.bundles else request.components
    uploaded = upload_components(R2Bucket(api, request.bucket), folders)
    for key in uploaded:
        report(f"uploaded {key}")
    public_url = f"https://{request.domain}" if request.domain else _url_of(EXECUTOR + request.suffix, subdomain)
    staged = stage_workers(
        request,
        Resources(
            namespaces,
            request.bucket,
            request.has_loader,
            _find_others(api, templates),
            {**request.variables, PUBLIC_URL: public_url},
            request.domain,
            request.suffix,
        ),
    )
    workers = []
    for worker in staged:
        changed = not _is_deployed(worker, running[worker.name], api)
        if changed:
            add_variables(worker.folder, _build_link(worker, running[worker.name], request.begun))
            wrangler.deploy(worker.folder, worker.secrets)
        report(f"{'deployed' if changed else 'unchanged'} {worker.name}")
        workers.append(DeployedWorker(worker.service, worker.name, _url_of(worker.name, subdomain), changed))
    return Deployment(tuple(workers), namespaces, tuple(created), tuple(uploaded))


def rehearse(request: DeployRequest, wrangler: Wrangler, report: Callable[[str], None]) -> list[StagedWorker]:
    """Do everything that needs no account: stage the uploads and check them with wrangler. Raises CliError."""
    resources = Resources(
        request.namespaces,
        request.bucket,
        request.has_loader,
        variables=request.variables,
        domain=request.domain,
        suffix=request.suffix,
    )
    staged = stage_workers(request, resources)
    for worker in staged:
        wrangler.check(worker.folder, worker.folder / "upload")
        report(f"checked {worker.name}: {worker.folder / 'upload'}")
    return staged


def stage_workers(request: DeployRequest, resources: Resources) -> list[StagedWorker]:
    """Write each Worker's upload and configuration into the build folder."""
    services = [service for service in ORDER if service in request.services]
    with refusing(request.build):
        for folder in (*(parent for parent in request.build.parents if parent.name == USUAL_NAME), request.build):
            make_private_folder(folder)
        for service in services:
            make_private(request.build / service)
    stage_uploads(request.home, services, request.build, request.components if request.bundles else ())
    is_multi_tenant = request.is_multi_tenant
    templates = {
        service: read_template(request.build / service, is_multi_tenant=is_multi_tenant, suffix=request.suffix)
        for service in services
    }
    names = {template["name"]: classes_of(template) for template in templates.values()}
    staged = []
    for service, template in templates.items():
        folder = request.build / service
        secrets = secrets_of(service, request.secrets, is_multi_tenant=is_multi_tenant)
        manifest = render_manifest(template, resources, names)
        mark = build_mark(folder, manifest, secrets, request.secrets.get(ENCRYPTION_KEY) or "")
        write_manifest(folder, manifest, mark)
        domain = resources.domain if service == "executor" else None
        workflows = workflows_of(template)
        staged.append(StagedWorker(service, template["name"], folder, mark, domain, workflows, secrets))
    return staged


def _require_own(running: Mapping[str, WorkerVersion | None]) -> None:
    """Raises CliError WORKER_NOT_OWN if a running Worker was not deployed by arcrun."""
    foreign = [name for name, version in running.items() if version is not None and MARK not in version.variables]
    if not foreign:
        return
    raise CliError(
        f"The account has a Worker {' and a Worker '.join(foreign)} that arcrun did not deploy.",
        "Rename it, or deploy to another account. To replace it permanently: acr deploy --replace",
        "WORKER_NOT_OWN",
    )


def _require_own_workflows(api: CloudflareApi, templates: Sequence[Mapping[str, Any]]) -> None:
    """Raises CliError WORKFLOW_NOT_OWN if a Workflow of this name belongs to another Worker: it would be taken away."""
    for template in templates:
        for name in workflows_of(template):
            found = find_workflow(api, name)
            if found is not None and found.worker != template["name"]:
                raise CliError(
                    f"The account has a Workflow {name} that belongs to the Worker {found.worker}.",
                    "Rename it, or deploy to another account. To take it over permanently: acr deploy --replace",
                    "WORKFLOW_NOT_OWN",
                )


def _build_link(worker: StagedWorker, running: WorkerVersion | None, begun: str) -> dict[str, str]:
    """The variables RUN and REPLACED. If only the secrets are new, the running version's are kept."""
    if running is None:
        return {RUN: begun}
    if upload_of(running.variables.get(MARK, "")) == upload_of(worker.mark):
        return {name: running.variables[name] for name in (RUN, REPLACED) if name in running.variables}
    return {RUN: begun, REPLACED: running.id}


def _is_deployed(worker: StagedWorker, running: WorkerVersion | None, api: CloudflareApi) -> bool:
    """Whether the staged upload is already running with its secrets and Workflows, and is reachable at its
    addresses.
    """
    if running is None or running.variables.get(MARK) != worker.mark:
        return False
    if not worker.secrets.keys() <= running.secret_names or not is_reachable(api, worker.name, worker.domain):
        return False
    return all(find_workflow(api, name) == Workflow(worker.name, kind) for name, kind in worker.workflows.items())


def _find_others(api: CloudflareApi, templates: Sequence[Mapping[str, Any]]) -> dict[str, frozenset[str]]:
    """The Durable Object classes, by Worker, of bound Workers that the account has and this run does not deploy."""
    wanted = {name for template in templates for name in other_workers_of(template)}
    deployed = {name: find_worker(api, name) for name in wanted - {template["name"] for template in templates}}
    return {name: worker.classes for name, worker in deployed.items() if worker is not None}


def _template(request: DeployRequest, service: str) -> dict[str, Any]:
    folder = request.home / "workers" / service
    return read_template(folder, is_multi_tenant=request.is_multi_tenant, suffix=request.suffix)


def _url_of(name: str, subdomain: str) -> str:
    return f"https://{name}.{subdomain}.workers.dev"
