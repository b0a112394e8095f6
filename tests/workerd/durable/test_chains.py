"""`after` on the real runtime: a webhook that succeeds starts its follower, which gets its answer, large or small, and
once, whatever is killed.
"""

import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from workerd.durable.soak import platform_that_is_killed
from workerd.local_platform import running_platform

pytestmark = pytest.mark.workerd

KILLS, EACH = 3, 8
LARGE = 300_000

ORDERS = {
    "name": "orders",
    "flow": ["input >> PIPE >> total"],
    "config": {"total": {"component": "number_ops", "operation": "multiply", "input": "{{input.n}}", "value": 2}},
}
SHIP = {
    "name": "ship",
    "triggers": {"after": ["orders"]},
    "flow": ["input >> PIPE >> told"],
    "config": {"told": {"component": "set", "values": {"got": "{{input}}", "by": "{{request.trigger}}"}}},
}
REPORT = {**SHIP, "name": "report", "triggers": {"after": ["ship"]}, "durable": True}
CIRCLE = {**ORDERS, "triggers": {"after": ["report"]}}


def until_ended(client: httpx.Client, count: int) -> dict[str, list[dict[str, Any]]]:
    """The records of runs that follow others, by workflow."""
    deadline_s = time.monotonic() + 60
    while True:
        runs = client.get("/runs?trigger=after").json()["data"]["runs"]
        if len([run for run in runs if run["status"] == "success"]) >= count:
            break
        assert time.monotonic() < deadline_s, runs
        time.sleep(0.3)
    found: dict[str, list[dict[str, Any]]] = {}
    for run in runs:
        found.setdefault(run["workflow"], []).append(client.get(f"/runs/{run['run_id']}").json()["data"])
    return found


def test_a_chain_runs_to_its_end_and_once(tmp_path: Path) -> None:
    with running_platform(tmp_path) as platform, platform.executor as client:
        for workflow in (ORDERS, SHIP, REPORT):
            client.post("/webhooks", json={"workflow": workflow}).raise_for_status()
        refused = client.post("/webhooks", json={"workflow": CIRCLE})
        assert "AFTER_CYCLE" in refused.text, refused.text
        ran = client.post("/webhooks/named/orders/trigger", json={"n": 21}).json()
        found = until_ended(client, 2)
        [shipped], [reported] = found["ship"], found["report"]
        assert shipped["data"]["got"] == ran["data"]
        assert shipped["data"]["by"] == {"kind": "after", "workflow": "orders", "run_id": ran["run_id"]}
        assert reported["data"]["got"] == shipped["data"]
        client.post("/webhooks/named/orders/trigger?async=1", json={"n": 2}).raise_for_status()
        found = until_ended(client, 4)
        assert {name: len(runs) for name, runs in found.items()} == {"ship": 2, "report": 2}


def test_every_run_is_followed_once_whatever_is_killed(tmp_path: Path) -> None:
    for kill in range(KILLS):
        with platform_that_is_killed(tmp_path) as platform, platform.executor as client:
            for workflow in (ORDERS, SHIP):
                client.post("/webhooks", json={"workflow": workflow}).raise_for_status()
            for number in range(EACH):
                query = "?async=1" if number % 2 else ""
                client.post(f"/webhooks/named/orders/trigger{query}", json={"n": number}).raise_for_status()
            time.sleep(0.2 + 0.4 * kill)  # before and after the Workspace is told, and while runs begin
    with running_platform(tmp_path) as platform, platform.executor as client:
        deadline_s = time.monotonic() + 90
        while time.monotonic() < deadline_s:
            orders, ships = (list_succeeded(client, name) for name in ("orders", "ship"))
            if len(orders) == len(ships) >= KILLS * EACH / 2:
                break
            time.sleep(0.5)
        time.sleep(2)  # for what would begin twice
        ships = list_succeeded(client, "ship")
        followed = Counter(client.get(f"/runs/{ship}").json()["data"]["data"]["by"]["run_id"] for ship in ships)
    assert followed == Counter(orders)


def list_succeeded(client: httpx.Client, name: str) -> list[str]:
    runs = client.get(f"/runs?workflow={name}&status=success&limit=100").json()["data"]["runs"]
    return [run["run_id"] for run in runs]


def test_a_large_answer_arrives_whole(tmp_path: Path) -> None:
    large = {"component": "set", "values": {"text": "{{input.text}}"}}
    length = {"component": "set", "values": {"count": "{{input.text | length}}"}}
    with running_platform(tmp_path) as platform, platform.executor as client:
        for workflow in (
            {**ORDERS, "config": {"total": large}},
            {**SHIP, "config": {"told": length}},
        ):
            client.post("/webhooks", json={"workflow": workflow}).raise_for_status()
        client.post("/webhooks/named/orders/trigger", json={"text": "x" * LARGE}).raise_for_status()
        [shipped] = until_ended(client, 1)["ship"]
    assert shipped["data"] == {"count": LARGE}
