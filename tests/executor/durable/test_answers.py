"""Accepted runs whose clients wait: answered as quick runs if they end in time, else by 202; what is kept is sealed."""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from arcrun.limits import MAX_ANSWER_WAIT_MS, MAX_STEP_RESULT_BYTES
from arcrun.ports import RunInstance
from arcrun.wasm.abi import Execution
from executor.durable.answers import wait_for_answer
from executor.durable.lasting import Lasting
from fakes.components import echo, exited
from fakes.executor import Bench, build_bench, build_client
from fakes.instances import FakeInstances
from fakes.workflows import ADA

pytestmark = pytest.mark.anyio

CANARY = "c4n4ry-of-the-caller"
SLOW_MS = 5_000
SOURCE: dict[str, Any] = {
    "name": "w",
    "durable": True,
    "triggers": {"webhook": {"answer": "wait"}},
    "flow": ["input >> PIPE >> tell"],
    "config": {"tell": {"text": "{{input.text}}"}},
}
OWN = {"status": 201, "headers": {"x-shop": "7"}, "json": {"got": "{{tell.data.text}}"}, "on_failure": {"status": 503}}


class SlowInstances(FakeInstances):
    """An instance that is asked for has ended if it was created SLOW_MS before."""

    bench: Bench

    def __init__(self) -> None:
        super().__init__()
        self._created_ms: dict[str, float] = {}

    async def create(self, instance_id: str, params: Mapping[str, Any]) -> bool:
        self._created_ms.setdefault(instance_id, self.bench.clock.now_ms())
        return await super().create(instance_id, params)

    async def status(self, instance_id: str) -> RunInstance | None:
        since_ms = self.bench.clock.now_ms() - self._created_ms.get(instance_id, math.inf)
        if since_ms >= SLOW_MS and instance_id not in self.outputs and instance_id not in self.ended:
            await self.run(self.bench.service, instance_id)
        return await super().status(instance_id)


@pytest.fixture
def instances() -> SlowInstances:
    return SlowInstances()


@pytest.fixture
def bench(instances: SlowInstances) -> Bench:
    return build(instances)


def build(instances: SlowInstances, tell: Callable[[str], Execution] = echo) -> Bench:
    bench = build_bench({"tell": tell}, instances)
    instances.bench = bench
    return bench


async def send(bench: Bench, source: dict[str, Any], query: str = "", *, as_owner: bool = False, **headers: str) -> Any:
    token = (await bench.service.push(source, ADA)).stored.token
    async with build_client(bench.service, headers=None if as_owner else headers) as client:
        return await client.post(f"/webhooks/{token}/trigger{query}", json={"text": CANARY}, headers=headers)


async def test_a_caller_gets_what_a_quick_run_would_answer(bench: Bench) -> None:
    waited = await send(bench, SOURCE)
    assert (waited.status_code, waited.json()["success"], waited.json()["data"]) == (200, True, {"text": CANARY})


async def test_the_response_of_the_workflow_is_used(bench: Bench) -> None:
    waited = await send(bench, {**SOURCE, "response": OWN})
    assert (waited.status_code, waited.json(), waited.headers["x-shop"]) == (201, {"got": CANARY}, "7")


async def test_a_failure_tells_a_caller_nothing_and_its_owner_all(instances: SlowInstances) -> None:
    failing = exited({"success": False, "error": {"code": "BAD", "message": "It went wrong."}})
    bench = build(instances, lambda _: failing)
    told = await send(bench, SOURCE)
    assert (told.status_code, told.json()["error"]["code"]) == (500, "WORKFLOW_FAILED")
    own = await send(bench, {**SOURCE, "response": OWN})
    assert own.status_code == 503
    owner = await send(bench, SOURCE, "?wait_ms=20000", as_owner=True)
    assert (owner.status_code, owner.json()["error"]["code"]) == (422, "BAD")
    assert owner.json()["error"]["details"]["node"] == "tell"


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        pytest.param(None, 202, id="durable runs by themselves"),
        pytest.param("accepted", 202, id="at once"),
        pytest.param({"wait": "4s"}, 202, id="too short"),
        pytest.param({"wait": "9s"}, 200, id="long enough"),
        pytest.param("wait", 200, id="as long as may be"),
    ],
)
@pytest.mark.parametrize("durable", [True, False])
async def test_the_author_says_how_long(bench: Bench, *, answer: Any, status: int, durable: bool) -> None:
    source = {**SOURCE, "durable": durable, "triggers": {"webhook": {} if answer is None else {"answer": answer}}}
    told = await send(bench, source)
    assert told.status_code == (200 if answer is None and not durable else status)


async def test_who_does_not_wait_long_enough_gets_the_runs_id_and_the_run_goes_on(
    bench: Bench, instances: SlowInstances
) -> None:
    told = await send(bench, {**SOURCE, "triggers": {"webhook": {"answer": {"wait": "1s"}}}})
    assert told.json()["data"] == {"status": "running"}
    run_id = told.json()["run_id"]
    await instances.run(bench.service, run_id)
    assert (await bench.service.runs.find(run_id))["status"] == "success"


