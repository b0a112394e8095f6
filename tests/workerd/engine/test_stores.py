"""State that outlives runs, on the real runtime: exact under a crowd, kept over kill -9, sealed on the disk."""

import time
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from workerd.durable.soak import kill, until_ended
from workerd.durable.test_at_rest import find
from workerd.local_platform import ROOT, running_platform

pytestmark = pytest.mark.workerd

KEY, VALUE = "k3y-canary-of-an-entry", "v4lue-canary-of-an-entry"


def push(client: httpx.Client, name: str, step: dict[str, Any]) -> None:
    config = {"a": {"component": "store", **step}}
    workflow = {"name": name, "flow": ["input >> PIPE >> a"], "config": config, "record": "none"}
    answer = client.post("/webhooks", json={"workflow": workflow})
    assert answer.status_code == 201, answer.text


def run(client: httpx.Client, name: str, **value: Any) -> Any:
    answer = client.post(f"/webhooks/named/{name}/trigger", json=value).json()
    return answer["data"] if answer["success"] else answer["error"]["code"]


def test_state_outlives_runs_and_the_platform(tmp_path: Path) -> None:
    with running_platform(tmp_path) as platform, platform.executor as client:
        push(client, "count", {"op": "increment", "key": "n", "store": "shared"})
        push(client, "keep", {"op": "put", "key": "{{input.key}}", "value": "{{input.value}}"})
        with ThreadPoolExecutor(32) as pool:
            values = [each["value"] for each in pool.map(lambda _: run(client, "count"), range(1_000))]
        assert sorted(values) == [*range(1, 1_001)]
        assert run(client, "keep", key=KEY, value={"text": VALUE}) == {"was_there": False}
        kill(platform)
    with running_platform(tmp_path) as platform, platform.executor as client:
        assert run(client, "count") == {"value": 1_001}
        push(client, "keep", {"op": "get", "key": "{{input.key}}"})
        assert run(client, "keep", key=KEY) == {"found": True, "value": {"text": VALUE}}
        push(client, "other", {"op": "get", "key": "{{input.key}}"})
        assert run(client, "other", key=KEY) == {"found": False, "value": None}
        assert (find(platform, KEY), find(platform, VALUE)) == (set(), set())


def test_a_durable_run_counts_each_step_once_through_kills(tmp_path: Path) -> None:
    """Killed twice in the middle of a loop; each element counts once, whatever was under way."""
    elements = 60
    workflow = {
        "name": "counted",
        "durable": True,
        "flow": ["input >> FOREACH x IN input.list >> count", "count >> PIPE >> pause"],
        "config": {
            "input": {"foreach": {"concurrency": 4}},
            "count": {"component": "store", "op": "increment", "key": "n", "retry": {"max_attempts": 5}},
            "pause": {"component": "store", "op": "put", "key": "{{x}}", "value": "{{count.data.value}}"},
        },
    }
    with running_platform(tmp_path) as platform, platform.executor as client:
        assert client.post("/webhooks", json={"workflow": workflow}).status_code == 201
        body = {"list": [f"e{number}" for number in range(elements)]}
        run_id = client.post("/webhooks/named/counted/trigger", json=body).json()["run_id"]
        wait_for_count(client, 5)
        kill(platform)
    with running_platform(tmp_path) as platform, platform.executor as client:
        wait_for_count(client, 30)
        kill(platform)
    with running_platform(tmp_path) as platform, platform.executor as client:
        record = until_ended(platform, [run_id], 60)[run_id]
        assert record["status"] == "success", record
        assert count_of(client) == elements
        stores = client.get("/stores").json()["data"]["stores"]
        assert [(each["name"], each["entries"]) for each in stores] == [("counted", elements + 1)]


def count_of(client: httpx.Client) -> int:
    answer = client.get("/stores/workflow/counted/entry", params={"key": "n"}).json()
    return int(answer["data"]["value"]) if answer["success"] else 0


def wait_for_count(client: httpx.Client, least: int) -> None:
    deadline = time.monotonic() + 30
    while count_of(client) < least:
        assert time.monotonic() < deadline, count_of(client)
        time.sleep(0.02)


def test_a_store_is_used_from_a_sandbox_too(tmp_path: Path) -> None:
    module = (ROOT / "components/store/store.wasm").read_bytes()
    with running_platform(tmp_path) as platform, platform.executor as client:
        platform.put_object(f"modules/{sha256(module).hexdigest()}.wasm", module)
        push(client, "boxed", {"op": "increment", "key": "n", "cpu_ms": 900})
        assert [run(client, "boxed") for _ in range(2)] == [{"value": 1}, {"value": 2}]
