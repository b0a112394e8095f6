"""`once` of a node: what a crash cut off is not done again before somebody has decided it, and everyone can see it."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from simulation.world import Isolate

from arcrun.durable.once import FIRST_PAUSE_MS
from arcrun.limits import MAX_SKIPPED_BYTES
from arcrun.wasm.abi import Execution
from fakes.components import echo
from fakes.executor import Bench, build_bench, build_client
from fakes.instances import FakeInstances
from fakes.workflows import ADA

pytestmark = pytest.mark.anyio

CANARY = "receipt-c4n4ry"
SOURCE: dict[str, Any] = {
    "name": "w",
    "durable": True,
    "flow": ["input >> PIPE >> pay", "pay >> PIPE >> after"],
    "config": {
        "pay": {"component": "tell", "text": "paid", "once": True},
        "after": {"component": "tell", "text": "{{pay.data | json}}"},
    },
}


class Calls:
    """A component, its calls, and what happens during one."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.crash: Callable[[], object] = list  # nothing, unless a test says otherwise

    def __call__(self, stdin: str) -> Execution:
        self.texts.append(json.loads(stdin)["text"])
        self.crash()
        return echo(stdin)


@pytest.fixture
def calls() -> Calls:
    return Calls()


@pytest.fixture
def instances() -> FakeInstances:
    return FakeInstances()


@pytest.fixture
def bench(calls: Calls, instances: FakeInstances) -> Bench:
    return build_bench({"tell": calls}, instances)


async def cut_off(bench: Bench, instances: FakeInstances, calls: Calls) -> str:
    """A run whose `pay` was cut off by a crash; it waits for a decision."""
    await bench.service.push(SOURCE, ADA)
    async with build_client(bench.service) as client:
        run_id: str = (await client.post("/webhooks/named/w/trigger", json={})).json()["run_id"]
    running = asyncio.ensure_future(instances.run(bench.service, run_id))
    calls.crash = running.cancel  # its isolate is gone before the platform has stored the result
    await asyncio.wait([running])
    calls.crash = list
    instances.stored[run_id].results.pop("pay")  # which a cancelled task stores, but no crash
    await go_on(bench, instances, run_id)
    return run_id


async def go_on(bench: Bench, instances: FakeInstances, run_id: str, for_s: float = 60) -> Isolate | None:
    """Run the instance until it has ended, or sleeps."""
    running = asyncio.ensure_future(instances.run(bench.service, run_id))
    done, _ = await asyncio.wait([running], timeout=for_s)
    running.cancel()
    return running.result() if done else None


async def ask(bench: Bench, method: str, path: str, body: Any = None) -> dict[str, Any]:
    async with build_client(bench.service) as client:
        answer = await client.request(method, path, json=body)
    return {"status": answer.status_code, **answer.json()}


async def decide(bench: Bench, run_id: str, node: str, **body: Any) -> dict[str, Any]:
    return await ask(bench, "POST", f"/runs/{run_id}/decisions/{node}", body)


async def test_it_waits_and_shows_that_it_does(bench: Bench, instances: FakeInstances, calls: Calls) -> None:
    run_id = await cut_off(bench, instances, calls)
    record = (await ask(bench, "GET", f"/runs/{run_id}"))["data"]
    assert (record["status"], [question["node"] for question in record["decisions"]]) == ("needs_decision", ["pay"])
    assert [(entry["node"], entry["status"]) for entry in record["trace"]] == [("pay", "waiting")]
    for status, expected in (("needs_decision", [run_id]), ("running", []), ("", [run_id])):
        query = f"?status={status}" if status else ""
        listed = (await ask(bench, "GET", f"/runs{query}"))["data"]["runs"]
        assert [run["run_id"] for run in listed] == expected
    assert calls.texts == ["paid"]


