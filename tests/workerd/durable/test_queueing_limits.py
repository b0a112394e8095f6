"""Runs that wait for room in their workflow's limits on the real runtime: in their order, over a kill of everything."""

import time
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from workerd.durable.soak import platform_that_is_killed
from workerd.local_platform import LocalPlatform, running_platform

pytestmark = pytest.mark.workerd

RUNS = 6


def build_flow(name: str, wait_ms: int, *limits: Any, **settings: Any) -> dict[str, Any]:
    return {
        "name": name,
        "flow": ["input >> PIPE >> pause", "pause >> PIPE >> told"],
        "config": {
            "pause": {"component": "wait", "ms": wait_ms},
            "told": {"component": "set", "values": {"number": "{{input.number}}"}},
        },
        "limits": [*limits],
        **(settings or {"triggers": {"webhook": {"answer": "accepted"}}}),
    }


def show(platform: LocalPlatform, run_id: str) -> dict[str, Any]:
    with platform.executor as client:
        data: dict[str, Any] = client.get(f"/runs/{run_id}").json()["data"]
        return data


def until(platform: LocalPlatform, run_id: str, *statuses: str, within_s: float = 60) -> dict[str, Any]:
    deadline_s = time.monotonic() + within_s
    while time.monotonic() < deadline_s:
        if (found := show(platform, run_id))["status"] in statuses:
            return found
        time.sleep(0.2)
    raise AssertionError(found)


def start(platform: LocalPlatform, flow: dict[str, Any], *inputs: dict[str, Any]) -> list[tuple[str, str]]:
    """The ids of the runs, and the status that each was answered with."""
    with platform.executor as client:
        pushed = client.post("/webhooks", json={"workflow": flow}).json()
        path = f"/webhooks/{pushed['data']['token']}/trigger"
        answers = [client.post(path, json=each) for each in inputs]
    assert {answer.status_code for answer in answers} == {202}, [answer.text for answer in answers]
    return [(answer.json()["run_id"], answer.json()["data"]["status"]) for answer in answers]


def span_of(run: dict[str, Any]) -> tuple[float, float]:
    """When a run has begun, and ended, in seconds."""
    began_s = datetime.fromisoformat(run["started_at"]).timestamp()
    return began_s, began_s + run["duration_ms"] / 1000


def test_runs_wait_in_their_order_also_over_a_kill(tmp_path: Path) -> None:
    inputs = [{"number": number} for number in range(RUNS)]
    with platform_that_is_killed(tmp_path) as platform:
        quick = build_flow("quick", 2_500, {"concurrent": 1, "on_limit": "queue"})
        lasting = build_flow("lasting", 2_500, {"concurrent": 2, "on_limit": "queue"}, durable=True)
        runs = start(platform, quick, *inputs)
        lasting_runs = start(platform, lasting, *inputs)
        assert [status for _, status in runs] == ["running", *["queued"] * (RUNS - 1)]
        assert "queued" in platform.acr("logs", "quick").stdout
        waiting = show(platform, runs[-1][0])
        assert (waiting["status"], waiting["waits_for"]) == ("queued", "room in its limits: 1 at once")
        assert "room in its limits" in platform.acr("logs", runs[-1][0]).stdout
        until(platform, runs[0][0], "success")
        until(platform, runs[1][0], "running", "success")  # the next has begun, and nobody had to ask for it
    with running_platform(tmp_path) as platform:
        ended = [until(platform, run_id, "success", "failed") for run_id, _ in (*runs, *lasting_runs)]
        assert [run["data"] for run in ended] == inputs * 2
        spans = [span_of(run) for run in ended[:RUNS]]
        assert all(before[1] <= after[0] for before, after in pairwise(spans)), spans


def test_the_latest_replaces_who_waits_and_a_cancel_gives_up_its_turn(platform: LocalPlatform) -> None:
    key = "{{input.branch}}"
    flow = build_flow("deploys", 4_000, {"concurrent": 1, "key": key, "on_limit": "latest"})
    inputs = [{"number": number, "branch": branch} for number, branch in enumerate("aaab")]
    (first, _), (second, _), (third, status), (other, other_status) = start(platform, flow, *inputs)
    assert (status, other_status) == ("queued", "running")
    replaced = until(platform, second, "cancelled", within_s=10)
    assert (replaced["error"]["code"], replaced["error"]["details"]) == ("RUN_REPLACED", {"by": third})
    assert third in platform.acr("logs", second).stdout
    assert [until(platform, run_id, "success")["data"]["number"] for run_id in (first, third, other)] == [0, 2, 3]

    flow = build_flow("queued", 4_000, {"concurrent": 1, "on_limit": "queue"})
    (first, _), (second, _), (third, _) = start(platform, flow, *inputs[:3])
    assert platform.acr("cancel", second).returncode == 0
    assert until(platform, second, "cancelled", within_s=10)["error"]["code"] == "RUN_CANCELLED"
    assert [until(platform, run_id, "success")["data"]["number"] for run_id in (first, third)] == [0, 2]
