"""Measure how much of the platform's quotas a run uses: Durable Object rows and requests, KV writes, R2 operations.

.venv/bin/python benchmarks/quotas.py

Rows are counted by the platform's own SQLite (`rowsWritten`), including deletions: the objects are made so small that
they delete old runs. Milliseconds are the duration of calls to an object; in production an object is also billed while
it waits for the next call, for about ten seconds.
"""

import asyncio
import json
import os
import time
from typing import Any

import httpx
from http_load import repeat_requests, time_requests
from run import build_chain, fresh_state, push_workflow, report, started_platform

ALONE, ALONE_PAUSE_S = 100, 0.08
CLIENTS, LOAD_RUNS = 8, 6_000
ROWS_LIMIT = 3
LARGE_BYTES = 300 * 1024  # of an input that is stored in the bucket
EXPORT_S = 5
BYTES = 8 * 2 * 1024 * 1024  # of the RunLog: an object keeps about a thousand runs, older ones are deleted


def main() -> None:
    print(json.dumps({"name": "load_average", "one_minute": os.getloadavg()[0], "processors": os.cpu_count()}))
    with (
        fresh_state(RUN_LOG_BYTES=str(BYTES), VERDICT_EXPORT_S=str(EXPORT_S)) as (folder, key, environment),
        started_platform(folder, environment) as started,
    ):
        asyncio.run(measure(started.urls["executor"], started.urls["cloudflare-api"], key))


async def measure(url: str, api_url: str, key: str) -> None:
    request = push_workflow(url, key, build_chain("string_ops", 3), {"text": "hello"})
    await time_requests(request, 1)
    time.sleep(1)
    began_s = time.monotonic()
    before = _read(url, key)
    for _ in range(ALONE):
        await time_requests(request, 1)
        await asyncio.sleep(ALONE_PAUSE_S)
    _report("alone", before, _read(url, key), ALONE)
    before = _read(url, key)
    await repeat_requests(request, CLIENTS, LOAD_RUNS)
    time.sleep(5)  # for the last batch, and for deletions
    after = _read(url, key)
    _report("in_load", before, after, LOAD_RUNS)
    minutes = (time.monotonic() - began_s) / 60
    report("kv_writes_a_minute", "writes", [after["exports"] / minutes], 60 / EXPORT_S + 1)
    await _measure_bucket(url, api_url, key)


async def _measure_bucket(url: str, api_url: str, key: str) -> None:
    workflow = {**build_chain("string_ops", 1), "name": "large"}
    request = push_workflow(url, key, workflow, {"text": "x" * LARGE_BYTES})
    await time_requests(request, 1)
    time.sleep(1)
    objects = httpx.get(f"{api_url}/r2/buckets/arcrun-components/objects", params={"prefix": "runs/"}).json()["result"]
    report("r2_writes_of_a_large_run", "operations", [len(objects)])


def _read(url: str, key: str) -> dict[str, Any]:
    """The counters, summed over all objects."""
    answer = httpx.get(f"{url}/usage", headers={"X-Arcrun-API-Key": key}, timeout=60).raise_for_status()
    objects = answer.json()["data"]["objects"]
    return {name: sum(each[name] for each in objects) for name in objects[0]}


def _report(name: str, before: dict[str, Any], after: dict[str, Any], runs: int) -> None:
    rows, batches, busy_ms = (after[it] - before[it] for it in ("rows", "batches", "busy_ms"))
    pruned = after["pruned"] - before["pruned"]
    with_deletion = rows + runs - pruned  # plus one row per run that is yet to be deleted
    report(f"rows_a_run_{name}", "rows", [with_deletion / runs], ROWS_LIMIT, runs=runs, pruned=pruned)
    report(f"object_requests_a_run_{name}", "requests", [batches / runs], 1, runs=runs)
    report(f"object_ms_a_run_{name}", "ms", [busy_ms / runs], runs=runs)


if __name__ == "__main__":
    main()
