"""`on_limit: queue` and `latest`: runs over their workflow's limits wait, in order, and begin one after the other."""

import asyncio
import json
from random import Random
from typing import Any

import pytest

from arcrun.errors import WorkflowError
from executor.durable.acceptance import resume_runs
from executor.records import limited_runs
from executor.records.admissions import MINUTE_MS
from executor.records.limited_runs import BATCH_PAUSE_MS, RETRY_MS, Outside
from executor.starts.start_limits import ROOM
from fakes.components import echo
from fakes.executor import Bench, build_bench, build_client
from fakes.instances import FakeInstances
from fakes.workflows import ADA

pytestmark = pytest.mark.anyio

ACCEPTED = {"triggers": {"webhook": {"answer": "accepted"}}}
KEY = "{{input.customer?}}"


@pytest.fixture
def instances() -> FakeInstances:
    return FakeInstances()


@pytest.fixture
def bench(instances: FakeInstances) -> Bench:
    return build_bench({"tell": echo}, instances)


def build_flow(*limits: Any, **settings: Any) -> dict[str, Any]:
    return {
        "name": "w",
        "flow": ["input >> PIPE >> a"],
        "config": {"a": {"component": "tell", "text": "{{input.text?}}"}},
        "limits": [*limits],
        **ACCEPTED,
        **settings,
    }


async def push(bench: Bench, *limits: Any, **settings: Any) -> str:
    return (await bench.service.push(build_flow(*limits, **settings), ADA)).stored.token


async def ask(bench: Bench, method: str, path: str, body: Any = None, **headers: str) -> dict[str, Any]:
    async with build_client(bench.service) as client:
        answer = await client.request(method, path, json=body, headers=headers)
    return {"status": answer.status_code, "headers": answer.headers, **answer.json()}


async def call(bench: Bench, token: str, **body: Any) -> dict[str, Any]:
    return await ask(bench, "POST", f"/webhooks/{token}/trigger", body)


async def show(bench: Bench, run_id: str) -> dict[str, Any]:
    data: dict[str, Any] = (await ask(bench, "GET", f"/runs/{run_id}"))["data"]
    return data


async def go_off(bench: Bench, instances: FakeInstances) -> None:
    """Let a while pass, with the alarms that are due."""

    async def export() -> bool:
        return False

    bench.clock.advance(BATCH_PAUSE_MS)
    for number, alarm in [*bench.logs.alarms.items()]:
        if alarm.due_ms is not None and alarm.due_ms <= bench.clock.now_ms():
            await bench.logs.tables[number].on_alarm(bench.bucket, export, Outside(bench.logs, instances))


@pytest.mark.parametrize("settings", [ACCEPTED, {"durable": True, "triggers": {}}], ids=["accepted", "durable"])
async def test_runs_over_the_limit_wait_and_begin_in_their_order(
    bench: Bench, instances: FakeInstances, settings: dict[str, Any]
) -> None:
    token = await push(bench, {"concurrent": 1, "on_limit": "queue"}, **settings)
    answers = [await call(bench, token, text=str(number)) for number in range(3)]
    assert [(each["status"], each["data"]["status"]) for each in answers] == [
        *[(202, "running"), (202, "queued"), (202, "queued")]
    ]
    first, second, third = (each["run_id"] for each in answers)
    waiting = await show(bench, second)
    assert (waiting["status"], waiting["waits_for"], waiting["input"]) == (
        *("queued", f"{ROOM}: 1 at once"),
        {"text": "1"},
    )
    listed = (await ask(bench, "GET", "/runs?status=queued"))["data"]["runs"]
    assert {run["run_id"] for run in listed} == {second, third}
    assert (await ask(bench, "GET", "/runs/unsettled"))["data"]["queued"] == {"w": 2}
    await go_off(bench, instances)
    assert list(instances.params) == [first]
    for ended, begun in ((first, second), (second, third)):
        await instances.run(bench.service, ended)
        await go_off(bench, instances)
        assert list(instances.params)[-1] == begun
        assert (await show(bench, begun))["status"] == "running"
        assert "waits_for" not in await show(bench, begun)
    await instances.run(bench.service, third)
    assert [(await show(bench, run))["data"]["text"] for run in (first, second, third)] == ["0", "1", "2"]
    assert (await call(bench, token))["data"]["status"] == "running"


