"""Accepted and durable runs go on after everything was killed. `scripts/soak --durable` kills more often."""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from workerd.local_platform import LocalPlatform, find_descendants, running_platform

pytestmark = pytest.mark.workerd

ACCEPTED, DURABLE = 50, 3
ELEMENTS = [1, 2, 3, 4, 5, 6]
KILLS = 3
WAIT_MS = 1_500


class CountingServer(ThreadingHTTPServer):
    """Counts the requests to each path that it has answered, and takes a moment for each."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.begun: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: CountingServer

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
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


@pytest.fixture
def server() -> Iterator[CountingServer]:
    server = CountingServer()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


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
            "pause >> CALLS_SUBFLOW >> inner",
            "inner >> PIPE >> tried",
            "tried >> ON_FAIL >> last",
            "last >> PIPE >> output",
        ],
        "config": {
            "first": {**post("first"), "foreach": {"concurrency": 2}},
            "each": post("each/{{n}}"),
            "shaped": {"component": "set", "values": {"status": "{{each.data.status}}"}},
            "pause": {"component": "wait", "ms": WAIT_MS},
            "inner": {"input": {"id": "{{input.id}}"}},
            "tried": post("fails", retry={"max_attempts": 3, "initial_ms": 100}),
            "last": {"component": "set", "values": {"id": "{{input.id}}", "failed": "{{tried.error.code}}"}},
        },
    }
    return [quick, failing, inner, lasting]


@contextmanager
def platform_that_is_killed(folder: Path) -> Iterator[LocalPlatform]:
    """A running platform, of which every process is killed at the end."""
    with running_platform(folder) as running:
        yield running
        processes = [running.process.pid, *find_descendants(running.process.pid)]
        for pid in processes:
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


def test_what_was_accepted_is_executed_and_finished_steps_are_not_repeated(
    tmp_path: Path, server: CountingServer
) -> None:
    accepted: dict[str, str] = {}
    lasting: dict[str, str] = {}
    with platform_that_is_killed(tmp_path) as platform, platform.executor as client:
        for workflow in build_workflows(server.url):
            pushed = client.post("/webhooks", json={"workflow": workflow})
            assert pushed.status_code == 201, pushed.text
        lasting = {trigger(client, "lasting", f"d{i}"): f"d{i}" for i in range(DURABLE)}
        accepted = {trigger(client, "quick", f"q{i}", "?async=1"): f"q{i}" for i in range(ACCEPTED)}
    for _ in range(KILLS - 1):
        with platform_that_is_killed(tmp_path):
            time.sleep(2)
    with running_platform(tmp_path) as platform:
        ended = until_ended(platform, [*accepted, *lasting], 90)
        assert {record["status"] for record in ended.values()} == {"success"}
        for run_id, name in accepted.items():
            assert server.answered[f"/{name}/send"] >= 1, run_id
        for run_id, name in lasting.items():
            record = ended[run_id]
            assert record["data"] == {"id": name, "failed": "HTTP_STATUS"}
            entries = {entry["node"]: entry for entry in record["trace"]}
            assert entries["each"]["iterations"] == {"success": len(ELEMENTS), "failed": 0, "skipped": 0}
            assert (entries["tried"]["attempts"], entries["pause"]["duration_ms"] >= WAIT_MS) == (3, True)
            calls = {path: count for path, count in server.answered.items() if path.startswith(f"/{name}/")}
            # Only what was under way at a kill is done again: at most two calls each time.
            assert sum(calls.values()) <= 3 + len(ELEMENTS) + 3 + 2 * KILLS, calls


def test_a_failing_request_without_retry_is_sent_once(tmp_path: Path, server: CountingServer) -> None:
    with running_platform(tmp_path) as platform, platform.executor as client:
        for workflow in build_workflows(server.url):
            client.post("/webhooks", json={"workflow": workflow})
        run_id = trigger(client, "failing", "once", "?async=1")
        [record] = until_ended(platform, [run_id], 30).values()
    assert (record["status"], server.begun["/once/fails"]) == ("failed", 1)
