"""The local runtime's plan: what runtime/serve.mjs is told to start, read from the Workers' own wrangler.toml files."""

import ast
import hashlib
import json
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
# Compatibility flags that the SDK asks for by name; our compatibility date has them on.
SDK_FLAGS = {"python_workflows_implicit_dependencies": True, "python_request_headers_preserve_commas": True}
# What the SDK needs of JavaScript cannot be in a memory snapshot, which holds plain Python only.
_NOT_IN_SNAPSHOT = ("js", "pyodide", "pyodide_js", "workers", "asgi", "_pyodide_entrypoint_helper", "_workers_sdk")
_ENTRY_BASES = {"WorkerEntrypoint": "entrypoint", "DurableObject": "durableObject"}


def build_plan(
    folders: Mapping[str, Path],
    *,
    port: int,
    state: Path,
    snapshots: Path,
    node_modules: Path,
    secrets: Mapping[str, str],
    verbose: bool = False,
) -> dict[str, Any]:
    """The plan for the staged Workers in `folders` (service -> folder with wrangler.toml, build/, python_modules/).

    Services listen on `port`, `port` + 1 ... in their order; Cloudflare's local REST API on the port after them.
    """
    workers = [_plan_worker(service, folder, port + i, secrets) for i, (service, folder) in enumerate(folders.items())]
    names = {worker["name"] for worker in workers}
    for worker in workers:
        worker["services"] = {key: name for key, name in worker["services"].items() if name in names}
    return {
        "host": HOST,
        "apiPort": port + len(workers),
        "state": str(state),
        "snapshots": str(snapshots),
        "nodeModules": str(node_modules),
        "verbose": verbose,
        "workers": workers,
    }


def _plan_worker(service: str, folder: Path, port: int, secrets: Mapping[str, str]) -> dict[str, Any]:
    config = tomllib.loads((folder / "wrangler.toml").read_text())
    entry = folder / config["main"]
    imports = list(_snapshot_imports(entry.parent, folder / "python_modules"))
    return {
        "service": service,
        "name": config["name"],
        "port": port,
        "moduleRoot": str(entry.parent),
        "pythonModules": str(folder / "python_modules"),
        "entry": entry.stem,
        "classes": list(_entry_classes(entry)),
        "compatibilityDate": config["compatibility_date"],
        "compatibilityFlags": SDK_FLAGS,
        "snapshotImports": imports,
        "snapshotKey": _snapshot_key(folder / "python_modules", imports, config),
        "vars": {**config.get("vars", {}), **secrets},
        # The binding's name stands for the blank id, so that Workers that name the same namespace share it.
        "kvNamespaces": {kv["binding"]: kv["id"] or kv["binding"] for kv in config.get("kv_namespaces", [])},
        "r2Buckets": {r2["binding"]: r2["bucket_name"] for r2 in config.get("r2_buckets", [])},
        "workerLoaders": {loader["binding"]: {} for loader in config.get("worker_loaders", [])},
        "services": {service["binding"]: service["service"] for service in config.get("services", [])},
        "durableObjects": {
            item["name"]: {"className": item["class_name"], "useSQLite": True}
            for item in config.get("durable_objects", {}).get("bindings", [])
        },
    }


def _entry_classes(entry: Path) -> Iterator[dict[str, Any]]:
    """The classes that the entry module exports, with their public methods: workerd wants them before Python runs."""
    for node in ast.parse(entry.read_text()).body:
        if not isinstance(node, ast.ClassDef):
            continue
        kinds = [_ENTRY_BASES[base.id] for base in node.bases if isinstance(base, ast.Name) and base.id in _ENTRY_BASES]
        methods = [item.name for item in node.body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)]
        if kinds:
            public = [name for name in methods if not name.startswith("_")]
            yield {"name": node.name, "kind": kinds[0], "methods": public}


def _snapshot_imports(build: Path, python_modules: Path) -> Iterator[str]:
    """Every module of the standard library or of python_modules that the sources import at their top level."""
    vendored = {path.name.removesuffix(".py") for path in python_modules.iterdir()}
    wanted: set[str] = set()
    for folder in (build, python_modules / "workers"):
        for path in folder.rglob("*.py"):
            wanted |= set(_top_level_imports(path))
    for name in sorted(wanted):
        root = name.partition(".")[0]
        if (root in sys.stdlib_module_names or root in vendored) and not root.startswith(_NOT_IN_SNAPSHOT):
            yield name


def _top_level_imports(path: Path) -> Iterator[str]:
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module


def _snapshot_key(python_modules: Path, imports: list[str], config: Mapping[str, Any]) -> str:
    """Everything that the memory depends on but Pyodide itself, whose version the runtime adds."""
    digest = hashlib.sha256(json.dumps([imports, config["compatibility_date"]]).encode())
    for path in sorted(path for path in python_modules.rglob("*") if path.is_file()):
        digest.update(path.relative_to(python_modules).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:32]
