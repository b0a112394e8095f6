"""Deployed Workers over the REST API: their versions, which of them runs, and where they answer.

A version is what was uploaded: code, bindings, secrets. A deployment says which version gets the requests; each upload,
each change of a secret and each rollback makes one. An upload that nobody has deployed is a version too, so what counts
is the newest deployment's version, not the newest version.
Source: developers.cloudflare.com/workers/configuration/versions-and-deployments and /api/resources/workers
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from acr.cloudflare.api import CloudflareApi, CloudflareError

ALL_REQUESTS = 100  # percent


@dataclass(frozen=True)
class WorkerVersion:
    """`number` counts a Worker's versions from 1; `variables` are its plain-text ones; `classes` are the Durable Object
    classes of its own that it binds; `migration_tag` is that of the last migration which it has applied, if any.
    """

    id: str
    number: int
    variables: Mapping[str, str]
    secret_names: frozenset[str]
    classes: frozenset[str]
    migration_tag: str | None


def list_deployed_versions(api: CloudflareApi, name: str) -> list[str]:
    """Ids of the versions that got all requests, those of the newest deployment first. [] if there is no such Worker.

    Of a deployment that splits the requests, the version that gets most.
    """
    try:
        deployments = api.fetch("GET", f"/workers/scripts/{name}/deployments")["deployments"]
    except CloudflareError as error:
        if error.status == 404:
            return []
        raise
    ordered = sorted(deployments, key=lambda item: str(item["created_on"]), reverse=True)
    return [max(item["versions"], key=lambda version: float(version["percentage"]))["version_id"] for item in ordered]


def fetch_version(api: CloudflareApi, name: str, version_id: str) -> WorkerVersion:
    """Raises CloudflareError."""
    version = api.fetch("GET", f"/workers/scripts/{name}/versions/{version_id}")
    resources = version["resources"]
    bindings: list[dict[str, Any]] = resources.get("bindings") or []
    return WorkerVersion(
        version["id"],
        int(version["number"]),
        {item["name"]: item["text"] for item in bindings if item["type"] == "plain_text"},
        frozenset(item["name"] for item in bindings if item["type"] == "secret_text"),
        frozenset(
            item["class_name"]
            for item in bindings
            if item["type"] == "durable_object_namespace" and item.get("script_name") in (None, name)
        ),
        (resources.get("script_runtime") or {}).get("migration_tag"),
    )


def find_worker(api: CloudflareApi, name: str) -> WorkerVersion | None:
    """The version that runs, None if there is no such Worker."""
    deployed = list_deployed_versions(api, name)
    return fetch_version(api, name, deployed[0]) if deployed else None


def deploy_version(api: CloudflareApi, name: str, version_id: str, message: str) -> None:
    """Give all requests to a version that was uploaded before. Raises CloudflareError."""
    body = {
        "strategy": "percentage",
        "versions": [{"version_id": version_id, "percentage": ALL_REQUESTS}],
        "annotations": {"workers/message": message},
    }
    api.fetch("POST", f"/workers/scripts/{name}/deployments", json=body)


def is_reachable(api: CloudflareApi, name: str, domain: str | None = None) -> bool:
    """Whether a deployed Worker answers at its workers.dev address and, if there is one, at its custom domain."""
    if not api.fetch("GET", f"/workers/scripts/{name}/subdomain").get("enabled"):
        return False
    if domain is None:
        return True
    listed = api.fetch("GET", "/workers/domains", params={"hostname": domain})
    return any(item["hostname"] == domain and item["service"] == name for item in listed)
