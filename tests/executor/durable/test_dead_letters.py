"""Dead letters over HTTP: listed, counted, shown with their input, and dismissed."""

from typing import Any

import pytest

from arcrun.limits import DEAD_LETTER_DAYS
from arcrun.run_log.filter import LOST_AFTER_MS
from executor.records.run_log import DAY_MS
from fakes.components import echo, exited
from fakes.executor import Bench, build_bench, build_client
from fakes.instances import FakeInstances
from fakes.workflows import ADA

pytestmark = pytest.mark.anyio

WORKFLOW: dict[str, Any] = {
    "name": "w",
    "flow": ["input >> PIPE >> a"],
    "config": {"a": {"component": "tell", "text": "{{input.text}}"}},
}


@pytest.fixture
def instances() -> FakeInstances:
    return FakeInstances()


@pytest.fixture
def bench(instances: FakeInstances) -> Bench:
    return build_bench({"tell": echo, "fail": exited({"success": False})}, instances)


async def start(bench: Bench, body: Any, **settings: Any) -> str:
    token = (await bench.service.push({**WORKFLOW, **settings}, ADA)).stored.token
    async with build_client(bench.service) as client:
        answer = await client.post(f"/webhooks/{token}/trigger?async=1", json=body)
    return str(answer.json()["run_id"])


async def ask(bench: Bench, method: str, path: str) -> dict[str, Any]:
    async with build_client(bench.service) as client:
        answer = await client.request(method, path)
    return {"status": answer.status_code, **answer.json()}


async def list_dead(bench: Bench) -> list[str]:
    return [run["run_id"] for run in (await ask(bench, "GET", "/runs?dead=1"))["data"]["runs"]]


async def test_a_failed_run_is_one_until_it_is_dismissed(bench: Bench, instances: FakeInstances) -> None:
    failed, good = await start(bench, {}), await start(bench, {"text": "hi"})
    for run_id in (failed, good):
        await instances.run(bench.service, run_id)
    assert await list_dead(bench) == [failed]
    assert (await ask(bench, "GET", "/runs/unsettled"))["data"] == {
        **{"dead": {"w": 1}, "queued": {}},
        "failed": {"w": failed},
    }
    shown = (await ask(bench, "GET", f"/runs/{failed}"))["data"]
    assert (shown["status"], shown["dead_until"][:4].isdigit()) == ("failed", True)
    assert (await ask(bench, "GET", f"/runs/{failed}/input"))["data"] == {"input": {}}
    dismissed = await ask(bench, "POST", f"/runs/{failed}/dismiss")
    assert (dismissed["status"], dismissed["data"]) == (200, {"status": "dismissed"})
    assert (await list_dead(bench), (await ask(bench, "GET", "/runs/unsettled"))["data"]["dead"]) == ([], {})
    assert "dead_until" not in (await ask(bench, "GET", f"/runs/{failed}"))["data"]
    for run_id, status in ((failed, "failed"), (good, "success")):
        refused = await ask(bench, "POST", f"/runs/{run_id}/dismiss")
        assert (refused["status"], refused["error"]["code"]) == (409, "RUN_NOT_DEAD")
        assert refused["error"]["details"] == {"status": status}
    assert (await ask(bench, "POST", f"/runs/{'0' * 26}/dismiss"))["error"]["code"] == "RUN_NOT_FOUND"


async def test_a_lost_run_ends_when_it_is_dismissed(bench: Bench, instances: FakeInstances) -> None:
    run_id = await start(bench, {"text": "hi"}, timeout_ms=1_000)
    refused = await ask(bench, "POST", f"/runs/{run_id}/dismiss")
    assert refused["error"]["details"] == {"status": "running"}
    bench.clock.advance(1_000 + LOST_AFTER_MS + 1)
    assert await list_dead(bench) == [run_id]
    assert (await ask(bench, "POST", f"/runs/{run_id}/dismiss"))["status"] == 200
    shown = (await ask(bench, "GET", f"/runs/{run_id}"))["data"]
    assert (shown["status"], shown["error"]["code"]) == ("failed", "RUN_LOST")
    assert (await list_dead(bench), instances.woken) == ([], [(run_id, "terminate")])


async def test_what_is_not_recorded_is_no_dead_letter(bench: Bench, instances: FakeInstances) -> None:
    run_id = await start(bench, {}, record="none")
    await instances.run(bench.service, run_id)
    assert await list_dead(bench) == []


async def test_a_platform_without_instances_has_none() -> None:
    bench = build_bench({"tell": echo})
    run_id = await start(bench, {})
    await bench.background.finish()
    assert (await list_dead(bench), (await ask(bench, "GET", "/runs/unsettled"))["data"]["dead"]) == ([], {})
    assert (await ask(bench, "POST", f"/runs/{run_id}/dismiss"))["error"]["code"] == "RUN_NOT_DEAD"


async def test_its_sealed_input_outlives_what_is_kept_otherwise(bench: Bench, instances: FakeInstances) -> None:
    run_id = await start(bench, {})
    await instances.run(bench.service, run_id)
    bench.clock.advance((DEAD_LETTER_DAYS - 1) * DAY_MS)
    for number, tables in bench.logs.tables.items():
        await tables.on_alarm(bench.bucket, _export_nothing)
        assert bench.logs.alarms[number]
    assert (await ask(bench, "GET", f"/runs/{run_id}/input"))["data"] == {"input": {}}


async def _export_nothing() -> bool:
    return False
