"""`once` on the real runtime: a call that kill -9 cut off is not done again before `acr decide` says so."""

import time
from pathlib import Path
from typing import Any

import pytest

from workerd.durable.soak import platform_that_is_killed
from workerd.durable.test_cancel import until
from workerd.durable.waiting_server import running_server
from workerd.local_platform import running_platform

pytestmark = pytest.mark.workerd


def build_workflow(url: str) -> dict[str, Any]:
    return {
        "name": "paying",
        "durable": True,
        "flow": ["input >> PIPE >> pay", "pay >> PIPE >> told", "told >> PIPE >> output"],
        "config": {
            "pay": {"component": "http_request", "method": "POST", "url": f"{url}/pay", "once": True},
            "told": {"component": "set", "values": {"data": "{{pay.data}}"}},
        },
    }


def test_a_call_that_was_cut_off_waits_for_a_decision(tmp_path: Path) -> None:
    run_ids: dict[str, str] = {}
    with running_server() as server:
        with platform_that_is_killed(tmp_path) as platform, platform.executor as client:
            assert client.post("/webhooks", json={"workflow": build_workflow(server.url)}).status_code == 201
            for decision in ("retry", "skip"):
                begun = client.post("/webhooks/named/paying/trigger", json={})
                run_ids[decision] = begun.json()["run_id"]
            deadline_s = time.monotonic() + 30
            while len(server.keys) < 2 and time.monotonic() < deadline_s:
                time.sleep(0.02)
        with running_platform(tmp_path) as platform:
            for run_id in run_ids.values():
                waiting = until(platform, run_id, "needs_decision")
                assert [question["node"] for question in waiting["decisions"]] == ["pay"]
            assert len(server.keys) == 2  # nothing was sent again
            shown = platform.acr("logs", run_ids["retry"])
            assert f"acr decide {run_ids['retry']} pay retry|skip" in shown.stdout, shown
            server.answers.set()
            retried = platform.acr("decide", run_ids["retry"][:20], "pay", "retry")
            skipped = platform.acr("decide", run_ids["skip"], "pay", "skip", "--data", '{"receipt": 17}')
            assert (retried.returncode, skipped.returncode) == (0, 0), (retried.stderr, skipped.stderr)
            records = {decision: until(platform, run_id, "success") for decision, run_id in run_ids.items()}
            again = platform.acr("decide", run_ids["skip"], "pay", "retry", "--json")
            assert (again.returncode, "NOTHING_TO_DECIDE" in again.stdout) == (1, True), again
        assert len(server.keys) == 3
    assert records["skip"]["data"] == {"data": {"receipt": 17}}
    assert records["retry"]["data"]["data"]["status"] == 200
