"""Dead letters and queued runs on the real runtime, with the commands that deal with them."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from workerd.local_platform import LocalPlatform, running_platform

pytestmark = pytest.mark.workerd

WORKFLOW = {
    "name": "orders",
    "flow": ["input >> PIPE >> told"],
    "config": {"told": {"component": "set", "values": {"text": "{{input.text}}"}}},
}
QUEUED = 25  # more than one object begins at once


def until(platform: LocalPlatform, run_id: str, *statuses: str) -> dict[str, Any]:
    deadline_s = time.monotonic() + 30
    with platform.executor as client:
        while time.monotonic() < deadline_s:
            found: dict[str, Any] = client.get(f"/runs/{run_id}").json()["data"]
            if found["status"] in statuses:
                return found
            time.sleep(0.2)
    raise AssertionError(found)


def read_json(platform: LocalPlatform, *arguments: str) -> Any:
    answer = platform.acr(*arguments, "--json")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return json.loads(answer.stdout)["data"]


def test_runs_wait_for_their_owner(tmp_path: Path) -> None:
    with running_platform(tmp_path, RUN_LOG_OBJECTS="1") as platform, platform.executor as client:
        pushed = client.post("/webhooks", json={"workflow": WORKFLOW}).json()["data"]
        path = f"/webhooks/{pushed['token']}/trigger"

        failed = client.post(f"{path}?async=1", json={}).json()["run_id"]
        assert "dead_until" in until(platform, failed, "failed")
        assert [run["run_id"] for run in read_json(platform, "logs", "orders", "--failed")["runs"]] == [failed]
        assert "1 dead letter" in platform.acr("list").stdout
        dismissed = platform.acr("dismiss", failed[:20])
        assert (dismissed.returncode, failed in dismissed.stderr) == (0, True)
        assert read_json(platform, "logs", "--failed")["runs"] == []
        again = platform.acr("dismiss", failed)
        assert (again.returncode, "RUN_NOT_DEAD" in again.stderr) == (1, True)

        for wrong in (("pause",), ("resume",), ("pause", "orders", "--all"), ("dismiss",)):
            assert platform.acr(*wrong).returncode == 2
        assert platform.acr("pause", "orders").returncode == 0
        refused = client.post(path, json={"text": "a"})
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "60")
        assert platform.acr("pause", "orders", "--queue").returncode == 0
        answers = [client.post(path, json={"text": str(number)}) for number in range(QUEUED)]
        assert {answer.status_code for answer in answers} == {202}
        run_ids = [answer.json()["run_id"] for answer in answers]
        assert f"paused, queues requests, {QUEUED} queued" in platform.acr("list").stdout
        assert until(platform, run_ids[0], "queued")["input"] == {"text": "0"}
        by_name = platform.acr("run", "orders", "--input", '{"text": "mine"}', "--json")
        assert json.loads(by_name.stdout)["data"] == {"text": "mine"}
        resumed = platform.acr("resume", "orders")
        assert f"{QUEUED} queued runs will begin" in resumed.stderr
        ended = [until(platform, run_id, "success", "failed") for run_id in run_ids]
        assert [run["data"] for run in ended] == [{"text": str(number)} for number in range(QUEUED)]
        assert client.post(path, json={"text": "b"}).json()["data"] == {"text": "b"}

        assert platform.acr("pause", "--all").returncode == 0
        assert client.post(path, json={"text": "c"}).json()["error"]["code"] == "WORKFLOW_PAUSED"
        assert "paused as all" in platform.acr("list").stdout
        assert platform.acr("resume", "--all").returncode == 0
        assert client.post(path, json={"text": "d"}).status_code == 200
        actions = [line["action"] for line in read_json(platform, "audit")["lines"]]
        assert actions[:5] == [f"workflow.{each}" for each in ("resume", "pause", "resume", "pause", "pause")]


def test_queued_runs_outlive_a_kill(tmp_path: Path) -> None:
    with running_platform(tmp_path) as platform, platform.executor as client:
        pushed = client.post("/webhooks", json={"workflow": WORKFLOW}).json()["data"]
        client.post("/webhooks/named/orders/pause", json={"on_trigger": "queue"})
        run_id = client.post(f"/webhooks/{pushed['token']}/trigger", json={"text": "a"}).json()["run_id"]
        platform.process.kill()
    with running_platform(tmp_path) as platform:
        time.sleep(2)  # what runs that have not ended are gone on with in
        assert until(platform, run_id, "queued", "running", "success")["status"] == "queued"
        assert platform.acr("resume", "orders").returncode == 0
        assert until(platform, run_id, "success")["data"] == {"text": "a"}
