"""Proves that the local runtime runs instances of `arcrun-run`; Cloudflare's local REST API creates them."""

import time
from typing import Any

import httpx
import pytest

from workerd.local_platform import LocalPlatform

pytestmark = pytest.mark.workerd

WORKFLOW = "workflows/arcrun-run"
RUN_ID = "01KB00000000000000000000AA"


def test_an_instance_whose_run_is_not_known_ends(platform: LocalPlatform) -> None:
    instances = f"{platform.urls['cloudflare-api']}/{WORKFLOW}/instances"
    created = httpx.post(instances, json={"id": RUN_ID, "params": {"run_id": RUN_ID}}, timeout=60)
    assert created.json()["result"] == {"id": RUN_ID}
    ended = wait_for_end(f"{instances}/{RUN_ID}")
    assert (ended["error"], ended["status"], ended["output"], ended["steps"]) == (
        None,
        "complete",
        '{"status": "unknown"}',
        [],
    )


def wait_for_end(url: str) -> dict[str, Any]:
    deadline_s = time.monotonic() + 30
    while time.monotonic() < deadline_s:
        found: dict[str, Any] = httpx.get(url, timeout=60).json()["result"]
        if found["status"] in ("complete", "errored", "terminated"):
            return found
        time.sleep(0.05)
    raise AssertionError(found)
