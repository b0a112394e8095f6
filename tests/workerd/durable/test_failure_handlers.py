"""`failure_of` on the real runtime: a webhook that fails starts the handler once, with the count of what follows."""

import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from workerd.local_platform import running_platform

pytestmark = pytest.mark.workerd

TELL = {"tell": {"component": "set", "values": {"told": "{{input}}"}}}
FAIL = {"fail": {"component": "number_ops", "operation": "divide", "input": 1, "value": "{{input.by}}"}}
ORDERS = {"name": "orders", "flow": ["input >> PIPE >> fail"], "config": FAIL}
ALARM = {
    "name": "alarm",
    "triggers": {"failure_of": {"workflows": "*", "at_most": "1 per 1m"}},
    "flow": ["input >> PIPE >> tell"],
    "config": TELL,
}


def list_told(client: httpx.Client) -> list[dict[str, Any]]:
    runs = client.get("/runs?trigger=failure").json()["data"]["runs"]
    found = [client.get(f"/runs/{run['run_id']}").json()["data"] for run in reversed(runs)]
    return [record["data"]["told"] for record in found if record["status"] == "success"]


def until_told(client: httpx.Client, count: int, within_s: float) -> list[dict[str, Any]]:
    deadline_s = time.monotonic() + within_s
    while len(told := list_told(client)) < count:
        assert time.monotonic() < deadline_s, told
        time.sleep(0.5)
    return told


def test_an_outage_is_told_once_and_then_by_its_count(tmp_path: Path) -> None:
    with running_platform(tmp_path) as platform, platform.executor as client:
        for workflow in (ORDERS, ALARM):
            client.post("/webhooks", json={"workflow": workflow}).raise_for_status()
        failed = client.post("/webhooks/named/orders/trigger", json={"by": 0}).json()
        assert failed["success"] is False
        [first] = until_told(client, 1, 20)
        assert (first["workflow"], first["run_id"], first["count"]) == ("orders", failed["run_id"], 1)
        assert (first["node"], first["error"]["code"]) == ("fail", "DIVISION_BY_ZERO")
        for query in ("", "", "?async=1"):
            client.post(f"/webhooks/named/orders/trigger{query}", json={"by": 0})
        _, second = until_told(client, 2, 90)
        assert (second["count"], second["workflows"]) == (3, {"orders": 3})
