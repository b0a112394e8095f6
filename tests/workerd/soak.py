"""Kills the runtime repeatedly while clients run workflows, and then checks the records of their runs.

The answer of a workflow with `record: before_answer` means that its record is stored; the record of any other follows
shortly after its answer. `scripts/soak` is the long form, tests/workerd/storage/test_soak.py the short one.
"""

import argparse
import json
import os
import random
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from workerd.local_platform import LocalPlatform, find_descendants, running_platform

CLIENTS = 8
BEFORE_ANSWER, DEFAULT = "kept_before", "kept_after"
NODES = ("a", "b")
EXPORT_S = 1
PAGE = 100
READ_S = 0.3  # after a kill a client may still read an earlier answer


@dataclass(frozen=True)
class Acknowledged:
    """An acknowledged run. `at_s` is when its answer arrived, by the monotonic clock."""

    run_id: str
    at_s: float


@dataclass
class Soak:
    """The result of a soak. `lost` has, for each default run without a record, how long before the kill its answer
    arrived, in milliseconds; `faults` lists violations.
    """

    kills: int = 0
    answered: dict[str, int] = field(default_factory=lambda: {BEFORE_ANSWER: 0, DEFAULT: 0})
    lost_ms: list[float] = field(default_factory=list)
    listed: int = 0
    faults: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return {
            "kills": self.kills,
            "answered": self.answered,
            "listed": self.listed,
            "lost_of_the_default": len(self.lost_ms),
            "before_the_kill_ms": [round(ms, 1) for ms in sorted(self.lost_ms, reverse=True)[:20]],
            "faults": self.faults,
        }


class _Client(threading.Thread):
    """Runs both workflows alternately until stopped; a failed run is not acknowledged."""

    def __init__(self, platform: LocalPlatform, seed: int) -> None:
        super().__init__(daemon=True)
        self._platform, self._seed, self._stopped = platform, seed, threading.Event()
        self.acknowledged: dict[str, list[Acknowledged]] = {BEFORE_ANSWER: [], DEFAULT: []}

    def run(self) -> None:
        names = (BEFORE_ANSWER, DEFAULT)
        number = self._seed
        while not self._stopped.is_set():
            try:
                with self._platform.executor as client:
                    while not self._stopped.is_set():
                        name = names[number % 2]
                        number += 1
                        answer = client.post(f"/webhooks/named/{name}/trigger", json={"n": number})
                        if answer.status_code == 200:
                            run_id = answer.json()["run_id"]
                            self.acknowledged[name].append(Acknowledged(run_id, time.monotonic()))
            except (httpx.HTTPError, ValueError):
                time.sleep(0.05)  # the runtime is gone

    def stop(self) -> None:
        self._stopped.set()
        self.join()


def soak(folder: Path, kills: int, seed: int = 0, say: Any = lambda _line: None) -> Soak:
    chance, result = random.Random(seed), Soak()
    with running_platform(folder, VERDICT_EXPORT_S=str(EXPORT_S)) as platform:
        _push(platform)
        clients = [_Client(platform, number) for number in range(CLIENTS)]
        killed_s: list[float] = []
        for client in clients:
            client.start()
        for _ in range(kills):
            _wait_until_it_answers(platform)
            time.sleep(chance.uniform(0.1, 1.0))
            killed_s.append(kill_runtime(platform))
            result.kills += 1
            say(
                f"{result.kills} kills, {sum(len(runs) for it in clients for runs in it.acknowledged.values())} answers"
            )
        _wait_until_it_answers(platform)
        time.sleep(0.5)
        for client in clients:
            client.stop()
        time.sleep(0.5)  # the last batch
        _run_once_more(platform)
        _compare(platform, clients, killed_s, result)
    return result


def kill_runtime(platform: LocalPlatform) -> float:
    """Kill the runtime; returns the time by the monotonic clock."""
    [workerd] = [pid for pid, name in find_descendants(platform.process.pid).items() if "workerd" in name]
    killed_s = time.monotonic()
    os.kill(workerd, signal.SIGKILL)
    return killed_s


def _push(platform: LocalPlatform) -> None:
    with platform.executor as client:
        for name, record in ((BEFORE_ANSWER, "before_answer"), (DEFAULT, "all")):
            workflow = {
                "name": name,
                "flow": [f"input >> PIPE >> {NODES[0]}", f"{NODES[0]} >> PIPE >> {NODES[1]}"],
                "config": {node: {"component": "set", "values": {"n": "{{input.n}}"}} for node in NODES},
                "record": record,
            }
            client.post("/webhooks", json={"workflow": workflow}).raise_for_status()


