"""What `acr destroy` removes from an account. What is gone already is not found again: a second run finishes an
interrupted one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from acr.cloudflare import kv, r2
from acr.cloudflare.api import CloudflareApi
from acr.cloudflare.workers import Domain, delete_worker, detach_domain, find_worker, list_domains
from acr.cloudflare.workflows import delete_workflow, find_workflow
from acr.deployment.manifest import MARK, bindings_of, workflows_of
from acr.deployment.resources import title_of


@dataclass(frozen=True)
class Remains:
    """What an account has of a platform. `foreign` are Workers of its names that arcrun did not deploy: they stay.
    `namespaces` are ids by title; `objects` is how many the bucket has, `object_bytes` their size.
    """

    workers: tuple[str, ...]
    foreign: tuple[str, ...]
    domains: tuple[Domain, ...]
    workflows: tuple[str, ...]
    namespaces: Mapping[str, str]
    bucket: str | None
    objects: int
    object_bytes: int

    def __bool__(self) -> bool:
        return bool(self.workers or self.domains or self.workflows or self.namespaces or self.bucket)

    def to_json(self) -> dict[str, Any]:
        return {
            "workers": list(self.workers),
            "foreign": list(self.foreign),
            "domains": [domain.hostname for domain in self.domains],
            "workflows": list(self.workflows),
            "namespaces": list(self.namespaces),
            "bucket": self.bucket,
            "objects": self.objects,
            "object_bytes": self.object_bytes,
        }


def find_remains(
    api: CloudflareApi,
    templates: Sequence[Mapping[str, Any]],
    namespaces: Mapping[str, str],
    bucket: str | None,
    suffix: str = "",
) -> Remains:
    """`templates` are the Workers', in the order in which they go; `namespaces` are the known ids by binding; `bucket`
    is None if it is to stay. Raises CliError.
    """
    names = [template["name"] for template in templates]
    running = {name: found for name in names if (found := find_worker(api, name))}
    workers = tuple(name for name, version in running.items() if MARK in version.variables)
    foreign = tuple(name for name in running if name not in workers)
    bindings = dict.fromkeys(binding for template in templates for binding in bindings_of(template))
    ids, titles = {*namespaces.values()}, {title_of(binding, suffix) for binding in bindings}
    owners = {name: template["name"] for template in templates for name in workflows_of(template)}
    listed = kv.list_namespaces(api)
    there = bucket if bucket in r2.list_buckets(api) else None
    objects = [*r2.R2Bucket(api, there).list_objects()] if there else []
    return Remains(
        workers,
        foreign,
        tuple(domain for domain in list_domains(api) if domain.worker in workers),
        tuple(name for name, worker in owners.items() if worker not in foreign and _is_of(api, name, worker)),
        {title: id_ for title, id_ in listed.items() if title in titles or id_ in ids},
        there,
        len(objects),
        sum(found.size for found in objects),
    )


def _is_of(api: CloudflareApi, workflow: str, worker: str) -> bool:
    found = find_workflow(api, workflow)
    return found is not None and found.worker == worker


def destroy(api: CloudflareApi, remains: Remains, report: Callable[[str], None]) -> None:
    """Remove it all: what gets requests first, what is stored last. Raises CliError."""
    for domain in remains.domains:
        detach_domain(api, domain)
        report(f"removed the domain {domain.hostname}")
    for name in remains.workers:
        delete_worker(api, name)
        report(f"removed the Worker {name}")
    for name in remains.workflows:
        delete_workflow(api, name)
        report(f"removed the Workflow {name}")
    for title, namespace_id in remains.namespaces.items():
        kv.delete_namespace(api, namespace_id)
        report(f"removed the KV namespace {title}")
    if remains.bucket is not None:
        _delete_bucket(api, remains.bucket)
        report(f"removed the bucket {remains.bucket}")


def _delete_bucket(api: CloudflareApi, name: str) -> None:
    """Cloudflare deletes only empty buckets."""
    bucket = r2.R2Bucket(api, name)
    for found in [*bucket.list_objects()]:
        bucket.delete(found.key)
    r2.delete_bucket(api, name)
