"""Answers in lines on the real runtime: the id comes before the run's end, and the run needs no client."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from workerd.local_platform import LocalPlatform

LINES = {"Accept": "application/x-ndjson"}
RUN_MS = 1_500
SLOW: dict[str, Any] = {
    "name": "in_lines",
    "flow": ["input >> PIPE >> pause", "pause >> PIPE >> told"],
    "config": {
        "pause": {"component": "wait", "ms": RUN_MS},
        "told": {"component": "set", "values": {"text": "é\u2028"}},
    },
}
WAIT_S = 15


@pytest.fixture(scope="module")
def path(platform: LocalPlatform) -> str:
    with platform.executor as client:
        client.post("/webhooks", json={"workflow": SLOW}).raise_for_status()
    return "/webhooks/named/in_lines/trigger"


@contextmanager
def begin(client: httpx.Client, path: str, body: Any) -> Iterator[tuple[str, Iterator[bytes], httpx.Response]]:
    """A run's id, the bytes that follow, and the response."""
    with client.stream("POST", path, json=body, headers=LINES) as response:
        parts = response.iter_bytes()
        line, _, rest = next(parts).partition(b"\n")
        assert rest == b""
        yield json.loads(line)["run_id"], parts, response


def test_the_id_comes_before_the_run_s_end(platform: LocalPlatform, path: str) -> None:
    with platform.executor as client:
        started_s = time.monotonic()
        with begin(client, path, {}) as (run_id, parts, response):
            told_s = time.monotonic() - started_s
            answer = json.loads(b"".join(parts))
        ended_s = time.monotonic() - started_s
    assert (response.status_code, response.headers["content-type"]) == (200, LINES["Accept"])
    assert (answer["run_id"], answer["data"]) == (run_id, {"text": "é\u2028"})
    assert told_s < RUN_MS / 1_000 <= ended_s


def test_runs_go_on_without_their_clients_and_hold_no_one_up(platform: LocalPlatform, path: str) -> None:
    """With large bodies, which have a part of the isolate's quota: it is given back at the runs' ends."""
    ids = []
    with platform.executor as client:
        for _ in range(3):
            with begin(client, path, {"text": "x" * 1_000_000}) as (run_id, _, _):
                ids.append(run_id)  # and leave
        started_s = time.monotonic()
        while missing := [each for each in ids if client.get(f"/runs/{each}").status_code == 404]:
            assert time.monotonic() - started_s < WAIT_S, missing
            time.sleep(0.1)
        assert [client.get(f"/runs/{each}").json()["data"]["status"] for each in ids] == ["success"] * 3
        large = client.post("/validate", json={"workflow": SLOW, "file": "x" * 4_000_000})
    assert large.status_code == 200


def test_a_refusal_comes_in_one_piece(platform: LocalPlatform, path: str) -> None:
    with platform.executor as client:
        answer = client.post("/webhooks/named/nobody/trigger", json={}, headers=LINES)
        failed = client.post("/execute", json={"workflow": "name: ["}, headers=LINES)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "WORKFLOW_NOT_FOUND")
    assert json.loads(failed.text.splitlines()[-1])["error"]["code"] == "INVALID_WORKFLOW"
