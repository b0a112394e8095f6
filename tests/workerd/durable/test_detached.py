"""`detach` and `idempotency_key: auto` on the real runtime: a crash starts no run twice, and keeps a request's key."""

import time
from pathlib import Path
from typing import Any

import pytest

from workerd.durable.soak import platform_that_is_killed, until_ended
from workerd.durable.waiting_server import running_server
from workerd.local_platform import running_platform

pytestmark = pytest.mark.workerd

CHILD = {"name": "child", "flow": ["input >> PIPE >> told"], "config": {"told": {"component": "set", "values": {}}}}


def build_parent(url: str) -> dict[str, Any]:
    send = {"component": "http_request", "method": "POST", "url": f"{url}/slow", "idempotency_key": "auto"}
    return {
        "name": "parent",
        "durable": True,
        "flow": ["input >> FOREACH n IN input.list >> each", "each >> CALLS_SUBFLOW >> child", "input >> PIPE >> send"],
        "config": {
            "each": {"component": "set", "values": {"n": "{{n}}"}},
            "child": {"detach": True},
            "send": send,
        },
    }


def list_children(client: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/runs?trigger=workflow").json()["data"]["runs"]
    return found


def test_what_is_started_is_started_once_and_a_repeated_request_has_its_key(tmp_path: Path) -> None:
    with running_server() as server:
        with platform_that_is_killed(tmp_path) as platform, platform.executor as client:
            for workflow in (CHILD, build_parent(server.url)):
                assert client.post("/webhooks", json={"workflow": workflow}).status_code == 201
            begun = client.post("/webhooks/named/parent/trigger", json={"list": [1, 2, 3]})
            run_id = begun.json()["run_id"]
            deadline_s = time.monotonic() + 30
            while not server.keys and time.monotonic() < deadline_s:
                time.sleep(0.02)
        server.answers.set()
        with running_platform(tmp_path) as platform, platform.executor as client:
            [record] = until_ended(platform, [run_id], 60).values()
            assert record["status"] == "success", record
            children = list_children(client)
            until_ended(platform, [child["run_id"] for child in children], 30)
    assert len(children) == 3
    assert (len(server.keys) >= 2, len(set(server.keys))) == (True, 1)
