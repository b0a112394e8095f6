"""The local runtime's plan, for runtime/serve.mjs, built from the Workers' wrangler.toml files."""

import ast
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from acr.config.worker_variables import ALLOW_LOCAL_NETWORK, FREE, LOCAL, MULTI_TENANT, PLAN, secrets_of
from arcrun.errors import InternalError
from arcrun.limits import INSTANCE_STEPS_FREE, INSTANCE_STEPS_PAID

HOST = "127.0.0.1"
_API_PATH = "/cdn-cgi/local/explorer/api"  # Miniflare's path for Cloudflare's local REST API
# Compatibility flags that the SDK checks by name; our compatibility date enables them.
SDK_FLAGS = {"python_workflows_implicit_dependencies": True, "python_request_headers_preserve_commas": True}
REFUSED_PORTS = "ARCRUN_REFUSED_PORTS"  # the executor's variable: comma-separated ports that no component may call
_ENTRY_BASES = {"WorkerEntrypoint": "entrypoint", "DurableObject": "durableObject", "WorkflowEntrypoint": "workflow"}


def build_plan(
    folders: Mapping[str, Path],
    *,
    port: int,
    explorer_port: int,
    api_secret: str,
    state: Path,
    snapshots: Path,
    node_modules: Path,
    secrets: Mapping[str, str],
    variables: Mapping[str, str] | None = None,
    verbose: bool = False,
    production_clock: bool = False,
) -> dict[str, Any]:
    """The plan for the staged Workers in `folders` (service -> folder with wrangler.toml, build/, python_modules/).

    Services listen on `port`, `port` + 1 ... in order, and Cloudflare's local REST API on the next port, under the path
    `api_secret` (runtime/explorer_guard.mjs), in front of Miniflare's own `explorer_port`. Components can never call
    these two ports, even if they may call this machine.
    Each Worker gets its own `secrets` and all `variables`. With `production_clock`, time does not advance while a
    Worker computes.
    """
    api_port, given = port + len(folders), variables or {}
    if given.get(ALLOW_LOCAL_NETWORK) == "true":
        given = {**given, REFUSED_PORTS: f"{api_port},{explorer_port}"}
    workers = [
        _plan_worker(service, folder, port + i, secrets, given) for i, (service, folder) in enumerate(folders.items())
    ]
    names = {worker["name"] for worker in workers}
    for worker in workers:  # omit bindings to Workers that do not run here
        worker["services"] = {key: name for key, name in worker["services"].items() if name in names}
        objects = worker["durableObjects"].items()
        worker["durableObjects"] = {key: it for key, it in objects if it.get("scriptName", worker["name"]) in names}
    return {
        "host": HOST,
        "apiPort": api_port,
        "apiSecret": api_secret,
        "explorerPort": explorer_port,
        "state": str(state),
        "snapshots": str(snapshots),
        "nodeModules": str(node_modules),
        "verbose": verbose,
        "productionClock": production_clock,
        "internalError": {"success": False, "error": InternalError().to_json()},  # the answer if Python fails
        "workers": workers,
    }


def api_url_of(plan: Mapping[str, Any]) -> str:
    """The URL of Cloudflare's local REST API, which is a secret."""
    return f"http://{plan['host']}:{plan['apiPort']}/{plan['apiSecret']}{_API_PATH}"


def _plan_worker(
    service: str, folder: Path, port: int, secrets: Mapping[str, str], variables: Mapping[str, str]
) -> dict[str, Any]:
    config = tomllib.loads((folder / "wrangler.toml").read_text())
    own_secrets = secrets_of(service, secrets, is_multi_tenant=variables.get(MULTI_TENANT) == "true")
    entry = folder / config["main"]
    loaders = [] if variables.get(PLAN) == FREE else config.get("worker_loaders", [])
    return {
        "service": service,
        "name": config["name"],
        "port": port,
        "moduleRoot": str(entry.parent),
        "pythonModules": str(folder / "python_modules"),
        "assets": _plan_assets(folder, config.get("assets")),
        "entry": entry.stem,
        "classes": list(_entry_classes(entry)),
        "compatibilityDate": config["compatibility_date"],
        # Only workerd's flags; the local runtime provides Python and its flags.
        "compatibilityFlags": [flag for flag in config["compatibility_flags"] if not flag.startswith("python_")],
        "pythonFlags": SDK_FLAGS,
        "vars": {**config.get("vars", {}), **own_secrets, **variables, LOCAL: "true"},
        # The binding's name replaces a missing id, so that Workers with the same binding share a namespace.
        "kvNamespaces": {kv["binding"]: kv.get("id", kv["binding"]) for kv in config.get("kv_namespaces", [])},
        "r2Buckets": {r2["binding"]: r2["bucket_name"] for r2 in config.get("r2_buckets", [])},
        "workerLoaders": {loader["binding"]: {} for loader in loaders},
        "ratelimits": {
            limit["name"]: {"namespace_id": limit["namespace_id"], "simple": limit["simple"]}
            for limit in config.get("ratelimits", [])
        },
        "reachesLocal": variables.get(ALLOW_LOCAL_NETWORK) == "true",
        "services": {service["binding"]: service["service"] for service in config.get("services", [])},
        "durableObjects": {
            item["name"]: {
                "className": item["class_name"],
                "useSQLite": True,
                **({"scriptName": item["script_name"]} if "script_name" in item else {}),
            }
            for item in config.get("durable_objects", {}).get("bindings", [])
        },
        "workflows": {
            item["binding"]: {
                "name": item["name"],
                "className": item["class_name"],
                "stepLimit": INSTANCE_STEPS_FREE if variables.get(PLAN) == FREE else INSTANCE_STEPS_PAID,
            }
            for item in config.get("workflows", [])
        },
    }


def _plan_assets(folder: Path, assets: Mapping[str, Any] | None) -> dict[str, str] | None:
    """Of files for browsers: where they lie, and below which path they come before the Worker."""
    if assets is None:
        return None
    [before_worker] = [path.removeprefix("!") for path in assets["run_worker_first"] if path.startswith("!")]
    return {"directory": str(folder / assets["directory"]), "folder": before_worker.removesuffix("*")}


def _entry_classes(entry: Path) -> Iterator[dict[str, Any]]:
    """Yield the entry module's classes with their public methods, which workerd needs before Python runs."""
    for node in ast.parse(entry.read_text()).body:
        if not isinstance(node, ast.ClassDef):
            continue
        kinds = [_ENTRY_BASES[base.id] for base in node.bases if isinstance(base, ast.Name) and base.id in _ENTRY_BASES]
        methods = [item.name for item in node.body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)]
        if kinds:
            public = [name for name in methods if not name.startswith("_")]
            yield {"name": node.name, "kind": kinds[0], "methods": public}