async def test_a_start_of_the_platform_begins_nobody_early(bench: Bench, instances: FakeInstances) -> None:
    token = await push(bench, {"concurrent": 1, "on_limit": "queue"})
    first, second = [(await call(bench, token))["run_id"] for _ in range(2)]
    for number in [*bench.logs.tables]:
        bench.logs.start(number)
    assert bench.service.lasting is not None
    assert await resume_runs(bench.service.lasting) == 1
    await bench.service.delete(token, ADA)  # nor does that of its workflow
    await go_off(bench, instances)
    assert list(instances.params) == [first]
    await instances.run(bench.service, first)
    await go_off(bench, instances)
    await instances.run(bench.service, second)
    assert (await show(bench, second))["status"] == "success"  # it has the plan that it was accepted with


async def test_a_run_that_is_lost_lets_in_the_next(bench: Bench, instances: FakeInstances) -> None:
    token = await push(bench, {"concurrent": 1, "on_limit": "queue"}, durable=True)
    first, second = [(await call(bench, token))["run_id"] for _ in range(2)]
    instances.ended.add(first)
    assert bench.service.lasting is not None
    await resume_runs(bench.service.lasting)
    await go_off(bench, instances)
    assert list(instances.params) == [first, second]
    third = (await call(bench, token))["run_id"]
    instances.ended.add(second)  # and nobody sweeps
    for _ in range(2):
        bench.clock.advance(limited_runs.LOOK_MS)
        await go_off(bench, instances)
    await go_off(bench, instances)
    assert list(instances.params) == [first, second, third]


async def test_each_key_has_a_queue_of_its_own(bench: Bench, instances: FakeInstances) -> None:
    token = await push(bench, {"concurrent": 1, "key": KEY, "on_limit": "queue"})
    answers = [await call(bench, token, customer=each) for each in "aabb"]
    assert [each["data"]["status"] for each in answers] == ["running", "queued", "running", "queued"]
    assert (await show(bench, answers[1]["run_id"]))["waits_for"] == f"{ROOM}: 1 at once for each {KEY}"
    await instances.run(bench.service, answers[2]["run_id"])
    await go_off(bench, instances)
    assert list(instances.params)[-1] == answers[3]["run_id"]
    stored = json.dumps([sql.execute("SELECT * FROM limited") for sql in bench.logs.sql.values()])
    assert "customer" not in stored


async def test_a_minute_begins_the_next(bench: Bench, instances: FakeInstances) -> None:
    token = await push(bench, {"per_minute": 1, "on_limit": "queue"})
    first, second = [(await call(bench, token))["run_id"] for _ in range(2)]
    await instances.run(bench.service, first)
    await go_off(bench, instances)
    assert list(instances.params) == [first]
    bench.clock.advance(MINUTE_MS)
    await go_off(bench, instances)
    assert list(instances.params) == [first, second]


async def test_latest_ends_who_waited_before(bench: Bench, instances: FakeInstances) -> None:
    token = await push(bench, {"concurrent": 1, "key": KEY, "on_limit": "latest"})
    first, second, third = [(await call(bench, token, customer="a"))["run_id"] for _ in range(3)]
    await go_off(bench, instances)
    replaced = await show(bench, second)
    assert (replaced["status"], replaced["error"]["code"]) == ("cancelled", "RUN_REPLACED")
    assert (replaced["error"]["details"], third in replaced["error"]["message"]) == ({"by": third}, True)
    assert (await show(bench, first))["status"] == "running"
    assert [(await show(bench, third))["status"], list(instances.params)] == ["queued", [first]]
    assert (await ask(bench, "GET", "/runs?dead=1"))["data"]["runs"] == []
    await instances.run(bench.service, first)
    await go_off(bench, instances)
    assert list(instances.params) == [first, third]
    assert await bench.service.runs.find_input(second) == {"customer": "a"}  # it can be replayed


