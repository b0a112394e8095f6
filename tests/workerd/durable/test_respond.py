"""Webhooks that answer at a line to `respond` while their run goes on, on the real runtime: also over a kill."""

import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from workerd.durable.soak import platform_that_is_killed
from workerd.durable.test_queueing_limits import until
from workerd.local_platform import LocalPlatform, running_platform

pytestmark = pytest.mark.workerd

PAUSE_MS = 4_000


def build_workflow(**more: Any) -> dict[str, Any]:
    return {
        "name": "ordered",
        "flow": [
            "input >> PIPE >> number",
            "number >> IF(!(input.is_silent)) >> respond",
            "number >> PIPE >> pause",
            "pause >> PIPE >> told",
        ],
        "config": {
            "number": {"component": "set", "values": {"number": "{{input.number}}"}},
            "pause": {"component": "wait", "ms": PAUSE_MS},
            "told": {"component": "set", "values": {"told": "{{number.data.number}}"}},
        },
        **more,
    }


def push(platform: LocalPlatform, workflow: dict[str, Any]) -> str:
    with platform.executor as client:
        pushed = client.post("/webhooks", json={"workflow": workflow})
    assert pushed.status_code == 201, pushed.text
    return f"{platform.urls['executor']}/webhooks/{pushed.json()['data']['token']}/trigger"


def run_of(platform: LocalPlatform) -> str:
    with platform.executor as client:
        run_id: str = client.get("/runs?workflow=ordered").json()["data"]["runs"][0]["run_id"]
        return run_id


def test_the_caller_is_answered_and_the_run_goes_on(tmp_path: Path) -> None:
    with running_platform(tmp_path) as platform:
        url = push(platform, build_workflow())
        began_s = time.monotonic()
        plain = httpx.post(url, json={"number": 7}, timeout=30)
        assert (plain.status_code, plain.json()["data"]) == (200, {"number": 7}), plain.text
        assert time.monotonic() - began_s < PAUSE_MS / 1000
        assert until(platform, run_of(platform), "success")["data"] == {"told": 7}
        silent = httpx.post(url, json={"number": 8, "is_silent": True}, timeout=30)
        assert silent.json()["data"] == {"told": 8}
        own = {"status": 201, "headers": {"x-number": "{{number.data.number}}"}, "json": {"got": "{{told.data.told?}}"}}
        url = push(platform, build_workflow(response=own))
        answered = httpx.post(url, json={"number": 9}, timeout=30)
        assert (answered.status_code, answered.json(), answered.headers["x-number"]) == (201, {"got": None}, "9")
        ended = until(platform, run_of(platform), "success")
        assert (ended["data"], ended["response"]) == ({"told": 9}, {"status": 201})


def test_who_waits_for_its_turn_is_answered_when_that_has_come(tmp_path: Path) -> None:
    with running_platform(tmp_path) as platform:
        url = push(platform, build_workflow(limits=[{"concurrent": 1, "on_limit": "queue"}]))
        began_s = time.monotonic()
        answers = [httpx.post(url, json={"number": number}, timeout=40) for number in (1, 2)]
        assert [answer.json()["data"] for answer in answers] == [{"number": 1}, {"number": 2}]
        assert time.monotonic() - began_s > PAUSE_MS / 1000
        ended = [until(platform, answer.json()["run_id"], "success") for answer in answers]
        assert [run["data"] for run in ended] == [{"told": 1}, {"told": 2}]


def test_a_repetition_gets_the_same_answer_over_a_kill(tmp_path: Path) -> None:
    keyed = {"webhook": {"idempotency": {"key": "{{input.number}}"}}}
    with platform_that_is_killed(tmp_path) as platform:
        url = push(platform, build_workflow(triggers=keyed))
        first = httpx.post(url, json={"number": 7}, timeout=30)
        path = httpx.URL(url).raw_path.decode()
    with running_platform(tmp_path) as platform:
        url = f"{platform.urls['executor']}{path}"
        again = httpx.post(url, json={"number": 7}, timeout=30)
        assert until(platform, run_of(platform), "success")["data"] == {"told": 7}
        at_last = httpx.post(url, json={"number": 7}, timeout=30)
        assert first.json() == again.json() == at_last.json()
        assert first.json()["data"] == {"number": 7}