async def test_retry_does_it_again(bench: Bench, instances: FakeInstances, calls: Calls) -> None:
    run_id = await cut_off(bench, instances, calls)
    told = await decide(bench, run_id, "pay", decision="retry")
    assert (told["status"], told["data"]) == (202, {"node": "pay", "decision": "retry"})
    assert (await ask(bench, "GET", f"/runs/{run_id}"))["data"]["status"] == "running"
    assert await go_on(bench, instances, run_id) is not None
    record = await bench.service.runs.find(run_id)
    assert (record["status"], calls.texts) == ("success", ["paid", "paid", '{"text":"paid"}'])
    assert "decisions" not in record


async def test_skip_goes_on_with_what_it_is_given(bench: Bench, instances: FakeInstances, calls: Calls) -> None:
    run_id = await cut_off(bench, instances, calls)
    await decide(bench, run_id, "pay", decision="skip", data={"receipt": CANARY})
    at_rest = json.dumps([sql.execute("SELECT * FROM cut_off_calls") for sql in bench.logs.sql.values()])
    assert (CANARY in at_rest, "skip" in at_rest) == (False, True)
    await go_on(bench, instances, run_id)
    record = await bench.service.runs.find(run_id)
    assert (record["status"], calls.texts[1:]) == ("success", [json.dumps({"receipt": CANARY}, separators=(",", ":"))])
    assert record["trace"][0]["log"] == "A crash cut it off, and it was decided to skip it."
    assert CANARY not in json.dumps(instances.stored[run_id].results)
    assert [sql.execute("SELECT * FROM cut_off_calls") for sql in bench.logs.sql.values() if sql] == [[]] * len(
        bench.logs.sql
    )


async def test_its_instance_is_repeated_at_once(bench: Bench, instances: FakeInstances, calls: Calls) -> None:
    run_id = await cut_off(bench, instances, calls)
    await decide(bench, run_id, "pay", decision="retry")
    await bench.background.finish()
    assert instances.woken == [(run_id, "pause"), (run_id, "resume")]


async def test_it_notices_a_decision_by_itself_later(bench: Bench, instances: FakeInstances, calls: Calls) -> None:
    run_id = await cut_off(bench, instances, calls)
    running = asyncio.ensure_future(instances.run(bench.service, run_id))
    await asyncio.sleep(60)
    await decide(bench, run_id, "pay", decision="skip")
    await asyncio.sleep(FIRST_PAUSE_MS / 1000)
    await asyncio.wait_for(running, 60)
    assert ((await bench.service.runs.find(run_id))["status"], calls.texts) == ("success", ["paid", "null"])


async def test_without_a_decision_it_fails_after_a_month(bench: Bench, instances: FakeInstances, calls: Calls) -> None:
    run_id = await cut_off(bench, instances, calls)
    await go_on(bench, instances, run_id, 32 * 86_400)
    record = await bench.service.runs.find(run_id)
    assert (record["status"], record["error"]["code"]) == ("failed", "DECISION_MISSING")
    assert calls.texts == ["paid"]


async def test_a_run_that_waits_for_a_decision_is_not_retried_but_cancelled(
    bench: Bench, instances: FakeInstances, calls: Calls
) -> None:
    run_id = await cut_off(bench, instances, calls)
    for path in ("retry", "replay"):
        refused = await ask(bench, "POST", f"/runs/{run_id}/{path}", {"from": "after"} if path == "replay" else {})
        assert (refused["status"], refused["error"]["code"]) == (409, "REPLAY_NOT_POSSIBLE")
    assert (await ask(bench, "POST", f"/runs/{run_id}/cancel", {}))["status"] == 202
    await go_on(bench, instances, run_id)
    record = await bench.service.runs.find(run_id)
    assert (record["status"], calls.texts) == ("cancelled", ["paid"])
    assert [row for sql in bench.logs.sql.values() for row in sql.execute("SELECT * FROM cut_off_calls")] == []


