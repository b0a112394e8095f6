"""Proves runs with ?async=1 on the real runtime: killed while running, and longer than work after an answer may be."""

import os
import signal
import time
from typing import Any

import httpx
import pytest

from workerd.local_platform import LocalPlatform, find_descendants, running_platform

pytestmark = pytest.mark.workerd

WAITING: dict[str, Any] = {
    "name": "waiting",
    "flow": ["input >> PIPE >> pause", "pause >> PIPE >> again", "again >> PIPE >> and_again"],
    "config": {name: {"component": "wait", "ms": "{{input.ms}}"} for name in ("pause", "again", "and_again")},
}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with running_platform(tmp_path_factory.mktemp("accepted")) as running:
        yield running


@pytest.fixture(scope="module")
def webhook(own: LocalPlatform) -> str:
    with own.executor as client:
        url: str = client.post("/webhooks", json={"workflow": WAITING}).json()["data"]["webhook_url"]
    return url


def kill_runtime(platform: LocalPlatform) -> None:
    [workerd] = [pid for pid, name in find_descendants(platform.process.pid).items() if "workerd" in name]
    os.kill(workerd, signal.SIGKILL)


def until_it_answers(platform: LocalPlatform) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{platform.urls['executor']}/health", timeout=30).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise AssertionError("The runtime did not come back.")


def until_it_has_ended(platform: LocalPlatform, run_id: str, within_s: float) -> dict[str, Any]:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        with platform.executor as client:
            found: dict[str, Any] = client.get(f"/runs/{run_id}").json()["data"]
        if found["status"] != "running":
            return found
        time.sleep(0.25)
    raise AssertionError(f"After {within_s} s it is still running.")


def test_runs_that_the_killed_runtime_had_under_way_are_run_again(own: LocalPlatform, webhook: str) -> None:
    inputs = [{"ms": 700, "n": n} for n in range(5)]
    begun = [httpx.post(f"{webhook}?async=1", json=body, timeout=30).json()["run_id"] for body in inputs]
    kill_runtime(own)
    until_it_answers(own)
    with own.executor as client:
        listed = {run["run_id"] for run in client.get("/runs").json()["data"]["runs"]}
    assert listed == set(begun)  # none of them is missing
    ended = [until_it_has_ended(own, run_id, 60) for run_id in begun]
    assert [run["status"] for run in ended] == ["success"] * len(begun)
    with own.executor as client:
        kept = [client.get(f"/runs/{run_id}/input").json()["data"]["input"] for run_id in begun]
    assert kept == inputs


def test_a_run_takes_as_long_as_its_workflow_says(own: LocalPlatform) -> None:
    """Longer than the platform lets work go on after an answer, and no longer than its own limit."""
    long = {**WAITING, "name": "long", "timeout_ms": 40_000}
    with own.executor as client:
        webhook = client.post("/webhooks", json={"workflow": long}).json()["data"]["webhook_url"]
    begun = [httpx.post(f"{webhook}?async=1", json={"ms": ms}, timeout=30).json()["run_id"] for ms in (11_000, 20_000)]
    ended, timed_out = (until_it_has_ended(own, run_id, 70) for run_id in begun)
    assert (ended["status"], ended["duration_ms"] >= 33_000) == ("success", True)
    assert (timed_out["error"]["code"], timed_out["duration_ms"] >= 40_000) == ("RUN_TIMEOUT", True)
