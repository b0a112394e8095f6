"""A Worker's wrangler configuration for one account, rendered from its template (workers/*/wrangler.toml).

It is written as wrangler.json, which wrangler also reads: https://developers.cloudflare.com/workers/wrangler/configuration/
"""

import hashlib
import hmac
import json
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from acr.config.private_file import write_private
from acr.config.worker_variables import EXECUTOR, MULTI_TENANT

# A variable of each Worker that identifies what was deployed, so that the next deploy knows whether anything is new.
MARK = "ARCRUN_DEPLOYMENT"
# Two more for `acr deploy --rollback`: when the `acr deploy` that made this upload began (UTC, in microseconds, the
# same for all Workers of one run), and the id of the version that it replaced. Without RUN the upload is from an older
# arcrun; with RUN but without REPLACED it replaced nothing.
RUN = "ARCRUN_DEPLOYMENT_RUN"
REPLACED = "ARCRUN_DEPLOYMENT_REPLACED"
ACCOUNTS = "ACCOUNTS_KV"
PLACEHOLDER_ID = "0" * 32  # in a dry run, for a namespace that does not exist yet


@dataclass(frozen=True)
class Resources:
    """The account's resources. `namespaces` are ids by binding. `has_loader` is False on the free plan, which has no
    Worker Loader.

    `workers` are the account's existing Workers with their Durable Object classes. `variables` are the executor's;
    `domain` is its custom domain, in addition to its workers.dev address. `suffix` ends the Workers' names.
    """

    namespaces: Mapping[str, str]
    bucket: str
    has_loader: bool = True
    workers: Mapping[str, Collection[str]] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    domain: str | None = None
    suffix: str = ""


def read_template(folder: Path, *, is_multi_tenant: bool = False, suffix: str = "") -> dict[str, Any]:
    """A Worker's wrangler.toml. In the hosted mode the executor gets the variable MULTI_TENANT; otherwise it has no
    binding for the accounts. `suffix` ends its own name and those of the Workers that it is bound to.
    """
    template = tomllib.loads((folder / "wrangler.toml").read_text(encoding="utf-8"))
    if template["name"] != EXECUTOR:
        return _rename(template, suffix)
    if is_multi_tenant:
        return _rename({**template, "vars": {**template.get("vars", {}), MULTI_TENANT: "true"}}, suffix)
    kept = [item for item in template["kv_namespaces"] if item["binding"] != ACCOUNTS]
    return _rename({**template, "kv_namespaces": kept}, suffix)


def _rename(template: dict[str, Any], suffix: str) -> dict[str, Any]:
    """The template with `suffix` at the end of every Worker's and Workflow's name."""
    if not suffix:
        return template
    renamed = {**template, "name": template["name"] + suffix}
    if services := template.get("services"):
        renamed["services"] = [{**item, "service": item["service"] + suffix} for item in services]
    if objects := template.get("durable_objects", {}).get("bindings"):
        bound = [
            {**item, "script_name": item["script_name"] + suffix} if "script_name" in item else item for item in objects
        ]
        renamed["durable_objects"] = {**template["durable_objects"], "bindings": bound}
    if workflows := template.get("workflows"):
        renamed["workflows"] = [{**item, "name": item["name"] + suffix} for item in workflows]
    return renamed


def bindings_of(template: Mapping[str, Any]) -> list[str]:
    """A Worker's KV bindings."""
    return [item["binding"] for item in template.get("kv_namespaces", [])]


def classes_of(template: Mapping[str, Any]) -> set[str]:
    """The Durable Object classes that a Worker defines."""
    return {name for step in template.get("migrations", []) for name in step.get("new_sqlite_classes", [])}


def workflows_of(template: Mapping[str, Any]) -> dict[str, str]:
    """The classes of a Worker's Workflows, by the Workflows' names."""
    return {item["name"]: item["class_name"] for item in template.get("workflows", [])}


def other_workers_of(template: Mapping[str, Any]) -> set[str]:
    """The Workers that a Worker is bound to."""
    objects = template.get("durable_objects", {}).get("bindings", [])
    bound = {item["service"] for item in template.get("services", [])}
    return (bound | {item["script_name"] for item in objects if "script_name" in item}) - {template["name"]}


def render_manifest(
    template: Mapping[str, Any], resources: Resources, workers: Mapping[str, Collection[str]]
) -> dict[str, Any]:
    """The template with the account's ids, without bindings to Workers and Durable Object classes that are neither in
    `workers`, which are deployed with it, nor in the account: Cloudflare would refuse them.

    It has no build command, as the upload is already staged.
    """
    there = {**resources.workers, **workers}
    manifest = {key: value for key, value in template.items() if key != "build"}
    ids = resources.namespaces
    manifest["kv_namespaces"] = [
        {**item, "id": ids.get(item["binding"], PLACEHOLDER_ID)} for item in template.get("kv_namespaces", [])
    ]
    manifest["r2_buckets"] = [{**item, "bucket_name": resources.bucket} for item in template.get("r2_buckets", [])]
    manifest["services"] = [item for item in template.get("services", []) if item["service"] in there]
    objects = template.get("durable_objects", {}).get("bindings", [])
    bound = [item for item in objects if item["class_name"] in there.get(item.get("script_name", template["name"]), ())]
    manifest["durable_objects"] = {"bindings": bound}
    if not resources.has_loader:
        manifest.pop("worker_loaders", None)
    if template["name"] == EXECUTOR + resources.suffix:
        manifest["vars"] = {**template.get("vars", {}), **resources.variables}
        manifest["routes"] = [{"pattern": resources.domain, "custom_domain": True}] if resources.domain else []
    # Preview URLs would keep every old version reachable.
    addresses = {"workers_dev": True, "preview_urls": False}
    return {key: value for key, value in manifest.items() if value not in ([], {"bindings": []})} | addresses


def build_mark(folder: Path, manifest: Mapping[str, Any], secrets: Mapping[str, str], key: str) -> str:
    """`{upload}-{secrets}`: a hash of the whole upload, and a MAC of the secrets under the encryption key."""
    digest = hashlib.sha256(json.dumps(manifest, sort_keys=True).encode())
    for path in sorted(path for part in ("build", "python_modules") for path in (folder / part).rglob("*")):
        if path.is_file():
            digest.update(f"{path.relative_to(folder).as_posix()}\0{path.stat().st_size}\0".encode())
            digest.update(path.read_bytes())
    mac = hmac.new(key.encode(), json.dumps(secrets, sort_keys=True).encode(), hashlib.sha256)
    return f"{digest.hexdigest()[:24]}-{mac.hexdigest()[:24]}"


def upload_of(mark: str) -> str:
    """The mark's upload part."""
    return mark.rpartition("-")[0]


def write_manifest(folder: Path, manifest: Mapping[str, Any], mark: str) -> None:
    marked = {**manifest, "vars": {**manifest.get("vars", {}), MARK: mark}}
    (folder / "wrangler.toml").unlink(missing_ok=True)
    write_private(folder / "wrangler.json", json.dumps(marked, indent=2) + "\n")


def add_variables(folder: Path, variables: Mapping[str, str]) -> None:
    """Add variables to a manifest that is already written."""
    manifest = json.loads((folder / "wrangler.json").read_text(encoding="utf-8"))
    manifest["vars"] |= variables
    write_private(folder / "wrangler.json", json.dumps(manifest, indent=2) + "\n")
