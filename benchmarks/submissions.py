"""Measure the registry. Prints one JSON line per figure, like run.py.

.venv/bin/python benchmarks/submissions.py     starts a platform; takes about two minutes
"""

import asyncio
import json
import secrets
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import wasmtime
from run import ROOT, report, started_platform

from arcrun.yaml_text import parse_yaml

COMPONENTS, REQUESTS, SUBMITTING = 500, 200, 4
IDLE = bytes(
    wasmtime.wat2wasm(
        """(module (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1) (data (i32.const 0) "\\08\\00\\00\\00\\02\\00\\00\\00{}")
        (func (export "_start") (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 12)))))"""
    )
)
SCENARIO = {"scenario": "any", "given": {}, "then_contains": "{"}


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="arcrun-benchmark-") as folder:
        key = secrets.token_urlsafe(16)
        environment = {"ARCRUN_API_KEY": key, "ACR_CONFIG_DIR": f"{folder}/config", "ACR_CACHE_DIR": f"{folder}/cache"}
        with started_platform(Path(folder), environment) as started:
            asyncio.run(measure(started.urls["registry"], key))


async def measure(url: str, key: str) -> None:
    headers = {"X-Arcrun-API-Key": key}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=120, trust_env=False) as client:
        await measure_submissions(client)
        await fill(client)
        for name, query in (("components", ""), ("components_search", "?q=component+7&category=data&sort=runs")):
            report(f"registry_{name}_of_{COMPONENTS}", "ms", await time_gets(client, f"/components{query}"), limit=30)
        report("registry_component", "ms", await time_gets(client, "/components/component_7"))


async def measure_submissions(client: httpx.AsyncClient) -> None:
    """Submit each built-in component once, one after the other."""
    took_ms = []
    for path in sorted((ROOT / "components").glob("*/contract.yaml")):
        contract = json.dumps(parse_yaml(path.read_text(encoding="utf-8")).value)
        started = time.perf_counter()
        await submit(client, contract, (path.parent / f"{path.parent.name}.wasm").read_bytes())
        took_ms.append((time.perf_counter() - started) * 1000)
    report("registry_submit_of_a_built_in", "ms", took_ms, limit=1000)


async def fill(client: httpx.AsyncClient) -> None:
    """Submit generated components until the registry has COMPONENTS."""
    there = (await client.get("/components?limit=1")).json()["data"]["total"]
    names = iter(f"component_{i}" for i in range(COMPONENTS - there))

    async def submit_some() -> None:
        for name in names:
            await submit(client, json.dumps(describe(name)), IDLE)

    await asyncio.gather(*(submit_some() for _ in range(SUBMITTING)))
    assert (await client.get("/components?limit=1")).json()["data"]["total"] == COMPONENTS


async def submit(client: httpx.AsyncClient, contract: str, module: bytes) -> None:
    answer = await client.post("/submit", files={"contract": contract.encode(), "wasm": module})
    assert answer.status_code in (200, 201), answer.text


async def time_gets(client: httpx.AsyncClient, path: str) -> list[float]:
    took_ms = []
    for _ in range(REQUESTS):
        started = time.perf_counter()
        (await client.get(path)).raise_for_status()
        took_ms.append((time.perf_counter() - started) * 1000)
    return took_ms


def describe(canonical_id: str) -> dict[str, Any]:
    return {
        "canonical_id": canonical_id,
        "display_name": canonical_id.replace("_", " "),
        "description": f"{canonical_id} does nothing, and says so at some length, as descriptions do. " * 3,
        "category": "data",
        "version": "v1",
        "wasi_target": "preview1",
        "stability": "floating",
        "author": "benchmark",
        "constraints": {
            "max_size_kb": 8,
            "max_cold_start_ms": 1000,
            "io_model": "stdin_stdout_json",
            "no_network_syscall": True,
            "no_filesystem_syscall": True,
        },
        "input_schema": {"type": "object", "properties": {}},
        "output_schema": {"type": "object"},
        "config_example": {},
        "gherkin_tests": [SCENARIO, SCENARIO],
        "credentials_required": [],
        "tags": ["benchmark"],
    }


if __name__ == "__main__":
    main()
