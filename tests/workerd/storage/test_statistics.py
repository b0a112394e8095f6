"""Proves on real workerd that no count is lost to concurrency or a crash, and that the export keeps to KV's rate."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from workerd.local_platform import LocalPlatform
from workerd.registry_platform import HEADERS, RunningRegistry, running_registry

pytestmark = pytest.mark.workerd

CALLS, COMPONENTS = 1_000, 10
KILLED_AFTER = 200


def record_of(i: int) -> dict[str, Any]:
    """The record of the i-th call: every fifth of a component has failed."""
    return {
        "canonical_id": f"part_{i % COMPONENTS}",
        "version": "v1",
        "success": i // COMPONENTS % 5 != 0,
        "duration_ms": float(i // COMPONENTS),
    }


async def send_all(
    url: str, on_answer: Callable[[int], None] = lambda _count: None, connections: int = 50
) -> tuple[int, int]:
    """Send all calls over several connections. Returns how many were sent and how many were acknowledged."""
    sent = acknowledged = 0

    async def send(client: httpx.AsyncClient, i: int) -> None:
        nonlocal sent, acknowledged
        sent += 1
        try:
            answer = await client.post("/analytics/record", json=record_of(i))
        except httpx.TransportError:
            return
        if answer.status_code == 200:
            acknowledged += 1
            on_answer(acknowledged)

    limits = httpx.Limits(max_connections=connections)
    async with httpx.AsyncClient(base_url=url, headers=HEADERS, limits=limits, timeout=60) as client:
        await asyncio.gather(*(send(client, i) for i in range(CALLS)))
    return sent, acknowledged


def await_export(registry: RunningRegistry, is_there: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        text = registry.read_kv("ANALYTICS_KV", "statistics")
        if text is not None and is_there(exported := json.loads(text)):
            found: dict[str, Any] = exported
            return found
        time.sleep(0.1)
    raise AssertionError("the export does not show it")


def count_of(exported: dict[str, Any]) -> int:
    return sum(found["total_runs"] for found in exported["scopes"]["owner"].values())


def test_concurrent_records_are_all_counted_and_exported_at_the_pace_of_kv(tmp_path: Path) -> None:
    with running_registry(tmp_path, STATISTICS_MIRROR_S="1") as registry:
        started = time.monotonic()
        assert asyncio.run(send_all(registry.url, connections=CALLS)) == (CALLS, CALLS)
        counted = registry.read_statistics()
        each = CALLS // COMPONENTS
        assert {name: found["total_runs"] for name, found in counted.items()} == {
            f"part_{i}": each for i in range(COMPONENTS)
        }
        assert {found["success_rate"] for found in counted.values()} == {0.8}
        assert {found["avg_duration_ms"] for found in counted.values()} == {(each - 1) / 2}
        assert all(found["p95_duration_ms"] == pytest.approx(94, rel=0.05) for found in counted.values())
        exported = await_export(registry, lambda exported: count_of(exported) == CALLS)
        assert exported["scopes"]["owner"]["part_3"]["success_rate"] == 0.8
        assert 1 <= exported["sequence"] <= time.monotonic() - started  # at most one write per second
        time.sleep(2.5)
        again = json.loads(registry.read_kv("ANALYTICS_KV", "statistics") or "")
        assert again["sequence"] == exported["sequence"]  # nothing has changed


def test_what_was_acknowledged_survives_a_kill_and_so_does_the_export_that_is_due(tmp_path: Path) -> None:
    with running_registry(tmp_path, STATISTICS_MIRROR_S="3") as registry:

        def kill(acknowledged: int) -> None:
            if acknowledged == KILLED_AFTER:
                registry.kill_workerd()

        sent, acknowledged = asyncio.run(send_all(registry.url, kill))
    assert KILLED_AFTER <= acknowledged < CALLS
    with running_registry(tmp_path, STATISTICS_MIRROR_S="3") as registry:
        # Nothing is sent to the object before its alarm, which must have survived.
        exported = await_export(registry, lambda exported: count_of(exported) >= acknowledged)
        total = sum(found["total_runs"] for found in registry.read_statistics().values())
        assert acknowledged <= total == count_of(exported) <= sent
        httpx.post(
            f"{registry.url}/analytics/record", json=record_of(0), headers=HEADERS, timeout=60
        ).raise_for_status()
        assert sum(found["total_runs"] for found in registry.read_statistics().values()) == total + 1


def test_runs_are_in_the_statistics_shortly_after(platform: LocalPlatform) -> None:
    """A loop's iterations, a failure, and a component on its own."""
    flow = ["input >> FOREACH n IN input.numbers >> double", "input >> CONTINUE >> check", "check >> ON_FAIL >> output"]
    config = {
        "double": {"component": "number_ops", "operation": "multiply", "input": "{{n}}", "value": 2},
        "check": {"component": "number_ops", "operation": "divide", "input": 1, "value": 0},
    }
    before = read_statistics(platform).get("number_ops", {"total_runs": 0, "success_rate": 0})
    with platform.executor as client:
        body = {"workflow": {"name": "w", "flow": flow, "config": config}, "input": {"numbers": [1, 2, 3]}}
        assert client.post("/execute", json=body).json()["success"]
    platform.execute("number_ops", {"operation": "add", "input": 1, "value": 1}).raise_for_status()
    deadline = time.monotonic() + 10
    while (after := read_statistics(platform).get("number_ops", before))["total_runs"] < before["total_runs"] + 5:
        assert time.monotonic() < deadline, after
    assert after["total_runs"] == before["total_runs"] + 5
    successes = [round(found["total_runs"] * (found["success_rate"] or 0)) for found in (before, after)]
    assert successes[1] - successes[0] == 4


def read_statistics(platform: LocalPlatform) -> dict[str, Any]:
    with platform.registry() as client:
        answer = client.get("/analytics").raise_for_status()
    return {found["canonical_id"]: found for found in answer.json()["data"]["components"]}