def _wait_until_it_answers(platform: LocalPlatform) -> None:
    """Wait for all Workers: workerd has one thread, which Python's start in the registry blocks for some 0.3 s."""
    for service in ("executor", "registry"):
        _wait_for(f"{platform.urls[service]}/health")


def _wait_for(url: str) -> None:
    deadline_s = time.monotonic() + 60
    while time.monotonic() < deadline_s:
        try:
            if httpx.get(url, timeout=30).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.02)
    raise AssertionError("The runtime did not come back.")


def _run_once_more(platform: LocalPlatform) -> None:
    """Run a workflow, which notifies the RunLog of verdicts."""
    with platform.executor as client:
        client.post(f"/webhooks/named/{BEFORE_ANSWER}/trigger", json={"n": 0}).raise_for_status()


def _compare(platform: LocalPlatform, clients: list[_Client], killed_s: list[float], result: Soak) -> None:
    listed = {run["run_id"]: run for run in _list_runs(platform)}
    result.listed = len(listed)
    for name in (BEFORE_ANSWER, DEFAULT):
        answered = [run for client in clients for run in client.acknowledged[name]]
        result.answered[name] = len(answered)
        missing = [run for run in answered if run.run_id not in listed]
        for run in missing:
            after = min((kill_s - run.at_s for kill_s in killed_s if kill_s >= run.at_s - READ_S), default=float("inf"))
            if name == BEFORE_ANSWER:
                result.faults.append(f"{run.run_id} was answered {1000 * after:.0f} ms before a kill, and is lost")
            else:
                result.lost_ms.append(1000 * after)
    _look_at_records(platform, list(listed.values()), result)
    verdicts = _read_verdicts(platform, len(listed))
    if verdicts != {run_id: run["status"] for run_id, run in listed.items()}:
        result.faults.append(f"{len(listed)} runs are listed, and KV has {len(verdicts)} verdicts")


def _list_runs(platform: LocalPlatform) -> Iterator[dict[str, Any]]:
    seen: set[str] = set()
    cursor: dict[str, str] = {}
    with platform.executor as client:
        while True:
            page = client.get("/runs", params={"limit": str(PAGE), **cursor}).raise_for_status().json()["data"]
            for run in page["runs"]:
                if run["run_id"] in seen:
                    raise AssertionError(f"{run['run_id']} is listed twice")
                seen.add(run["run_id"])
                yield run
            if page["cursor"] is None:
                return
            cursor = {"cursor": page["cursor"]}


def _look_at_records(platform: LocalPlatform, runs: list[dict[str, Any]], result: Soak) -> None:
    """Check that each record is complete: as listed, with every node of its trace and its answer."""
    with platform.executor as client:
        for run in runs:
            record = client.get(f"/runs/{run['run_id']}").raise_for_status().json()["data"]
            nodes = [entry["node"] for entry in record["trace"] if entry["status"] == "success"]
            if {name: record[name] for name in run} != run or nodes != list(NODES) or "n" not in record["data"]:
                result.faults.append(f"{run['run_id']} is not whole: {json.dumps(record)[:500]}")


def _read_verdicts(platform: LocalPlatform, count: int) -> dict[str, str]:
    """The statuses by run id, once there are `count` or after a timeout."""
    values = f"{platform.urls['cloudflare-api']}/storage/kv/namespaces/ANALYTICS_KV"
    deadline_s = time.monotonic() + 20
    found: dict[str, str] = {}
    while len(found) < count and time.monotonic() < deadline_s:
        time.sleep(EXPORT_S)
        keys = httpx.get(f"{values}/keys", params={"limit": 1000, "prefix": "verdicts:"}, timeout=60).json()["result"]
        for key in keys:
            value = httpx.get(f"{values}/values/{key['name']}", timeout=60).json()
            found |= {verdict["id"]: verdict["status"] for verdict in value["verdicts"]}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = soak(Path(folder) / "platform", options.kills, options.seed, lambda line: print(line, flush=True))
    print(json.dumps(result.to_json(), indent=2))
    raise SystemExit(1 if result.faults else 0)


if __name__ == "__main__":
    main()
