"""Webhooks that answer at a line to `respond` while their runs go on: whom they answer, how long, and over crashes."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from simulation.world import Isolate

from arcrun.limits import MAX_STEP_RESULT_BYTES
from arcrun.ports import RunInstance
from executor.durable.answers import load_run
from executor.durable.run_workflow import run_workflow
from fakes.accepted import Calls
from fakes.components import echo, exited
from fakes.contracts import constraints_source, contract_source
from fakes.executor import Bench, build_bench, build_client
from fakes.instances import FakeInstances
from fakes.workflows import ADA

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[3]
WAIT_FOR = yaml.safe_load((ROOT / "components/wait_for/contract.yaml").read_text())
CANARY = "c4n4ry-of-the-caller"
SOURCE: dict[str, Any] = {
    "name": "w",
    "flow": [
        "input >> PIPE >> tell",
        "tell >> PIPE >> respond",
        "tell >> PIPE >> paid",
        "paid >> PIPE >> last",
    ],
    "config": {
        "tell": {"text": "{{input.text}}"},
        "paid": {"component": "wait_for", "event": "paid"},
        "last": {"component": "tell", "text": "{{paid.data.payload}}"},
    },
}
OWN = {"status": 201, "headers": {"x-shop": "7"}, "json": {"got": "{{tell.data.text}}", "paid": "{{paid.data.id?}}"}}


class SlowInstances(FakeInstances):
    """To ask for one takes some time, so that runs have it while a request waits."""

    def __init__(self, status_s: float = 1) -> None:
        super().__init__()
        self._status_s = status_s

    async def status(self, instance_id: str) -> RunInstance | None:
        await asyncio.sleep(self._status_s)
        return await super().status(instance_id)


class RunningInstances(SlowInstances):
    """Instances that run by themselves once they were created."""

    bench: Bench

    def __init__(self) -> None:
        super().__init__()
        self.running: dict[str, asyncio.Future[Isolate]] = {}

    async def create(self, instance_id: str, params: Any) -> bool:
        is_new = await super().create(instance_id, params)
        if is_new:
            self.running[instance_id] = asyncio.ensure_future(self.run(self.bench.service, instance_id))
        return is_new


def build(instances: RunningInstances, tell: Any = echo) -> Bench:
    behaviours = {"tell": tell, "wait_for": exited({})}
    bench = instances.bench = build_bench(behaviours, instances, {"wait_for": WAIT_FOR})
    return bench


@pytest.fixture
def instances() -> RunningInstances:
    return RunningInstances()


@pytest.fixture
def bench(instances: RunningInstances) -> Bench:
    return build(instances)


@asynccontextmanager
async def sending(
    bench: Bench, instances: RunningInstances, source: dict[str, Any], query: str = "", **headers: str
) -> AsyncIterator[asyncio.Future[Any]]:
    """While a request waits for its answer; at the end the run has got its event, and has ended."""
    token = (await bench.service.push(source, ADA)).stored.token
    as_owner = headers.pop("as_owner", "")
    async with build_client(bench.service, headers=None if as_owner else headers) as client:
        path = f"/webhooks/{token}/trigger{query}" if as_owner != "by name" else f"/webhooks/named/w/trigger{query}"
        sent = asyncio.ensure_future(client.post(path, json={"text": CANARY}, headers=headers))
        await asyncio.sleep(1)
        yield sent
        await asyncio.sleep(20)
    async with build_client(bench.service) as client:
        [run_id] = instances.running
        await client.post(f"/runs/{run_id}/events/paid", json="yes")
        await asyncio.wait_for(instances.running[run_id], 60)
    await sent


async def find(bench: Bench, instances: RunningInstances) -> Any:
    [run_id] = instances.running
    return await bench.service.runs.find(run_id)


async def test_the_caller_is_answered_while_the_run_waits(bench: Bench, instances: RunningInstances) -> None:
    async with sending(bench, instances, SOURCE) as sent:
        answer = await asyncio.wait_for(sent, 20)
        assert (answer.status_code, answer.json()["data"]) == (200, {"text": CANARY})
        assert (await find(bench, instances))["status"] == "running"
    record = await find(bench, instances)
    assert (record["status"], record["data"]) == ("success", {"text": "yes"})


async def test_the_response_is_that_of_the_moment(bench: Bench, instances: RunningInstances) -> None:
    async with sending(bench, instances, {**SOURCE, "response": OWN}) as sent:
        answer = await asyncio.wait_for(sent, 20)
        assert (answer.status_code, answer.json(), answer.headers["x-shop"]) == (
            201,
            {"got": CANARY, "paid": None},
            "7",
        )
    assert (await find(bench, instances))["response"] == {"status": 201}


@pytest.mark.parametrize(
    ("query", "headers", "status", "data"),
    [
        pytest.param("?async=1", {}, 202, {"status": "running"}, id="async"),
        pytest.param("?wait_ms=9000", {"as_owner": "by name"}, 202, {"status": "running"}, id="by name, for its end"),
        pytest.param("?wait_ms=60000", {"as_owner": "by name"}, 200, {"text": "yes"}, id="by name, to its end"),
        pytest.param("?trace=1", {"as_owner": "yes"}, 200, {"text": CANARY}, id="the webhook's owner"),
    ],
)
async def test_who_is_answered_early(
    bench: Bench, instances: RunningInstances, query: str, headers: dict[str, str], status: int, data: Any
) -> None:
    async with sending(bench, instances, SOURCE, query, **headers) as sent:
        pass
    assert (sent.result().status_code, sent.result().json()["data"]) == (status, data)
    if "trace" in query:
        assert [entry["node"] for entry in sent.result().json()["trace"]] == ["tell"]


async def test_a_repetition_gets_it_while_the_run_goes_on_and_afterwards(
    bench: Bench, instances: RunningInstances
) -> None:
    source = {**SOURCE, "triggers": {"webhook": {"idempotency": {"key": "{{input.text}}"}}}}
    async with sending(bench, instances, source) as sent:
        first = await sent
        token = (await bench.service.push(source, ADA)).stored.token
        async with build_client(bench.service, headers={}) as client:
            second = await client.post(f"/webhooks/{token}/trigger", json={"text": CANARY})
    async with build_client(bench.service, headers={}) as client:
        third = await client.post(f"/webhooks/{token}/trigger", json={"text": CANARY})
    assert first.json() == second.json() == third.json()
    assert (first.json()["data"], third.headers["idempotent-replayed"]) == ({"text": CANARY}, "true")


@pytest.mark.parametrize("size", [pytest.param(1, id="small"), pytest.param(MAX_STEP_RESULT_BYTES, id="large")])
async def test_it_is_kept_sealed_and_goes_with_the_run(instances: RunningInstances, size: int) -> None:
    bench = build(instances, lambda _: exited({"success": True, "data": {"large": "x" * size, "canary": CANARY}}))
    assert bench.service.lasting is not None
    runs = bench.service.lasting.runs
    async with sending(bench, instances, {**SOURCE, "record": "none"}) as sent:
        assert (await asyncio.wait_for(sent, 20)).json()["data"] == {"large": "x" * size, "canary": CANARY}
        [run_id] = instances.running
        assert await runs.find_early_answer(run_id) is not None
        await runs.note_early_answer(run_id, b"a second one")
        assert (kept := await runs.find_early_answer(run_id)) is not None
        at_rest = await bench.service.runs.find(run_id)
        assert CANARY not in json.dumps(at_rest) + str(bench.bucket.objects)
    if size == 1:  # a large one lies in the bucket under the run's id
        assert load_run(kept).record.data["canary"] == CANARY
    assert await runs.find_early_answer(run_id) is None


@pytest.mark.parametrize("ends_at", range(1, 8))
async def test_a_crash_at_any_moment_changes_nothing_of_the_answer(ends_at: int) -> None:
    calls = Calls()
    outside = contract_source(
        canonical_id="tell", constraints=constraints_source(no_network_syscall=False), allowed_hosts=["shop.example"]
    )
    instances = SlowInstances(600)
    bench = build_bench({"tell": calls}, instances, {"tell": outside})
    flow = ["input >> PIPE >> tell", "tell >> PIPE >> respond", "tell >> PIPE >> last"]
    source = {**SOURCE, "flow": flow, "config": {"tell": {"text": "{{input.text}}"}, "last": {"component": "tell"}}}
    token = (await bench.service.push(source, ADA)).stored.token
    async with build_client(bench.service, headers={}) as client:
        sent = asyncio.ensure_future(client.post(f"/webhooks/{token}/trigger", json={"text": CANARY}))
        while not instances.params:
            await asyncio.sleep(0.1)
        [run_id] = instances.params
        isolate = Isolate(Random(ends_at), ends_at, instances.stored[run_id])
        run = asyncio.ensure_future(run_workflow(bench.service, instances.params[run_id], isolate))
        ended = asyncio.ensure_future(isolate.has_ended.wait())
        await asyncio.wait([run, ended], return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        if run.done():
            instances.outputs[run_id] = run.result()
        else:
            run.cancel()
            await asyncio.wait([run])
            await instances.run(bench.service, run_id)
        answer = await asyncio.wait_for(sent, 3_600)
    assert (answer.status_code, answer.json()["data"]) == (200, {"text": CANARY})
    record = await bench.service.runs.find(run_id)
    assert (record["status"], [entry["node"] for entry in record["trace"]]) == ("success", ["tell", "last"])


async def test_what_was_answered_first_stays_the_answer() -> None:
    """An isolate that is lost behind its answer may have told of other steps than the one after it."""
    instances = FakeInstances()
    bench = build_bench({"tell": exited({"success": True, "data": {"text": "second"}})}, instances)
    flow = ["input >> PIPE >> tell", "tell >> PIPE >> respond"]
    source = {**SOURCE, "flow": flow, "config": {"tell": {"text": "{{input.text}}"}}}
    token = (await bench.service.push(source, ADA)).stored.token
    async with build_client(bench.service, headers={}) as client:
        accepted = await client.post(f"/webhooks/{token}/trigger?wait_ms=1", json={"text": CANARY})
        run_id = accepted.json()["run_id"]
        first = {"run_id": run_id, "workflow": "w", "version": 1, "trigger": "webhook", "data": {"text": "first"}}
        lasting = bench.service.lasting
        assert lasting is not None
        await lasting.runs.note_early_answer(run_id, json.dumps(first).encode())
        await instances.run(bench.service, run_id)
    kept = json.loads(instances.outputs[run_id])["answer"]
    answer = await lasting.runs.open_kept_answer(run_id, kept)
    assert answer is not None
    assert json.loads(answer)["data"] == {"text": "first"}


async def test_a_repetition_gets_the_early_answer_of_a_run_that_failed_after_it() -> None:
    instances = SlowInstances(600)
    failure = exited({"success": False, "error": {"code": "GONE", "message": "no"}})
    bench = build_bench({"tell": echo, "mail": failure}, instances)
    flow = ["input >> PIPE >> tell", "tell >> PIPE >> respond", "tell >> PIPE >> mail"]
    config = {"tell": {"text": "{{input.text}}"}, "mail": {"component": "mail"}}
    webhook = {"idempotency": {"key": "{{input.text}}"}}
    source = {**SOURCE, "flow": flow, "config": config, "triggers": {"webhook": webhook}}
    token = (await bench.service.push(source, ADA)).stored.token
    async with build_client(bench.service, headers={}) as client:
        path = f"/webhooks/{token}/trigger"
        first = asyncio.ensure_future(client.post(path, json={"text": CANARY}))
        while not instances.params:
            await asyncio.sleep(0.1)
        [run_id] = instances.params
        await instances.run(bench.service, run_id)
        answer = await asyncio.wait_for(first, 3_600)
        assert (await bench.service.runs.find(run_id))["status"] == "failed"
        again = await asyncio.wait_for(client.post(path, json={"text": CANARY}), 3_600)
    assert (answer.status_code, answer.json()["data"]) == (200, {"text": CANARY})
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json()["run_id"] == run_id
    assert [*instances.params] == [run_id]
