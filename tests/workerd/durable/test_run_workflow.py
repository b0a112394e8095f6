"""Proves that the local runtime runs instances of `arcrun-run`; Cloudflare's local REST API creates them."""

import time
from typing import Any

import httpx
import pytest

from workerd.local_platform import LocalPlatform

pytestmark = pytest.mark.workerd

WORKFLOW = "workflows/arcrun-run"


def test_an_instance_whose_run_is_not_known_ends(platform: LocalPlatform) -> None:
    instances = f"{platform.urls['cloudflare-api']}/{WORKFLOW}/instances"
    created = httpx.post(instances, json={"id": "a-run", "params": {"run_id": "a-run"}}, timeout=60)
    assert created.json()["result"] == {"id": "a-run"}
    ended = wait_for_end(f"{instances}/a-run")
    assert (ended["status"], ended["output"], ended["steps"]) == ("complete", '{"status": "unknown"}', [])


def wait_for_end(url: str) -> dict[str, Any]:
    deadline_s = time.monotonic() + 30
    while time.monotonic() < deadline_s:
        found: dict[str, Any] = httpx.get(url, timeout=60).json()["result"]
        if found["status"] in ("complete", "errored", "terminated"):
            return found
        time.sleep(0.05)
    raise AssertionError(found)