async def test_what_has_ended_before_the_crash_is_not_asked_about(
    bench: Bench, instances: FakeInstances, calls: Calls
) -> None:
    await bench.service.push(SOURCE, ADA)
    run_id = (await ask(bench, "POST", "/webhooks/named/w/trigger", {}))["run_id"]
    isolate = await go_on(bench, instances, run_id)
    assert isolate is not None
    assert isolate.asked == ["pay begun", "pay", "from after"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        pytest.param({"decision": "again"}, 400, "INVALID_REQUEST", id="no choice"),
        pytest.param({}, 400, "INVALID_REQUEST", id="none"),
        pytest.param({"decision": "retry", "data": 1}, 400, "INVALID_REQUEST", id="data of what is done again"),
        pytest.param({"decision": "skip", "more": 1}, 400, "UNKNOWN_KEY", id="another field"),
        pytest.param(
            {"decision": "skip", "data": "x" * MAX_SKIPPED_BYTES}, 413, "PAYLOAD_TOO_LARGE", id="too much data"
        ),
    ],
)
async def test_what_is_no_decision(bench: Bench, body: dict[str, Any], status: int, code: str) -> None:
    refused = await decide(bench, "0" * 26, "pay", **body)
    assert (refused["status"], refused["error"]["code"]) == (status, code)


async def test_where_there_is_nothing_to_decide(bench: Bench, instances: FakeInstances, calls: Calls) -> None:
    run_id = await cut_off(bench, instances, calls)
    other = await decide(bench, run_id, "inner/pay[2]", decision="retry")
    assert (other["status"], other["error"]["code"]) == (409, "NOTHING_TO_DECIDE")
    assert (other["error"]["details"]["nodes"], "`inner/pay[2]`" in other["error"]["message"]) == (["pay"], True)
    await decide(bench, run_id, "pay", decision="skip")
    again = await decide(bench, run_id, "pay", decision="retry")
    assert (again["status"], again["error"]["details"]["nodes"]) == (409, [])
    missing = await decide(bench, "0" * 26, "pay", decision="retry")
    assert (missing["status"], missing["error"]["code"]) == (404, "RUN_NOT_FOUND")


async def test_a_hosted_platform_has_nothing_to_decide() -> None:
    bench = build_bench({"tell": echo})
    quick = {**SOURCE, "durable": False, "config": {"pay": {"component": "tell"}, "after": {"component": "tell"}}}
    await bench.service.push(quick, ADA)
    run_id = (await ask(bench, "POST", "/webhooks/named/w/trigger", {}))["run_id"]
    await bench.background.finish()
    refused = await decide(bench, run_id, "pay", decision="retry")
    assert (refused["status"], refused["error"]["code"]) == (409, "NOTHING_TO_DECIDE")


ASKING: dict[str, Any] = {
    **SOURCE,
    "config": {"pay": {"component": "llm", "text": "paid"}, "after": SOURCE["config"]["after"]},
}


async def test_a_question_to_a_model_is_asked_once_more_and_then_somebody_is(
    calls: Calls, instances: FakeInstances
) -> None:
    bench = build_bench({"llm": calls, "tell": echo}, instances)
    await bench.service.push(ASKING, ADA)
    async with build_client(bench.service) as client:
        run_id: str = (await client.post("/webhooks/named/w/trigger", json={})).json()["run_id"]
    for step in ("pay", "pay again 1"):
        running = asyncio.ensure_future(instances.run(bench.service, run_id))
        calls.crash = running.cancel
        await asyncio.wait([running])
        instances.stored[run_id].results.pop(step, None)
    calls.crash = list
    await go_on(bench, instances, run_id)
    record = (await ask(bench, "GET", f"/runs/{run_id}"))["data"]
    assert (record["status"], len(calls.texts)) == ("needs_decision", 2)
    await decide(bench, run_id, "pay", decision="retry")
    assert await go_on(bench, instances, run_id) is not None
    record = await bench.service.runs.find(run_id)
    assert (record["status"], len(calls.texts), record["trace"][0]["attempts"]) == ("success", 3, 3)
