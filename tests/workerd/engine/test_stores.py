"""State that outlives runs, on the real runtime: exact under a crowd, kept over kill -9, sealed on the disk."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from workerd.durable.soak import kill
from workerd.durable.test_at_rest import find
from workerd.local_platform import running_platform

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
