"""Runs that a node starts with `detach`: accepted, by its own id, once however often the node is repeated."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from arcrun.limits import MAX_RUN_DEPTH
from fakes.components import echo, exited
from fakes.executor import Bench, build_bench, build_client
from fakes.instances import FakeInstances
from fakes.workflows import ADA

pytestmark = pytest.mark.anyio

WAIT = yaml.safe_load((Path(__file__).parents[3] / "components/wait/contract.yaml").read_text(encoding="utf-8"))
CHILD = {"name": "child", "flow": ["input >> PIPE >> tell"], "config": {"tell": {"text": "{{input.text}}"}}}
PARENT: dict[str, Any] = {
    "name": "parent",
    "flow": ["input >> FOREACH n IN input.list >> tell", "tell >> CALLS_SUBFLOW >> child"],
    "config": {"tell": {"text": "{{n}}"}, "child": {"detach": True, "input": {"text": "{{n}}"}}},
}


@pytest.fixture
def instances() -> FakeInstances:
    return FakeInstances()


@pytest.fixture
def bench(instances: FakeInstances) -> Bench:
    return build_bench({"tell": echo, "wait": exited({})}, instances, {"wait": WAIT})


async def trigger(bench: Bench, source: dict[str, Any], **headers: str) -> dict[str, Any]:
    await bench.service.push(CHILD, ADA)
    await bench.service.push(source, ADA)
    async with build_client(bench.service) as client:
        path = f"/webhooks/named/{source['name']}/trigger"
        answer = await client.post(path, json={"list": ["a", "b"]}, headers=headers)
    return {"status": answer.status_code, **answer.json()}


async def test_a_quick_run_starts_accepted_runs(bench: Bench, instances: FakeInstances) -> None:
    answer = await trigger(bench, PARENT)
    assert answer["status"] == 200, answer
    started = [each["run_id"] for each in answer["data"]]
    assert list(instances.params) == started
    for run_id, text in zip(started, ("a", "b"), strict=True):
        await instances.run(bench.service, run_id)
        record = await bench.service.runs.find(run_id)
        assert (record["status"], record["trigger"], record["data"]) == ("success", "workflow", {"text": text})


async def test_a_durable_run_that_is_repeated_starts_each_once(bench: Bench, instances: FakeInstances) -> None:
    config = {
        "child": PARENT["config"]["child"] | {"input": {"text": "x"}},
        "pause": {"component": "wait", "for": "1d"},
    }
    flow = ["input >> CALLS_SUBFLOW >> child", "child >> PIPE >> pause", "child >> PIPE >> output"]
    run_id = (await trigger(bench, {"name": "parent", "durable": True, "flow": flow, "config": config}))["run_id"]
    waiting = asyncio.ensure_future(instances.run(bench.service, run_id))
    await asyncio.sleep(60)
    waiting.cancel()  # as if its isolate were gone, before the platform had stored that the child was started
    [child] = set(instances.params) - {run_id}
    del instances.stored[run_id].results["child"]
    await instances.run(bench.service, child)
    ended = await bench.service.runs.find(child)
    await instances.run(bench.service, run_id)
    assert (await bench.service.runs.find(run_id))["data"] == {"run_id": child}
    assert (set(instances.params), await bench.service.runs.find(child)) == ({run_id, child}, ended)


async def test_a_start_that_has_been_done_is_not_done_again(bench: Bench, instances: FakeInstances) -> None:
    await trigger(bench, PARENT)
    child = next(iter(instances.params))
    await instances.run(bench.service, child)
    ended = await bench.service.runs.find(child)
    await bench.service.start_detached("child", {"text": "again"}, child, 1)
    assert (len(instances.params), await bench.service.runs.find(child)) == (2, ended)


async def test_a_start_that_broke_off_before_its_instance_is_finished(bench: Bench, instances: FakeInstances) -> None:
    await trigger(bench, PARENT)
    child = next(iter(instances.params))
    del instances.params[child]
    await bench.service.start_detached("child", {"text": "a"}, child, 1)
    await instances.run(bench.service, child)
    assert (await bench.service.runs.find(child))["data"] == {"text": "a"}


async def test_a_chain_of_runs_has_an_end(bench: Bench, instances: FakeInstances) -> None:
    answer = await trigger(bench, PARENT, **{"arcrun-depth": str(MAX_RUN_DEPTH)})
    assert (answer["status"], answer["error"]["code"], instances.params) == (422, "RUN_TOO_DEEP", {})


async def test_on_a_hosted_platform_it_is_run_in_the_isolate() -> None:
    bench = build_bench({"tell": echo})
    answer = await trigger(bench, PARENT)
    await bench.background.finish()
    statuses = [(await bench.service.runs.find(each["run_id"]))["status"] for each in answer["data"]]
    assert statuses == ["success", "success"]


async def test_what_it_is_started_with_is_sealed(bench: Bench, instances: FakeInstances) -> None:
    run_id = (await trigger(bench, {**PARENT, "durable": True}))["run_id"]
    await asyncio.wait_for(instances.run(bench.service, run_id), 60)
    assert '"list": ["a"' not in json.dumps(instances.stored[run_id].results)
