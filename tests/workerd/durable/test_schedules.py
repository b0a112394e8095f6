"""Schedules on the real runtime: pushed and listed by `acr`, they start their runs at their time, exactly once each,
also if everything is killed while many are due.
"""

import json
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from workerd.durable.soak import platform_that_is_killed
from workerd.local_platform import LocalPlatform, running_platform

pytestmark = pytest.mark.workerd

MANY, EACH = 6, 20
SAY = {"say": {"component": "set", "values": {"kind": "{{input.kind}}", "trigger": "{{request.trigger}}"}}}
LATE_S = 5  # on a machine that is busy; benchmarks/schedules.py measures it


def workflow(name: str, *schedules: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "triggers": {"schedule": [*schedules]}, "flow": ["input >> PIPE >> say"], "config": SAY}


def acr_json(platform: LocalPlatform, *arguments: str) -> Any:
    result = platform.acr(*arguments, "--json")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def push_by_command(platform: LocalPlatform, folder: Path, source: dict[str, Any]) -> str:
    """What `acr push` says."""
    file = folder / f"{source['name']}.yaml"
    file.write_text(json.dumps(source))
    pushed = platform.acr("push", str(file))
    assert pushed.returncode == 0, pushed.stderr
    return pushed.stderr


def list_runs(client: httpx.Client, query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        data = client.get(f"/runs?{query}&limit=100{cursor}").json()["data"]
        found += data["runs"]
        if data["cursor"] is None:
            return found
        cursor = f"&cursor={data['cursor']}"


def until_ended(client: httpx.Client, query: str, count: int, within_s: float = 90) -> list[dict[str, Any]]:
    deadline_s = time.monotonic() + within_s
    while time.monotonic() < deadline_s:
        runs = list_runs(client, query)
        if sum(run["status"] == "success" for run in runs) >= count:
            return runs
        time.sleep(0.5)
    raise AssertionError(runs)


def test_what_is_due_starts_once_whatever_is_killed(tmp_path: Path) -> None:
    daily = {"cron": "0 9 * * MON-FRI", "zone": "Europe/Berlin", "input": {"kind": "daily"}}
    minutely = {"cron": "* * * * *", "catch_up": "all", "overlap": "allow", "input": {"kind": "minutely"}}
    with platform_that_is_killed(tmp_path) as platform, platform.executor as client:
        told = push_by_command(platform, tmp_path, workflow("digest", daily))
        assert told.count(" 09:00:00+0") == 5  # the next five times, in the zone and in UTC
        listed = platform.acr("list")
        assert listed.stdout.count(" 09:00:00+0") == 5
        _use_the_commands(platform, client)
        push_by_command(platform, tmp_path, workflow("tick", minutely))
        began = datetime.now(UTC)
        due = (began + timedelta(seconds=80)).replace(second=0, microsecond=0)
        moment = {"at": f"{due:%Y-%m-%dT%H:%M}", "input": {"kind": "once"}, "overlap": "allow", "jitter": "0s"}
        for number in range(MANY):
            client.post("/webhooks", json={"workflow": workflow(f"many-{number}", *[moment] * EACH)}).raise_for_status()
        assert datetime.now(UTC) < due
        time.sleep(max(0, due.timestamp() + 0.3 - time.time()))
    with running_platform(tmp_path) as platform, platform.executor as client:
        until_ended(client, "q=many-", MANY * EACH)
        time.sleep(max(0, due.timestamp() + 62 - time.time()))  # the next minute has passed too
        minutes = (int(time.time()) - int(began.timestamp()) // 60 * 60) // 60
        ticks = until_ended(client, "workflow=tick", minutes)
        many = list_runs(client, "q=many-")
        records = [client.get(f"/runs/{run['run_id']}").json()["data"] for run in (*many[:5], *ticks)]
    assert Counter(run["workflow"] for run in many) == {f"many-{number}": EACH for number in range(MANY)}
    assert {run["status"] for run in many} == {"success"}
    assert {record["data"]["kind"] for record in records} == {"once", "minutely"}
    due_at = [record["data"]["trigger"]["due_at"] for record in records if record["data"]["kind"] == "minutely"]
    assert len({*due_at}) == len(due_at) == minutes
    newest = ticks[0]["started_at"]
    assert (datetime.fromisoformat(newest) - datetime.fromisoformat(max(due_at))).total_seconds() < LATE_S


def _use_the_commands(platform: LocalPlatform, client: httpx.Client) -> None:
    [shown] = acr_json(platform, "schedule", "next", "digest", "--count", "7")["data"]["schedules"]
    assert (len(shown["next"]), shown["zone"]) == (7, "Europe/Berlin")
    assert "paused" in platform.acr("schedule", "pause", "digest").stdout
    [paused] = acr_json(platform, "schedule", "list", "digest")["data"]["schedules"]
    assert paused["paused"]
    [resumed] = acr_json(platform, "schedule", "resume", "digest")["data"]["schedules"]
    assert not resumed["paused"]
    run_id = platform.acr("schedule", "run", "digest").stdout.strip()
    [run] = until_ended(client, "workflow=digest", 1)
    assert (run["run_id"], run["trigger"]) == (run_id, "schedule")
    assert client.get(f"/runs/{run_id}").json()["data"]["data"]["kind"] == "daily"
    refused = platform.acr("schedule", "pause", "nobody", "--json")
    assert (refused.returncode, "WORKFLOW_NOT_FOUND" in refused.stdout) == (1, True)
