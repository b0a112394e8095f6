"""Proves runs with ?async=1 on the real runtime: killed while running, and as long as the platform allows."""

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
MOST_MS = 29_000  # of the 30 s after the answer, for the run


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


def test_runs_that_the_killed_runtime_had_under_way_are_lost_and_keep_their_input(
    own: LocalPlatform, webhook: str
) -> None:
    """A run that is accepted afterwards gets its full time, and is recorded before the platform ends it."""
    inputs = [{"ms": 20_000, "n": n} for n in range(5)]
    lost = [
        httpx.post(f"{webhook}?async=1&timeout_ms=25000", json=body, timeout=30).json()["run_id"] for body in inputs
    ]
    kill_runtime(own)
    killed = time.monotonic()
    until_it_answers(own)
    with own.executor as client:
        listed = {run["run_id"]: run["status"] for run in client.get("/runs").json()["data"]["runs"]}
    assert listed == dict.fromkeys(lost, "running")  # none of them is missing
    long = httpx.post(f"{webhook}?async=1", json={"ms": 20_000}, timeout=30).json()["run_id"]
    timed_out = until_it_has_ended(own, long, 40)
    assert (timed_out["error"]["code"], timed_out["duration_ms"] >= MOST_MS) == ("RUN_TIMEOUT", True)
    found = [until_it_has_ended(own, run_id, killed + 60 - time.monotonic()) for run_id in lost]
    assert [(run["status"], run["input"]) for run in found] == [("lost", body) for body in inputs]
    with own.executor as client:
        listed = {run["run_id"]: run["status"] for run in client.get("/runs?workflow=waiting").json()["data"]["runs"]}
    assert listed == {**dict.fromkeys(lost, "lost"), long: "failed"}
    shown = own.acr("logs", lost[0])
    assert (shown.returncode, "lost" in shown.stdout, '"n": 0' in shown.stdout) == (0, True, True), shown.stderr
    assert "lost" in own.acr("logs").stdout


@pytest.mark.parametrize(("query", "timeout_ms"), [("&timeout_ms=30001", None), ("", 60_000)], ids=["asked", "its own"])
def test_more_than_the_platform_gives_is_refused(own: LocalPlatform, query: str, timeout_ms: int | None) -> None:
    workflow = {**WAITING, "name": f"waiting_{timeout_ms}", **({"timeout_ms": timeout_ms} if timeout_ms else {})}
    with own.executor as client:
        webhook = client.post("/webhooks", json={"workflow": workflow}).json()["data"]["webhook_url"]
    answer = httpx.post(f"{webhook}?async=1{query}", json={"ms": 1}, timeout=30)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "ACCEPTED_RUN_TOO_LONG")
    shown = own.acr("run", workflow["name"], "--async", *(["--timeout-ms", "30001"] if query else []))
    assert (shown.returncode, "ACCEPTED_RUN_TOO_LONG" in shown.stderr, "?async" in shown.stderr) == (1, True, False)
    assert "--async --timeout-ms 30000" in " ".join(shown.stderr.split())