@pytest.mark.parametrize(
    ("query", "as_owner", "status"),
    [
        pytest.param("?wait_ms=9000", True, 200, id="an owner's wish"),
        pytest.param("?wait_ms=0", True, 202, id="an owner who does not wait"),
        pytest.param("?wait_ms=9000&async=1", True, 200, id="an owner who asks for both"),
        pytest.param("?wait_ms=9000", False, 202, id="a caller has no say"),
        pytest.param("?async=1", False, 202, id="async"),
        pytest.param(f"?wait_ms={MAX_ANSWER_WAIT_MS + 1}", True, 400, id="too long"),
        pytest.param("?wait_ms=soon", True, 400, id="no number"),
    ],
)
async def test_the_owner_says_how_long(bench: Bench, query: str, *, as_owner: bool, status: int) -> None:
    source = {**SOURCE, "triggers": {"webhook": {"answer": "accepted"}}}
    assert (await send(bench, source, query, as_owner=as_owner)).status_code == status


async def test_the_owner_sees_the_trace_and_the_id_at_once(bench: Bench) -> None:
    told = (await send(bench, SOURCE, "?wait_ms=9000&trace=1", as_owner=True)).json()
    assert ([entry["node"] for entry in told["trace"]], told["duration_ms"] >= 0) == (["tell"], True)
    lines = await send(bench, SOURCE, "?wait_ms=9000&trace=1", as_owner=True, accept="application/x-ndjson")
    first, last = (json.loads(line) for line in lines.text.split("\n") if line)
    assert (first, last["data"]) == ({"run_id": last["run_id"]}, {"text": CANARY})


async def test_a_queued_run_is_not_waited_for(bench: Bench, instances: SlowInstances) -> None:
    token = (await bench.service.push(SOURCE, ADA)).stored.token
    began_ms = bench.clock.now_ms()
    async with build_client(bench.service) as client:
        await client.post("/webhooks/named/w/pause", json={"on_trigger": "queue"})
        told = await client.post(f"/webhooks/{token}/trigger", json={"text": CANARY})
    assert (told.status_code, told.json()["data"]) == (202, {"status": "queued"})
    assert (instances.params, bench.clock.now_ms() - began_ms < SLOW_MS) == ({}, True)


async def test_a_repetition_waits_for_the_same_run(bench: Bench, instances: SlowInstances) -> None:
    source = {**SOURCE, "triggers": {"webhook": {"answer": "wait", "idempotency": {"key": "{{input.text}}"}}}}
    first, second = await send(bench, source), await send(bench, source)
    assert first.json() == second.json()
    assert ("idempotent-replayed" in first.headers, second.headers["idempotent-replayed"]) == (False, "true")
    assert len(instances.params) == 1


async def test_large_answers_are_kept_too_and_nothing_in_the_clear(instances: SlowInstances) -> None:
    large = "x" * MAX_STEP_RESULT_BYTES
    bench = build(instances, lambda _: exited({"success": True, "data": {"large": large, "canary": CANARY}}))
    told = await send(bench, {**SOURCE, "record": "none"})
    assert told.json()["data"]["large"] == large
    at_rest = json.dumps(instances.outputs) + str(bench.bucket.objects)
    assert CANARY not in at_rest
    [kept] = [key for key in bench.bucket.keys if key.endswith("/answer")]
    run_id = kept.split("/")[1]
    assert json.loads(instances.outputs[run_id]) == {"status": "success", "answer": ""}


async def test_of_a_run_that_nobody_waits_for_no_answer_is_kept(bench: Bench, instances: SlowInstances) -> None:
    told = await send(bench, SOURCE, "?async=1")
    await instances.run(bench.service, told.json()["run_id"])
    assert [*map(json.loads, instances.outputs.values())] == [{"status": "success"}]


async def test_on_a_hosted_platform_it_is_done_for_the_request() -> None:
    source = {**SOURCE, "durable": False, "triggers": {"webhook": {"answer": {"wait": "9s"}}}}
    assert (await send(build_bench({"tell": echo}), source)).json()["data"] == {"text": CANARY}


async def test_an_instance_that_was_terminated_has_no_answer(bench: Bench, instances: SlowInstances) -> None:
    first = await send(bench, {**SOURCE, "triggers": {"webhook": {"answer": "accepted"}}})
    instances.ended.add(first.json()["run_id"])
    run_id, lasting = first.json()["run_id"], instances_of(bench)
    assert await wait_for_answer(lasting, bench.service.runs.find, bench.clock, run_id, 60_000, is_early=True) is None
    assert len(bench.clock.slept_ms) == 1


def instances_of(bench: Bench) -> Lasting:
    assert bench.service.lasting is not None
    return bench.service.lasting