async def test_one_that_waits_is_cancelled_at_once(bench: Bench, instances: FakeInstances) -> None:
    token = await push(bench, {"concurrent": 1, "on_limit": "queue"})
    first, second, third = [(await call(bench, token))["run_id"] for _ in range(3)]
    assert (await ask(bench, "POST", f"/runs/{second}/cancel"))["status"] == 202
    await asyncio.wait_for(bench.background.finish(), 1)
    assert (await show(bench, second))["status"] == "cancelled"
    await instances.run(bench.service, first)
    await go_off(bench, instances)
    assert list(instances.params) == [first, third]


async def test_a_full_queue_refuses(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limited_runs, "MAX_WAITING_RUNS", 1)
    token = await push(bench, {"concurrent": 1, "on_limit": "queue"})
    answers = [await call(bench, token) for _ in range(3)]
    assert [each["status"] for each in answers] == [202, 202, 429]
    assert (answers[2]["error"]["code"], answers[2]["headers"]["retry-after"]) == ("RUN_LIMIT_REACHED", "1")
    assert "as many wait as may" in answers[2]["error"]["message"]


async def test_a_limit_without_it_still_refuses(bench: Bench) -> None:
    token = await push(bench, {"concurrent": 1, "on_limit": "queue"}, {"per_minute": 1})
    assert [(await call(bench, token))["status"] for _ in range(2)] == [202, 429]


async def test_by_its_name_it_is_accepted_too(bench: Bench) -> None:
    await push(bench, {"concurrent": 1, "on_limit": "queue"})
    answers = [await ask(bench, "POST", "/webhooks/named/w/trigger", {}) for _ in range(2)]
    assert [(each["status"], each["data"]["status"]) for each in answers] == [(202, "running"), (202, "queued")]


async def test_a_repetition_gets_the_answer_of_the_first(bench: Bench) -> None:
    triggers = {"webhook": {"answer": "accepted", "idempotency": {"key": "{{input.id}}"}}}
    token = await push(bench, {"concurrent": 1, "on_limit": "queue"}, triggers=triggers)
    answers = [await call(bench, token, id=each) for each in ("1", "2", "2")]
    assert [each["data"]["status"] for each in answers] == ["running", "queued", "queued"]
    assert answers[1]["run_id"] == answers[2]["run_id"]
    assert (await ask(bench, "GET", "/runs/unsettled"))["data"]["queued"] == {"w": 1}


