"""Accepted and durable runs in instances: stored before they begin, sealed, pinned, and recorded at their end."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from arcrun.errors import RateLimitedError
from executor.durable.acceptance import resume_runs
from executor.durable.start import load_start
from fakes.accepted import Calls, trigger
from fakes.components import echo, exited
from fakes.executor import Bench, build_bench, build_client
from fakes.instances import FakeInstances
from fakes.tenants import build_hosted
from fakes.workflows import ADA

pytestmark = pytest.mark.anyio

WAIT = yaml.safe_load((Path(__file__).parents[3] / "components/wait/contract.yaml").read_text(encoding="utf-8"))
CONTRACTS = {"wait": WAIT}
CANARY = "c4n4ry-of-the-caller"
QUICK = {"name": "w", "flow": ["input >> PIPE >> a"], "config": {"a": {"component": "tell", "text": "{{input.text}}"}}}
DURABLE: dict[str, Any] = {
    "name": "w",
    "durable": True,
    "flow": ["input >> PIPE >> a", "a >> PIPE >> b", "b >> PIPE >> c"],
    "config": {
        "a": {"component": "tell", "text": "{{input.text}}"},
        "b": {"component": "wait", "for": "2d"},
        "c": {"component": "tell", "text": "{{a.data.text}}"},
    },
}


@pytest.fixture
def calls() -> Calls:
    return Calls()


@pytest.fixture
def instances() -> FakeInstances:
    return FakeInstances()


@pytest.fixture
def bench(calls: Calls, instances: FakeInstances) -> Bench:
    return build_bench({"tell": calls, "wait": exited({})}, instances, CONTRACTS)


async def test_an_accepted_run_is_stored_sealed_and_run_by_its_instance(
    bench: Bench, instances: FakeInstances, calls: Calls
) -> None:
    accepted = await trigger(bench, QUICK, {"text": CANARY}, "?async=1")
    run_id = accepted["run_id"]
    assert (accepted["status"], instances.params) == (202, {run_id: {"run_id": run_id}})
    assert (calls.inputs, (await bench.service.runs.find(run_id))["status"]) == ([], "running")
    isolate = await instances.run(bench.service, run_id)
    record = await bench.service.runs.find(run_id)
    assert (record["status"], record["data"], isolate.asked) == ("success", {"text": CANARY}, ["run"])
    assert await bench.service.runs.find_input(run_id) == {"text": CANARY}
    again = await instances.run(bench.service, run_id)
    assert (again.asked, len(calls.inputs)) == ([], 1)  # nothing is left to do


async def test_a_durable_run_is_accepted_by_itself_and_each_call_is_a_step(
    bench: Bench, instances: FakeInstances, calls: Calls
) -> None:
    accepted = await trigger(bench, DURABLE, {"text": "hi"})
    isolate = await instances.run(bench.service, accepted["run_id"])
    record = await bench.service.runs.find(accepted["run_id"])
    assert (accepted["status"], record["status"], record["data"]) == (202, "success", {"text": "hi"})
    assert isolate.asked == ["from a", "b 172800000", "b woke", "from c"]
    [_, waited, _] = record["trace"]
    assert waited["output"]["data"] == {"waited_ms": 172_800_000}
    assert len(calls.inputs) == 2


async def test_nothing_of_it_is_at_rest_in_the_clear(bench: Bench, instances: FakeInstances) -> None:
    bench.store_credential("canary", "the-stored-secret")
    source = json.loads(json.dumps(DURABLE).replace("{{input.text}}", "{{input.text}} {{credential.canary}}"))
    run_id = (await trigger(bench, source, {"text": CANARY}))["run_id"]
    await instances.run(bench.service, run_id)
    at_rest = json.dumps(instances.stored[run_id].results) + str(bench.bucket.keys)
    assert CANARY not in at_rest
    assert "the-stored-secret" not in at_rest
    assert "the-stored-secret" not in bench.logs.stored + json.dumps(await bench.service.runs.find(run_id))


async def test_large_results_lie_in_the_bucket_until_the_run_ends(bench: Bench, instances: FakeInstances) -> None:
    run_id = (await trigger(bench, DURABLE, {"text": "x" * 1_500_000}))["run_id"]
    before = {key for key in bench.bucket.keys if "/steps/" in key}
    await instances.run(bench.service, run_id)
    stored = instances.stored[run_id].results
    assert all(len(result) < 1_000_000 for result in stored.values())
    assert [result for result in stored.values() if result.startswith("@runs/")]
    assert before == {key for key in bench.bucket.keys if "/steps/" in key} == set()


async def test_a_run_whose_instance_cannot_be_created_is_none(bench: Bench, instances: FakeInstances) -> None:
    instances.fails = True
    refused = await trigger(bench, QUICK, {"text": "hi"}, "?async=1")
    assert (refused["status"], refused["error"]["code"]) == (503, "WORKFLOWS_FAILED")
    assert '"running"' not in bench.logs.stored


async def test_a_platform_that_takes_no_more_is_a_429_and_the_request_may_be_repeated(
    bench: Bench, instances: FakeInstances
) -> None:
    instances.fails = RateLimitedError(1, "Too many runs are being started.", "TOO_MANY_INSTANCES")
    keyed = {**DURABLE, "triggers": {"webhook": {"idempotency": {"key": "{{input.text}}"}}}}
    token = (await bench.service.push(keyed, ADA)).stored.token
    async with build_client(bench.service) as client:
        path, body = f"/webhooks/{token}/trigger", {"text": "hi"}
        refused = await client.post(path, json=body)
        instances.fails = False
        repeated = await client.post(path, json=body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "TOO_MANY_INSTANCES")
    assert (refused.headers["retry-after"], repeated.status_code) == ("1", 202)
    assert [*instances.params] == [repeated.json()["run_id"]]


async def test_a_push_in_the_middle_changes_nothing_for_it(bench: Bench, instances: FakeInstances) -> None:
    run_id = (await trigger(bench, DURABLE, {"text": "old"}))["run_id"]
    await bench.service.push({**DURABLE, "config": {**DURABLE["config"], "c": {"component": "tell"}}}, ADA)
    await instances.run(bench.service, run_id)
    record = await bench.service.runs.find(run_id)
    assert (record["status"], record["version"], record["data"]) == ("success", 1, {"text": "old"})


async def test_a_deletion_in_the_middle_changes_nothing_for_it(bench: Bench, instances: FakeInstances) -> None:
    token = (await bench.service.push(DURABLE, ADA)).stored.token
    run_id = (await trigger(bench, DURABLE, {"text": "hi"}))["run_id"]
    await bench.service.delete(token, ADA)
    await instances.run(bench.service, run_id)
    record = await bench.service.runs.find(run_id)
    assert (record["status"], record["data"]) == ("success", {"text": "hi"})


async def test_after_a_start_what_is_missing_is_created_and_the_rest_is_woken(
    bench: Bench, instances: FakeInstances
) -> None:
    woken = (await trigger(bench, DURABLE, {"text": "hi"}))["run_id"]
    missing = (await trigger(bench, QUICK, {"text": "hi"}, "?async=1"))["run_id"]
    del instances.params[missing]
    assert bench.service.lasting is not None
    assert await resume_runs(bench.service.lasting) == 2
    assert set(instances.params) == {woken, missing}
    assert instances.woken == [(woken, "arcrun-wake"), (woken, "resume")]
    for run_id in (woken, missing):
        await instances.run(bench.service, run_id)
    assert await resume_runs(bench.service.lasting) == 0


async def test_a_run_whose_instance_has_ended_without_it_has_failed(bench: Bench, instances: FakeInstances) -> None:
    run_id = (await trigger(bench, DURABLE, {"text": "hi"}))["run_id"]
    instances.ended.add(run_id)
    assert bench.service.lasting is not None
    await resume_runs(bench.service.lasting)
    record = await bench.service.runs.find(run_id)
    assert (record["status"], record["error"]["code"]) == ("failed", "RUN_LOST")


@pytest.mark.parametrize(("record", "kept"), [("none", False), ("errors", False), ("before_answer", True)])
async def test_what_is_not_to_be_recorded_is_gone_at_its_end(
    bench: Bench, instances: FakeInstances, *, record: str, kept: bool
) -> None:
    run_id = (await trigger(bench, {**QUICK, "record": record}, {"text": CANARY}, "?async=1"))["run_id"]
    await instances.run(bench.service, run_id)
    assert (run_id in bench.logs.stored) is kept


async def test_it_leaves_its_limit_at_its_end(bench: Bench, instances: FakeInstances) -> None:
    source = {**DURABLE, "limits": [{"concurrent": 1}]}
    run_id = (await trigger(bench, source, {"text": "hi"}))["run_id"]
    refused = await trigger(bench, source, {"text": "hi"})
    assert (refused["status"], refused["error"]["code"]) == (429, "RUN_LIMIT_REACHED")
    await instances.run(bench.service, run_id)
    assert (await trigger(bench, source, {"text": "hi"}))["status"] == 202


async def test_it_counts_for_as_long_as_it_lasts_and_no_longer_if_it_is_lost(
    bench: Bench, instances: FakeInstances
) -> None:
    source = {**DURABLE, "limits": [{"concurrent": 1}]}
    run_id = (await trigger(bench, source, {"text": "hi"}))["run_id"]
    bench.clock.advance(86_400_000)
    assert (await trigger(bench, source, {"text": "hi"}))["status"] == 429
    instances.ended.add(run_id)
    assert bench.service.lasting is not None
    await resume_runs(bench.service.lasting)
    assert (await trigger(bench, source, {"text": "hi"}))["status"] == 202


async def test_without_an_instance_nothing_is_durable() -> None:
    refused = await trigger(build_bench({"tell": echo, "wait": exited({})}, None, CONTRACTS), DURABLE, {"text": "hi"})
    assert (refused["status"], refused["error"]["code"]) == (503, "DURABLE_NOT_AVAILABLE")


async def ask_to_cancel(bench: Bench, run_id: str) -> dict[str, Any]:
    async with build_client(bench.service) as client:
        answer = await client.post(f"/runs/{run_id}/cancel")
    return {"status": answer.status_code, **answer.json()}


async def test_a_durable_run_that_is_cancelled_is_undone(bench: Bench, instances: FakeInstances, calls: Calls) -> None:
    undo = {"component": "tell", "text": "undone"}
    source = {**DURABLE, "config": {**DURABLE["config"], "a": {**DURABLE["config"]["a"], "undo": undo}}}
    run_id = (await trigger(bench, source, {"text": "hi"}))["run_id"]
    waiting = asyncio.ensure_future(instances.run(bench.service, run_id))
    await asyncio.sleep(60)
    waiting.cancel()  # as if it were paused
    assert bench.service.lasting is not None
    assert await bench.service.lasting.runs.ask_to_cancel(run_id)
    await instances.run(bench.service, run_id)
    record = await bench.service.runs.find(run_id)
    assert (record["status"], record["error"]["code"]) == ("cancelled", "RUN_CANCELLED")
    assert (record["undone"], [each["text"] for each in calls.inputs]) == ("complete", ["hi", "undone"])
    again = await ask_to_cancel(bench, run_id)
    assert (again["status"], again["error"]["code"]) == (409, "RUN_NOT_CANCELLABLE")
    assert "cancelled" in again["error"]["message"]


async def test_an_instance_that_does_not_notice_is_terminated(bench: Bench, instances: FakeInstances) -> None:
    run_id = (await trigger(bench, QUICK, {"text": "hi"}, "?async=1"))["run_id"]
    asked = await ask_to_cancel(bench, run_id)
    assert (asked["status"], asked["data"]) == (202, {"status": "cancelling"})
    await bench.background.finish()
    record = await bench.service.runs.find(run_id)
    assert (record["status"], instances.woken) == ("cancelled", [(run_id, "pause"), (run_id, "terminate")])
    async with build_client(bench.service) as client:
        listed = (await client.get("/runs?status=cancelled")).json()["data"]["runs"]
    assert [run["run_id"] for run in listed] == [run_id]


async def test_a_run_that_is_none_cannot_be_cancelled(bench: Bench) -> None:
    refused = await ask_to_cancel(bench, "0" * 26)
    assert (refused["status"], refused["error"]["code"]) == (404, "RUN_NOT_FOUND")


async def test_a_start_of_the_format_before_is_read(bench: Bench, instances: FakeInstances) -> None:
    run_id = (await trigger(bench, DURABLE, {"text": "hi"}))["run_id"]
    lasting = bench.service.lasting
    assert lasting is not None
    found = await lasting.runs.find_start(run_id)
    assert found is not None
    told = json.loads(found[0])
    links, plans = told.pop("links"), told.pop("plans")
    start = load_start(json.dumps({**told, "format": 1}).encode())
    assert (links, start.open_links(run_id), start.plans, [*plans]) == (None, None, {}, ["w"])


async def test_a_quick_run_has_no_row_and_is_asked_to_end_by_its_id(bench: Bench, instances: FakeInstances) -> None:
    run_id = bench.service.runs.new_run_id()
    asked = await ask_to_cancel(bench, run_id)
    assert (asked["status"], asked["data"], instances.woken) == (202, {"status": "cancelling"}, [])
    assert bench.service.runs.watch is not None
    assert await bench.service.runs.watch(run_id)


async def test_on_a_hosted_platform_without_instances_no_run_is_cancelled() -> None:
    hosted = await build_hosted({"tell": echo}, "a", instances=None)
    key = hosted.keys["a"]
    await hosted.ask("POST", "/webhooks", key, {"workflow": QUICK})
    run_id = (await hosted.ask("POST", "/webhooks/named/w/trigger?async=1", key, {"text": "hi"})).json()["run_id"]
    refused = await hosted.ask("POST", f"/runs/{run_id}/cancel", key)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "RUN_NOT_CANCELLABLE")
    unknown = await hosted.ask("POST", f"/runs/{'0' * 26}/cancel", key)
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "RUN_NOT_FOUND")
