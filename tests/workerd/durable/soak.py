"""Kills every process of the platform again and again in the middle of accepted and durable runs, and then looks at
what they have done. `scripts/soak --durable` is the long form, test_kills.py the short one.
"""

import argparse
import json
import os
import random
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from fixtures.serving import serving
from workerd.local_platform import LocalPlatform, find_descendants, running_platform

ELEMENTS = [1, 2, 3, 4, 5, 6]
WAIT_MS = 1_500
LAST = {
    "id": "{{input.id}}",
    "failed": "{{tried.error.code}}",
    "choice": "{{ask.data.choice}}",
    "amount": "{{paid.data.payload.amount}}",
}
ENDS_WITHIN_S = 90


class CountingServer(ThreadingHTTPServer):
    """Counts the requests to each path that it has answered, and takes a moment for each."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.begun: Counter[str] = Counter()
        self.links: dict[str, str] = {}  # with which people decide, by the run's name
        self.answered: Counter[str] = Counter()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: CountingServer

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path.endswith("/told"):
            self.server.links[self.path.split("/")[1]] = json.loads(sent)["link"]
        self.server.begun[self.path] += 1
        time.sleep(0.05)
        fails = self.path.endswith("/fails")
        body = b'{"ok": true}'
        self.send_response(500 if fails else 200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            return
        self.server.answered[self.path] += 1

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def counting_server() -> Iterator[CountingServer]:
    with serving(CountingServer()) as server:
        yield server


def build_workflows(url: str) -> list[dict[str, Any]]:
    def post(path: str, **more: Any) -> dict[str, Any]:
        return {"component": "http_request", "method": "POST", "url": f"{url}/{{{{input.id}}}}/{path}", **more}

    quick = {"name": "quick", "flow": ["input >> PIPE >> send"], "config": {"send": post("send")}}
    failing = {"name": "failing", "flow": ["input >> PIPE >> send"], "config": {"send": post("fails")}}
    inner = {
        "name": "inner",
        "flow": ["input >> PIPE >> one", "one >> PIPE >> two"],
        "config": {"one": post("inner/one"), "two": post("inner/two")},
    }
    lasting = {
        "name": "lasting",
        "durable": True,
        "flow": [
            "input >> PIPE >> first",
            "first >> FOREACH n IN input.list >> each",
            "each >> PIPE >> shaped",
            "first >> CONTINUE >> pause",
            "pause >> PIPE >> told",
            "told >> PIPE >> ask",
            "ask >> PIPE >> paid",
            "paid >> CALLS_SUBFLOW >> inner",
            "inner >> PIPE >> tried",
            "tried >> ON_FAIL >> last",
            "last >> PIPE >> output",
        ],
        "config": {
            "first": {**post("first"), "foreach": {"concurrency": 2}},
            "each": post("each/{{n}}"),
            "shaped": {"component": "set", "values": {"status": "{{each.data.status}}"}},
            "pause": {"component": "wait", "ms": WAIT_MS},
            "told": post("told", body_json={"link": "{{run.approve.ask.ann}}"}),
            "ask": {"component": "approve", "title": "Pay?", "approvers": ["ann"]},
            "paid": {"component": "wait_for", "event": "paid"},
            "inner": {"input": {"id": "{{input.id}}"}},
            "tried": post("fails", retry={"max_attempts": 3, "initial_ms": 100}),
            "last": {"component": "set", "values": LAST},
        },
    }
    return [quick, failing, inner, lasting]


@contextmanager
def platform_that_is_killed(folder: Path) -> Iterator[LocalPlatform]:
    """A running platform, of which every process is killed at the end."""
    with running_platform(folder) as running:
        yield running
        kill(running)


def kill(running: LocalPlatform) -> None:
    for pid in [running.process.pid, *find_descendants(running.process.pid)]:
        with suppress(ProcessLookupError):  # the others end as soon as one does
            os.kill(pid, signal.SIGKILL)
    running.process.wait()


def trigger(client: httpx.Client, name: str, run: str, query: str = "") -> str:
    answer = client.post(f"/webhooks/named/{name}/trigger{query}", json={"id": run, "list": ELEMENTS})
    assert answer.status_code == 202, answer.text
    run_id: str = answer.json()["run_id"]
    return run_id


def until_ended(platform: LocalPlatform, run_ids: list[str], within_s: float) -> dict[str, dict[str, Any]]:
    deadline_s = time.monotonic() + within_s
    ended: dict[str, dict[str, Any]] = {}
    with platform.executor as client:
        while time.monotonic() < deadline_s:
            for run_id in run_ids:
                if run_id not in ended:
                    record = client.get(f"/runs/{run_id}").json()["data"]
                    if record["status"] not in ("running", "lost"):
                        ended[run_id] = record
            if len(ended) == len(run_ids):
                return ended
            time.sleep(0.2)
    raise AssertionError(f"After {within_s} s {len(run_ids) - len(ended)} runs have not ended.")


class _Outside(threading.Thread):
    """Decides, and sends each durable run its event, until the platform has taken both."""

    def __init__(self, platform: LocalPlatform, server: CountingServer, runs: dict[str, str]) -> None:
        super().__init__(daemon=True)
        self._platform, self._server, self._runs, self._stopped = platform, server, runs, threading.Event()

    def run(self) -> None:
        sent: set[str] = set()
        decided: set[str] = set()
        while not self._stopped.wait(0.2):
            with suppress(httpx.HTTPError), self._platform.executor as client:
                for run_id, name in self._runs.items():
                    if run_id not in sent:
                        headers = {"idempotency-key": "the-payment"}
                        answer = client.post(f"/runs/{run_id}/events/paid", json={"amount": 7}, headers=headers)
                        sent |= {run_id} if answer.status_code == 202 else set()
                    link = httpx.URL(self._server.links.get(name, ""))
                    if link.path not in ("", "/") and name not in decided:
                        answer = client.post(link.path, data={"choice": "approve"})
                        decided |= {name} if answer.status_code in (200, 410) else set()

    def stop(self) -> None:
        self._stopped.set()
        self.join()


def soak(folder: Path, server: CountingServer, *, kills: int, durable: int, accepted: int, seed: int = 0) -> list[str]:
    """What is wrong after so many kills."""
    chance = random.Random(seed)
    with platform_that_is_killed(folder) as platform, platform.executor as client:
        for workflow in build_workflows(server.url):
            client.post("/webhooks", json={"workflow": workflow}).raise_for_status()
        lasting = {trigger(client, "lasting", f"d{i}"): f"d{i}" for i in range(durable)}
        quick = {trigger(client, "quick", f"q{i}", "?async=1"): f"q{i}" for i in range(accepted)}
    for number in range(kills - 1):
        with platform_that_is_killed(folder) as platform:
            outside = _Outside(platform, server, lasting if number else {})
            outside.start()
            time.sleep(chance.uniform(0.5, 3))
            outside.stop()
    with running_platform(folder) as platform:
        outside = _Outside(platform, server, lasting)
        outside.start()
        ended = until_ended(platform, [*quick, *lasting], ENDS_WITHIN_S)
        outside.stop()
    faults = [
        f"{run_id}: {it['status']} {it.get('error')}" for run_id, it in ended.items() if it["status"] != "success"
    ]
    faults += [f"{run_id} was never executed" for run_id, name in quick.items() if not server.answered[f"/{name}/send"]]
    for run_id, name in lasting.items():
        faults += [f"{run_id}: {fault}" for fault in _find_faults(ended[run_id], name, server, kills)]
    return faults


def _find_faults(record: dict[str, Any], name: str, server: CountingServer, kills: int) -> Iterator[str]:
    if record.get("data") != {"id": name, "failed": "HTTP_STATUS", "choice": "approve", "amount": 7}:
        yield f"answered {record.get('data')}"
    entries = {entry["node"]: entry for entry in record["trace"]}
    if entries["each"].get("iterations") != {"success": len(ELEMENTS), "failed": 0, "skipped": 0}:
        yield f"its loop: {entries['each'].get('iterations')}"
    if (entries["tried"]["attempts"], entries["pause"]["duration_ms"] >= WAIT_MS) != (3, True):
        yield f"{entries['tried']['attempts']} attempts, and a pause of {entries['pause']['duration_ms']} ms"
    calls = {path: count for path, count in server.answered.items() if path.startswith(f"/{name}/")}
    if sum(calls.values()) > 4 + len(ELEMENTS) + 3 + 2 * kills:  # only what was under way at a kill is done again
        yield f"it made the calls {calls}"


SLEEPING = {
    "name": "sleeping",
    "durable": True,
    "flow": ["input >> PIPE >> pause"],
    "config": {"pause": {"component": "wait", "ms": "{{input.ms}}"}},
}
SHORTEST_MS, LONGEST_MS, LATE_S = 20_000, 60_000, 30


def soak_waits(folder: Path, runs: int, seed: int = 0) -> dict[str, Any]:
    """Begin runs that wait for 20 to 60 s, kill everything, and start again. All must end within 30 s of their time, or
    of the restart, and none early.
    """
    chance = random.Random(seed)
    with platform_that_is_killed(folder) as platform, platform.executor as client:
        client.post("/webhooks", json={"workflow": SLEEPING}).raise_for_status()
        waits: dict[str, int] = {}
        for _ in range(runs):
            ms = chance.randint(SHORTEST_MS, LONGEST_MS)
            answer = client.post("/webhooks/named/sleeping/trigger", json={"ms": ms}).raise_for_status()
            waits[answer.json()["run_id"]] = ms
        time.sleep(2)
    restarted_s = time.time()
    with running_platform(folder) as platform:
        ended = until_ended(platform, list(waits), LONGEST_MS / 1000 + 2 * LATE_S)
    late_s = []
    faults = [f"{run_id}: {record['status']}" for run_id, record in ended.items() if record["status"] != "success"]
    for run_id, record in ended.items():
        if record["duration_ms"] < waits[run_id]:
            faults.append(f"{run_id} has waited {record['duration_ms']} ms instead of {waits[run_id]}")
        began_s = datetime.fromisoformat(record["started_at"]).timestamp()
        due_s = max(began_s + waits[run_id] / 1000, restarted_s)
        late_s.append(began_s + record["duration_ms"] / 1000 - due_s)
    faults += [f"{late:.1f} s late" for late in late_s if late > LATE_S]
    size = sum(path.stat().st_size for path in (folder / "state").rglob("*") if path.is_file())
    return {"runs": runs, "latest_s": round(max(late_s), 1), "kib_a_run": size // 1024 // runs, "faults": faults}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--runs", type=int, default=10, help="durable ones (default: 10)")
    parser.add_argument("--waits", action="store_true", help="instead: runs that wait for 20 to 60 s, and one kill")
    asked = parser.parse_args()
    if asked.waits:
        with tempfile.TemporaryDirectory() as folder:
            result = soak_waits(Path(folder) / "platform", asked.runs, asked.seed)
        print(json.dumps({**result, "load": round(os.getloadavg()[0], 1)}, indent=2))
        raise SystemExit(1 if result["faults"] else 0)
    with tempfile.TemporaryDirectory() as folder, counting_server() as server:
        place = Path(folder) / "platform"
        faults = soak(place, server, kills=asked.kills, durable=asked.runs, accepted=50, seed=asked.seed)
        answered = sum(server.answered.values())
    told = {
        "kills": asked.kills,
        "durable": asked.runs,
        "accepted": 50,
        "requests answered": answered,
        "faults": faults,
    }
    print(json.dumps({**told, "load": round(os.getloadavg()[0], 1)}, indent=2))
    raise SystemExit(1 if faults else 0)


if __name__ == "__main__":
    main()