async def test_one_that_cannot_be_stored_leaves_its_turn(
    bench: Bench, instances: FakeInstances, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await push(bench, {"concurrent": 1, "on_limit": "queue"})
    instances.fails = True
    assert (await call(bench, token))["status"] == 503
    instances.fails = False
    assert (await call(bench, token))["data"]["status"] == "running"


async def test_an_instance_that_cannot_be_created_yet_is_later(bench: Bench, instances: FakeInstances) -> None:
    token = await push(bench, {"concurrent": 1, "on_limit": "queue"})
    first, second = [(await call(bench, token))["run_id"] for _ in range(2)]
    await instances.run(bench.service, first)
    instances.fails = True
    await go_off(bench, instances)
    assert (await show(bench, second))["status"] == "queued"
    instances.fails = False
    bench.clock.advance(RETRY_MS)
    await go_off(bench, instances)
    assert list(instances.params) == [first, second]


@pytest.mark.parametrize("on_limit", ["queue", "latest"])
async def test_a_workflow_whose_callers_wait_is_refused_at_push(bench: Bench, on_limit: str) -> None:
    with pytest.raises(WorkflowError) as caught:
        await push(bench, {"concurrent": 1, "on_limit": on_limit}, triggers={})
    [finding] = caught.value.details["diagnostics"]
    assert (finding["code"], "lets a run wait" in finding["message"]) == ("INVALID_SETTING", True)
    assert "durable: true" in finding["hint"]


async def test_a_platform_without_instances_has_no_queue() -> None:
    bench = build_bench({"tell": echo})
    token = await push(bench, {"concurrent": 1, "on_limit": "queue"})
    refused = await call(bench, token)
    assert (refused["status"], refused["error"]["code"]) == (503, "QUEUE_NOT_AVAILABLE")


@pytest.mark.parametrize("seed", range(8))
async def test_any_interleaving_runs_each_once_and_no_more_at_once(
    bench: Bench, instances: FakeInstances, seed: int
) -> None:
    """Requests, cancels, ends, alarms and restarts of objects, in any order."""
    chance, at_once = Random(seed), 2
    token = await push(bench, {"concurrent": at_once, "on_limit": "queue"}, {"concurrent": 50})
    accepted: dict[str, str] = {}
    cancelled: set[str] = set()
    running: set[str] = set()

    async def request(number: int) -> None:
        await asyncio.sleep(chance.random())
        answer = await call(bench, token, text=str(number))
        assert answer["status"] == 202, answer
        accepted[answer["run_id"]] = str(number)

    async def cancel() -> None:
        await asyncio.sleep(chance.random())
        queued = (await ask(bench, "GET", "/runs?status=queued"))["data"]["runs"]
        for run in queued[:1]:
            await ask(bench, "POST", f"/runs/{run['run_id']}/cancel")
            cancelled.add(run["run_id"])

    async def run(run_id: str) -> None:
        running.add(run_id)
        assert len(running) <= at_once
        await asyncio.sleep(chance.random() / 4)
        running.discard(run_id)
        await instances.run(bench.service, run_id)

    def is_busy() -> bool:
        return not requests.done() or any(sql.execute("SELECT * FROM limited") for sql in bench.logs.sql.values())

    async def be_the_platform() -> None:
        begun: dict[str, asyncio.Task[None]] = {}
        while is_busy():
            await asyncio.sleep(chance.random() / 10)
            if chance.random() < 0.1:
                number = chance.choice([*bench.logs.tables])
                bench.logs.start(number)
            await go_off(bench, instances)
            begun |= {run_id: asyncio.ensure_future(run(run_id)) for run_id in instances.params if run_id not in begun}
        await asyncio.gather(*begun.values())

    requests = asyncio.gather(*(request(number) for number in range(12)), cancel(), cancel())
    await asyncio.wait_for(be_the_platform(), 600)
    await bench.background.finish()
    statuses = {run_id: await show(bench, run_id) for run_id in accepted}
    for run_id, record in statuses.items():
        told = record["data"]["text"] if record["status"] == "success" else record["status"]
        assert told == accepted[run_id] or (run_id in cancelled and told == "cancelled"), record


async def test_latest_ends_nobody_who_was_told_to_queue(bench: Bench, instances: FakeInstances) -> None:
    await push(bench, {"concurrent": 1, "on_limit": "queue"})
    token = await push(bench, {"concurrent": 1, "on_limit": "queue"})
    first, second = [(await call(bench, token))["run_id"] for _ in range(2)]
    await push(bench, {"concurrent": 1, "on_limit": "latest"})
    third, fourth = [(await call(bench, token))["run_id"] for _ in range(2)]
    await go_off(bench, instances)
    statuses = [(await show(bench, each))["status"] for each in (first, second, third, fourth)]
    assert statuses == ["running", "queued", "cancelled", "queued"]


@pytest.mark.parametrize("how", ["replaced", "cancelled"])
async def test_who_waits_is_told_at_once_that_a_queued_run_ends(
    bench: Bench, instances: FakeInstances, how: str
) -> None:
    limit = {"concurrent": 1, "on_limit": "latest"}
    token = await push(bench, limit, triggers={"webhook": {"answer": {"wait": "30s"}}})
    await call(bench, f"{token}")
    began_ms = bench.clock.now_ms()
    waiting = asyncio.ensure_future(call(bench, token))
    while len((await ask(bench, "GET", "/runs?status=queued"))["data"]["runs"]) < 1:
        await asyncio.sleep(0)
    [queued] = (await ask(bench, "GET", "/runs?status=queued"))["data"]["runs"]
    if how == "cancelled":
        await ask(bench, "POST", f"/runs/{queued['run_id']}/cancel")
        await bench.background.finish()
    else:
        later = asyncio.ensure_future(call(bench, token))
        while (await show(bench, queued["run_id"]))["status"] == "queued":
            await go_off(bench, instances)
            await asyncio.sleep(0)
        later.cancel()
    answer = await waiting
    assert (answer["status"], answer["error"]["code"]) == (
        422,
        "RUN_REPLACED" if how == "replaced" else "RUN_CANCELLED",
    )
    assert bench.clock.now_ms() - began_ms < 60_000
