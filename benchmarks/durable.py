"""Measure accepted and durable runs, on a platform of their own. Prints one JSON line per figure, as run.py does.

Beside them stands the bare engine: instances of a Workflow whose three steps ask a service, in a Worker without arcrun
(tests/workerd/durable/player).

.venv/bin/python benchmarks/durable.py
... --runs 200          so many of each kind
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
from run import ROOT, fresh_state, report, started_platform

sys.path.insert(0, str(ROOT / "tests"))
from workerd.durable.instances import ENDED as INSTANCE_ENDED
from workerd.durable.instances import Player, playing

STEPS = 3  # of a durable run: its components reach outside, but a stretch of them is one step
AT_ONCE, LISTED = 16, 50
POLL_S, POLL_IN_LOAD_S, BARE_POLL_S = 0.01, 0.1, 0.1  # polls are requests too
ENDED = ("success", "failed")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200, help="runs of each kind")
    options = parser.parse_args()
    print(json.dumps({"name": "load_average", "one_minute": os.getloadavg()[0], "processors": os.cpu_count()}))
    with (
        fresh_state(ARCRUN_ALLOW_LOCAL_NETWORK="true") as (folder, key, environment),
        started_platform(folder, environment) as started,
    ):
        asyncio.run(measure(started.urls, key, options.runs, folder / "state"))
    with tempfile.TemporaryDirectory() as place, playing(Path(place)) as player:
        report("bare_3_steps_rate", "instances/s", [measure_bare(player, options.runs)])


def measure_bare(player: Player, count: int) -> float:
    """Instances a second, sixteen of them at once."""

    def run(name: str) -> None:
        player.create(name, *(["do", f"{name}-{step}"] for step in range(STEPS)))
        while player.status(name) not in INSTANCE_ENDED:
            time.sleep(BARE_POLL_S)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(run, [f"warm-{number}" for number in range(AT_ONCE)]))
        began_s = time.perf_counter()
        list(threads.map(run, [f"bare-{number}" for number in range(count)]))
        return count / (time.perf_counter() - began_s)


async def measure(urls: dict[str, str], key: str, runs: int, state: Path) -> None:
    headers = {"X-Arcrun-API-Key": key}
    limits = httpx.Limits(max_connections=32)
    async with httpx.AsyncClient(base_url=urls["executor"], headers=headers, timeout=60, limits=limits) as client:
        for workflow in build_workflows(urls["executor"]):
            (await client.post("/webhooks", json={"workflow": workflow})).raise_for_status()
        shown = (await client.get("/webhooks/named/lasting")).raise_for_status().json()["data"]
        print(json.dumps({"name": "platform_steps_per_durable_run", "steps": shown["steps"]["text"]}))
        await time_runs(client, "quick", 20)  # until Python has started everywhere
        await time_runs(client, "lasting", 20)
        accepted_ms, _ = await time_runs(client, "quick", runs)
        report("accepted_acknowledged", "ms", accepted_ms, 15)
        before = disk_bytes(state)
        _, took_ms = await time_runs(client, "lasting", runs)
        report("durable_3_steps", "ms", took_ms, 60)
        report("disk_per_durable_run", "KiB", [(disk_bytes(state) - before) / 1024 / runs])
        report("durable_3_steps_rate", "runs/s", [await measure_rate(client, runs)])


def build_workflows(url: str) -> list[dict[str, Any]]:
    """`lasting` asks the platform itself for its health: nothing else is on the way."""
    node = {"component": "http_request", "url": f"{url}/health"}
    chain = [f"n{i} >> PIPE >> n{i + 1}" for i in range(1, STEPS)]
    return [
        {"name": "quick", "flow": ["input >> PIPE >> a"], "config": {"a": {"component": "set", "values": {}}}},
        {
            "name": "lasting",
            "durable": True,
            "flow": ["input >> PIPE >> n1", *chain],
            "config": {f"n{i}": node for i in range(1, STEPS + 1)},
        },
    ]


async def time_runs(client: httpx.AsyncClient, name: str, count: int) -> tuple[list[float], list[float]]:
    """Runs one after the other: milliseconds until each was acknowledged, and until it had ended."""
    acknowledged, ended = [], []
    for _ in range(count):
        began_s = time.perf_counter()
        run_id = await start(client, name)
        acknowledged.append((time.perf_counter() - began_s) * 1000)
        record = await until_ended(client, run_id)
        assert record["status"] == "success", record
        ended.append((time.perf_counter() - began_s) * 1000)
    return acknowledged, ended


async def measure_rate(client: httpx.AsyncClient, count: int) -> float:
    """Runs a second, sixteen of them at once. One list tells which have ended."""
    room, under_way = asyncio.Semaphore(AT_ONCE), set[str]()

    async def begin() -> None:
        await room.acquire()
        under_way.add(await start(client, "lasting"))

    began_s = time.perf_counter()
    beginning = asyncio.gather(*(begin() for _ in range(count)))
    while not beginning.done() or under_way:
        await asyncio.sleep(POLL_IN_LOAD_S)
        listed = (await client.get("/runs", params={"limit": LISTED})).raise_for_status().json()["data"]["runs"]
        for run in listed:
            if run["run_id"] in under_way and run["status"] in ENDED:
                under_way.discard(run["run_id"])
                room.release()
    return count / (time.perf_counter() - began_s)


async def start(client: httpx.AsyncClient, name: str) -> str:
    answer = await client.post(f"/webhooks/named/{name}/trigger?async=1", json={})
    run_id: str = answer.raise_for_status().json()["run_id"]
    return run_id


async def until_ended(client: httpx.AsyncClient, run_id: str) -> dict[str, Any]:
    while True:
        record: dict[str, Any] = (await client.get(f"/runs/{run_id}")).json()["data"]
        if record["status"] in ENDED:
            return record
        await asyncio.sleep(POLL_S)


def disk_bytes(folder: Path) -> int:
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    main()
