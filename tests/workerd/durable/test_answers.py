"""Webhooks of durable workflows that wait for the run's end, and `acr run`, on the real runtime."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from workerd.local_platform import running_platform

pytestmark = pytest.mark.workerd


def build_workflow(name: str, pause: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "durable": True,
        "triggers": {"webhook": {"answer": {"wait": "8s"}}},
        "response": {"status": 201, "headers": {"x-shop": "7"}, "json": {"got": "{{told.data.text}}"}},
        "flow": ["input >> PIPE >> pause", "pause >> PIPE >> told"],
        "config": {
            "pause": {"component": "wait", **pause},
            "told": {"component": "set", "values": {"text": "{{input.text}}"}},
        },
        **more,
    }


def test_a_durable_workflow_answers_when_its_run_has_ended(tmp_path: Path) -> None:
    with running_platform(tmp_path) as platform, platform.executor as client:
        urls = {}
        for workflow in (
            build_workflow("fast", {"ms": 300}),
            build_workflow("lasting", {"for": "1d"}, triggers={"webhook": {"answer": {"wait": "1s"}}}),
            build_workflow("large", {"ms": 1}, response={"body": "{{input.text}}"}),
        ):
            pushed = client.post("/webhooks", json={"workflow": workflow})
            assert pushed.status_code == 201, pushed.text
            urls[workflow["name"]] = f"{platform.urls['executor']}/webhooks/{pushed.json()['data']['token']}/trigger"
        waited = httpx.post(urls["fast"], json={"text": "hi"}, timeout=30)
        assert (waited.status_code, waited.json(), waited.headers["x-shop"]) == (201, {"got": "hi"}, "7")
        large = httpx.post(urls["large"], json={"text": "x" * 1_500_000}, timeout=30)
        assert (large.status_code, len(large.text)) == (200, 1_500_000)
        early = httpx.post(urls["lasting"], json={"text": "hi"}, timeout=30)
        assert (early.status_code, early.json()["data"]) == (202, {"status": "running"})
        ran = platform.acr("run", "fast", "--input", '{"text": "hi"}')
        assert (ran.returncode, json.loads(ran.stdout), "pause" in ran.stderr) == (0, {"text": "hi"}, True), ran
        too_short = platform.acr("run", "fast", "--wait-ms", "0", "--json")
        assert json.loads(too_short.stdout)["data"] == {"status": "running"}
