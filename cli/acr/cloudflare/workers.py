"""Deployed Workers over the REST API: their versions, their deployments and their addresses.

A version is an upload: code, bindings, secrets. A deployment says which version gets the requests; each upload, change
of a secret and rollback creates one. As an upload may never be deployed, the running version is that of the newest
deployment, not the newest version.
Source: developers.cloudflare.com/workers/configuration/versions-and-deployments and /api/resources/workers
"""

import json
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from acr.cloudflare.api import CloudflareApi, CloudflareError

ALL_REQUESTS = 100  # percent
SECRET_TYPES = ("secret_text", "secret_key")
SECRETS_CHANGED = 10220  # error code: the version to deploy has other secrets than the running one


@dataclass(frozen=True)
class WorkerVersion:
    """A Worker's version. `number` counts from 1; `variables` are the plain-text ones; `classes` are the bound Durable
    Object classes that the Worker itself defines; `migration_tag` is the last applied migration's, if any.
    """

    id: str
    number: int
    variables: Mapping[str, str]
    secret_names: frozenset[str]
    classes: frozenset[str]
    migration_tag: str | None


def fetch_version(api: CloudflareApi, name: str, version_id: str) -> WorkerVersion:
    """A version by its id. Raises CloudflareError."""
    version = api.fetch("GET", f"/workers/scripts/{name}/versions/{version_id}")
    resources = version["resources"]
    bindings: list[dict[str, Any]] = resources.get("bindings") or []
    return WorkerVersion(
        version["id"],
        int(version["number"]),
        {item["name"]: item["text"] for item in bindings if item["type"] == "plain_text"},
        frozenset(item["name"] for item in bindings if item["type"] in SECRET_TYPES),
        frozenset(
            item["class_name"]
            for item in bindings
            if item["type"] == "durable_object_namespace" and item.get("script_name") in (None, name)
        ),
        (resources.get("script_runtime") or {}).get("migration_tag"),
    )


def find_worker(api: CloudflareApi, name: str) -> WorkerVersion | None:
    """The running version; in a split deployment, the one with most requests. None if there is no such Worker."""
    try:
        deployments = api.fetch("GET", f"/workers/scripts/{name}/deployments")["deployments"]
    except CloudflareError as error:
        if error.status == 404:
            return None
        raise
    if not deployments:
        return None
    newest = max(deployments, key=lambda item: str(item["created_on"]))
    version = max(newest["versions"], key=lambda version: float(version["percentage"]))
    return fetch_version(api, name, version["version_id"])


def deploy_version(api: CloudflareApi, name: str, version_id: str, message: str) -> None:
    """Route all requests to an uploaded version. Raises CloudflareError."""
    body = {
        "strategy": "percentage",
        "versions": [{"version_id": version_id, "percentage": ALL_REQUESTS}],
        "annotations": {"workers/message": message},
    }
    api.fetch("POST", f"/workers/scripts/{name}/deployments", json=body)


def is_newest(api: CloudflareApi, name: str, version_id: str) -> bool:
    """Whether this is the newest version. Cloudflare only changes secrets of the newest one, and if it is deployed."""
    listed = api.fetch("GET", f"/workers/scripts/{name}/versions")["items"]
    return bool(listed) and listed[0]["id"] == version_id


def copy_version(
    api: CloudflareApi,
    name: str,
    version_id: str,
    secrets_of: WorkerVersion,
    changed: Mapping[str, str] | None = None,
) -> str:
    """Create a version with another one's code and bindings, and the secrets of `secrets_of` updated by `changed`.
    Bindings and secrets are inherited, as secrets' values cannot be read. Returns the id of the new version, which is
    not deployed. Raises CloudflareError.
    """
    texts = changed or {}
    path = f"/workers/workers/{name}/versions"
    source = api.fetch("GET", f"{path}/{version_id}", params={"include": "modules"})
    kept = ("main_module", "modules", "compatibility_date", "compatibility_flags", "limits", "placement")
    bound = [item["name"] for item in source.get("bindings") or [] if item["type"] not in SECRET_TYPES]
    bindings = [{"type": "inherit", "name": binding, "version_id": version_id} for binding in bound]
    bindings += [
        {"type": "inherit", "name": secret, "version_id": secrets_of.id}
        for secret in sorted(secrets_of.secret_names - texts.keys())
    ]
    bindings += [{"type": "secret_text", "name": secret, "text": text} for secret, text in texts.items()]
    copy = {**{key: source[key] for key in kept if key in source}, "bindings": bindings}
    if source.get("assets") is None:
        return str(api.fetch("POST", path, json=copy)["id"])
    # Files for browsers cannot be read back: the copy keeps those of the newest version, which the other API alone can.
    modules = [(item["name"], b64decode(item["content_base64"]), item["content_type"]) for item in copy.pop("modules")]
    metadata = {**copy, "keep_assets": True, "assets": {"config": source["assets"].get("config") or {}}}
    parts = [("metadata", (None, json.dumps(metadata).encode(), "application/json"))]
    parts += [(name, (name, content, kind)) for name, content, kind in modules]
    return str(api.fetch("POST", f"/workers/scripts/{name}/versions", files=parts)["id"])


def is_reachable(api: CloudflareApi, name: str, domain: str | None = None) -> bool:
    """Whether a deployed Worker has its workers.dev address enabled and, if `domain` is given, that custom domain."""
    if not api.fetch("GET", f"/workers/scripts/{name}/subdomain").get("enabled"):
        return False
    if domain is None:
        return True
    listed = api.fetch("GET", "/workers/domains", params={"hostname": domain})
    return any(item["hostname"] == domain and item["service"] == name for item in listed)


@dataclass(frozen=True)
class Domain:
    """A custom domain that a Worker answers at."""

    id: str
    hostname: str
    worker: str


def list_domains(api: CloudflareApi) -> list[Domain]:
    """Those of all the account's Workers. Raises CloudflareError."""
    return [Domain(item["id"], item["hostname"], item["service"]) for item in api.fetch("GET", "/workers/domains")]


def detach_domain(api: CloudflareApi, domain: Domain) -> None:
    """Raises CloudflareError."""
    api.delete(f"/workers/domains/{domain.id}")


def delete_worker(api: CloudflareApi, name: str) -> None:
    """Delete a Worker with its Durable Objects, although other Workers are bound to it. One that is gone is no error.
    Source: developers.cloudflare.com/api/resources/workers/subresources/scripts/methods/delete
    """
    api.delete(f"/workers/scripts/{name}", params={"force": "true"})
