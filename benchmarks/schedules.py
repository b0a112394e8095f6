"""Measure how late the runs of schedules begin, on a platform of their own. Prints one JSON line per figure, as run.py
does.

.venv/bin/python benchmarks/schedules.py
... --due 9000          so many times due in one minute, of workflows of twenty schedules each

The local runtime keeps two files open for each run's instance: `ulimit -n` must be more than twice as many.
"""

import argparse
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from run import ROOT, report

sys.path.insert(0, str(ROOT / "tests"))
from arcrun.engine.run_id import time_of
from arcrun.limits import MAX_SCHEDULES
from workerd.local_platform import LocalPlatform, running_platform

SECONDS_A_RUN = 0.03  # until which they must be created
PUSH_S = 0.35  # of a workflow of twenty schedules, at most
POLL_S = 1.0
POLLS = 25  # of many until they must be created: a list of all schedules takes the runtime's time too


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--due", type=int, default=1_000, help="times that are due in one minute")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="arcrun-benchmark-") as folder:
        with running_platform(Path(folder) / "one", "--no-reload") as platform:
            measure_one(platform)
        with running_platform(Path(folder) / "many", "--no-reload") as platform:
            measure_many(platform, options.due)


def measure_one(platform: LocalPlatform) -> None:
    """A single schedule of each minute: how late its runs begin."""
    with platform.executor as client:
        push(client, "one", [{"cron": "* * * * *"}])
        while len(runs := list_runs(client, "one")) < 2:
            time.sleep(POLL_S)
    report("one_schedule_late", "ms", [began_ms(run) - time_of(run["run_id"]) for run in runs], limit=1_000)


def measure_many(platform: LocalPlatform, count: int) -> None:
    """Many schedules of the same minute, with the jitter that they have if none is said: until all runs are created."""
    workflows = -(-count // MAX_SCHEDULES)
    due = (datetime.now(UTC) + timedelta(seconds=90 + workflows * PUSH_S)).replace(second=0, microsecond=0)
    moment = {"at": f"{due:%Y-%m-%dT%H:%M}", "overlap": "allow"}
    with platform.executor as client:
        for number in range(workflows):
            push(client, f"many-{number:04}", [moment] * min(MAX_SCHEDULES, count - number * MAX_SCHEDULES))
        spare_s = due.timestamp() - time.time()
        assert spare_s > 0, f"the pushes took {-spare_s:.0f} s too long"
        time.sleep(spare_s)
        created: dict[str, float] = {}
        while len(created) < count:
            time.sleep(max(POLL_S, SECONDS_A_RUN * count / POLLS))
            found = [each["last_run_id"] for each in list_schedules(client) if each["last_run_id"]]
            now_s = time.time() - due.timestamp()
            created |= {run_id: now_s for run_id in found if run_id not in created}
        waiting = sum(each["waiting"] + each["missed"] + each["skipped"] for each in list_schedules(client))
    assert (len(created), waiting) == (count, 0)
    report(f"{count}_due_together_created", "s", [*created.values()], limit=SECONDS_A_RUN * count)


def push(client: httpx.Client, name: str, schedules: list[dict[str, Any]]) -> None:
    workflow = {
        "name": name,
        "triggers": {"schedule": schedules},
        "flow": ["input >> PIPE >> a"],
        "config": {"a": {"component": "set", "values": {"due": "{{request.trigger.due_at}}"}}},
    }
    client.post("/webhooks", json={"workflow": workflow}).raise_for_status()


def list_schedules(client: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    query = {"count": "0"}
    while True:
        data = client.get("/schedules", params=query).raise_for_status().json()["data"]
        found += data["schedules"]
        if data["cursor"] is None:
            return found
        query["cursor"] = data["cursor"]


def list_runs(client: httpx.Client, workflow: str) -> list[dict[str, Any]]:
    answer = client.get("/runs", params={"workflow": workflow}).raise_for_status()
    return [run for run in answer.json()["data"]["runs"] if run["status"] == "success"]


def began_ms(run: dict[str, Any]) -> float:
    return datetime.fromisoformat(run["started_at"]).timestamp() * 1_000


if __name__ == "__main__":
    main()
