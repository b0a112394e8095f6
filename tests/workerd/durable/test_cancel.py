"""`acr cancel` on the real runtime: a durable run that sleeps is undone, one that is not durable ends in between, and a
quick one while its client waits for it.
"""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from workerd.local_platform import LocalPlatform, running_platform

pytestmark = pytest.mark.workerd

SET = {"component": "set", "values": {"done": True}}
LASTING = {
    "name": "lasting",
    "durable": True,
    "flow": ["input >> PIPE >> book", "book >> PIPE >> pause", "pause >> PIPE >> pay"],
    "config": {
        "book": {**SET, "undo": {"component": "set", "values": {"taken_back": "{{book.data.done}}"}}},
        "pause": {"component": "wait", "for": "1d"},
        "pay": SET,
    },
}
SLOW = {"name": "slow", "flow": ["input >> PIPE >> pause"], "config": {"pause": {"component": "wait", "ms": 25_000}}}


def until(platform: LocalPlatform, run_id: str, status: str, within_s: float = 40) -> dict[str, Any]:
    deadline_s = time.monotonic() + within_s
    with platform.executor as client:
        while time.monotonic() < deadline_s:
            found: dict[str, Any] = (
                client.get(f"/runs/{run_id}").json().get("data", {})
            )  # a record comes behind an answer
            if found.get("status") == status:
                return found
            time.sleep(0.2)
    raise AssertionError(found)


def test_runs_are_cancelled(tmp_path: Path) -> None:
    with running_platform(tmp_path) as platform, platform.executor as client:
        run_ids = {}
        for workflow in (LASTING, SLOW):
            client.post("/webhooks", json={"workflow": workflow})
            name = workflow["name"]
            run_ids[name] = client.post(f"/webhooks/named/{name}/trigger?async=1", json={}).json()["run_id"]
        time.sleep(3)
        for run_id in run_ids.values():
            asked = platform.acr("cancel", run_id[:20])
            assert asked.returncode == 0, asked.stderr
        lasting, slow = (until(platform, run_ids[name], "cancelled") for name in ("lasting", "slow"))
        again = platform.acr("cancel", run_ids["slow"], "--json")
        assert (again.returncode, "RUN_NOT_CANCELLABLE" in again.stdout) == (1, True), again
    assert (lasting["error"]["code"], lasting["undone"]) == ("RUN_CANCELLED", "complete")
    statuses = {entry["node"]: entry["status"] for entry in lasting["trace"]}
    assert statuses == {"book": "success", "pause": "failed", "pay": "skipped"}
    assert (slow["error"]["code"], slow["duration_ms"] < 24_000) == ("RUN_CANCELLED", True)


QUICK = {
    "name": "quick",
    "flow": ["input >> PIPE >> book", "book >> PIPE >> pause"],
    "config": {
        "book": {**SET, "undo": {"component": "set", "values": {"taken_back": "{{book.data.done}}"}}},
        "pause": {"component": "wait", "ms": 25_000},
    },
}


def test_a_quick_run_is_cancelled_while_its_client_waits(platform: LocalPlatform) -> None:
    with platform.executor as client:
        client.post("/webhooks", json={"workflow": QUICK})
        lines = {"accept": "application/x-ndjson"}
        began_s = time.monotonic()
        with client.stream("POST", "/webhooks/named/quick/trigger", json={}, headers=lines) as answer:
            told = (json.loads(line) for line in answer.iter_lines() if line)
            run_id = next(told)["run_id"]
            asked = platform.acr("cancel", run_id)  # another process, another request
            assert asked.returncode == 0, asked.stderr
            ended = next(told)
    assert (ended["error"]["code"], ended["undone"]) == ("RUN_CANCELLED", "complete")
    assert time.monotonic() - began_s < 15
    assert until(platform, run_id, "cancelled")["undone"] == "complete"
    again = platform.acr("cancel", run_id, "--json")
    assert (again.returncode, "RUN_NOT_CANCELLABLE" in again.stdout) == (1, True), again
