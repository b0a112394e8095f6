"""Chains (`after`), from the run that succeeds to the run that follows it: with its answer for input, once whatever
breaks off, and nothing of it where nobody follows.
"""

import json
from typing import Any

import pytest

from arcrun.engine.run_id import object_of
from arcrun.errors import UpstreamError, WorkflowError
from arcrun.limits import MAX_RUN_DEPTH, MAX_TOLD_ENDS
from arcrun.run_log.protocol import Blobs, blob_key
from arcrun.workspace.chains import ToldEnd
from executor.records.untold_ends import RETRY_MS, TELL_MS
from executor.schedules.firing import AcceptedStarter
from executor.schedules.tables import RETRY_MS as ALARM_RETRY_MS
from fakes.components import echo, exited
from fakes.executor import Bench, build_bench
from fakes.instances import FakeInstances
from fakes.workflows import ADA
from fixtures.alarms import BROKEN, ask, export_nothing, next_alarm, ring

pytestmark = pytest.mark.anyio

TOLD = "{{input | json}}"
OF = "{{request.trigger | json}}"


@pytest.fixture
def instances() -> FakeInstances:
    return FakeInstances()


@pytest.fixture
def bench(instances: FakeInstances) -> Bench:
    return build_bench({"tell": echo, "fail": exited(BROKEN)}, instances)


async def push(bench: Bench, name: str, component: str = "tell", text: str = TOLD, **more: Any) -> None:
    config = {"a": {"component": component, "text": text}}
    await bench.service.push({"name": name, "flow": ["input >> PIPE >> a"], "config": config, **more}, ADA)


async def follow(bench: Bench, name: str, *after: str, **more: Any) -> None:
    await push(bench, name, triggers={"after": [*after]}, **more)


async def run(bench: Bench, name: str, query: str = "", body: Any = None) -> str:
    run_id: str = (await ask(bench, "POST", f"/webhooks/named/{name}/trigger{query}", body or {"n": 1}))["run_id"]
    await bench.background.finish()
    return run_id


async def live(bench: Bench, instances: FakeInstances, until_ms: float, tell: Any = None) -> list[dict[str, Any]]:
    """Let alarms go off for a while. Returns the records of the runs that follow others, oldest first."""
    until_ms += bench.clock.now_ms()
    await run_instances(bench, instances)
    while (due := next_alarm(bench)) is not None and due[0] <= until_ms:
        bench.clock.advance(max(0, due[0] - bench.clock.now_ms()))
        if due[1] is None:
            await ring(bench)
        else:
            bench.logs.alarms[due[1]].due_ms = None
            tables = bench.logs.tables[due[1]]
            await tables.on_alarm(bench.bucket, export_nothing, tell_ends=tell or telling(bench, due[1]))
        await run_instances(bench, instances)
    bench.clock.advance(until_ms - bench.clock.now_ms())
    return await list_followers(bench)


async def run_instances(bench: Bench, instances: FakeInstances) -> None:
    while begun := [each for each in instances.params if each not in instances.outputs]:
        for run_id in begun:
            await instances.run(bench.service, run_id)


async def list_followers(bench: Bench) -> list[dict[str, Any]]:
    listed = (await ask(bench, "GET", "/runs?trigger=after"))["data"]["runs"]
    return [(await ask(bench, "GET", f"/runs/{each['run_id']}"))["data"] for each in reversed(listed)]


async def input_of(bench: Bench, record: dict[str, Any]) -> Any:
    return (await ask(bench, "GET", f"/runs/{record['run_id']}/input"))["data"]["input"]


def telling(bench: Bench, number: int) -> Any:
    async def tell(ends: list[ToldEnd]) -> None:
        await bench.workspace.report_ends(number, ends)

    return tell


@pytest.mark.parametrize("query", ["", "?async=1"], ids=["quick", "accepted"])
async def test_a_run_that_succeeds_starts_its_follower_with_its_answer(
    bench: Bench, instances: FakeInstances, query: str
) -> None:
    await push(bench, "orders")
    await follow(bench, "ship", "orders")
    run_id = await run(bench, "orders", query)
    [record] = await live(bench, instances, 5 * TELL_MS)
    answer = (await ask(bench, "GET", f"/runs/{run_id}"))["data"]["data"]
    assert (record["workflow"], record["status"], record["trigger"]) == ("ship", "success", "after")
    assert await input_of(bench, record) == answer == {"text": '{"n":1}'}


async def test_a_durable_run_starts_its_follower(bench: Bench, instances: FakeInstances) -> None:
    await push(bench, "orders", durable=True)
    await follow(bench, "ship", "orders")
    await run(bench, "orders", "?async=1")
    assert [each["workflow"] for each in await live(bench, instances, 5 * TELL_MS)] == ["ship"]


async def test_the_follower_sees_whom_it_follows(bench: Bench, instances: FakeInstances) -> None:
    await push(bench, "orders")
    await follow(bench, "ship", "orders", text=OF)
    run_id = await run(bench, "orders")
    [record] = await live(bench, instances, 5 * TELL_MS)
    told = {"kind": "after", "workflow": "orders", "run_id": run_id}
    assert json.loads(record["data"]["text"]) == told


async def test_what_fails_or_is_not_followed_starts_nothing(bench: Bench, instances: FakeInstances) -> None:
    await push(bench, "broken", "fail")
    await push(bench, "other")
    await follow(bench, "ship", "broken")
    await run(bench, "broken")
    await run(bench, "other")
    assert await live(bench, instances, 5 * TELL_MS) == []
    for sql in bench.logs.sql.values():
        assert sql.execute("SELECT * FROM sqlite_sequence WHERE name = 'untold_ends'") == []


async def test_several_follow_and_are_followed(bench: Bench, instances: FakeInstances) -> None:
    await push(bench, "orders")
    await follow(bench, "ship", "orders")
    await follow(bench, "bill", "orders", "returns")
    await follow(bench, "report", "bill")
    await run(bench, "orders")
    found = await live(bench, instances, 20 * TELL_MS)
    assert sorted(each["workflow"] for each in found) == ["bill", "report", "ship"]


async def test_a_replay_counts_as_a_run_of_its_workflow(bench: Bench, instances: FakeInstances) -> None:
    await push(bench, "orders")
    await follow(bench, "ship", "orders")
    run_id = await run(bench, "orders")
    await ask(bench, "POST", f"/runs/{run_id}/replay", {})
    await bench.background.finish()
    assert len(await live(bench, instances, 5 * TELL_MS)) == 2


async def test_what_is_told_and_begun_twice_is_one_run(bench: Bench, instances: FakeInstances) -> None:
    await push(bench, "orders")
    await follow(bench, "ship", "orders")
    await run(bench, "orders")
    told: list[list[ToldEnd]] = []

    async def tell_and_fail(ends: list[ToldEnd]) -> None:
        told.append(ends)
        await bench.workspace.report_ends(0, ends)
        raise UpstreamError("The answer is lost.", code="OBJECT_UNAVAILABLE")

    assert len(await live(bench, instances, 5 * TELL_MS, tell_and_fail)) == 1
    assert len(await live(bench, instances, 2 * RETRY_MS, tell_and_fail)) == 1
    assert len(told) > 1
    again: ToldEnd = {**told[0][0], "number": 99}
    bench.workspace.tables.report_ends(0, [again])  # the row was written twice
    assert len(await live(bench, instances, 5 * TELL_MS)) == 1


async def test_a_record_that_is_written_again_is_told_once(bench: Bench, instances: FakeInstances) -> None:
    await push(bench, "orders")
    await follow(bench, "ship", "orders")
    await run(bench, "orders", "?async=1")
    before = dict(instances.params)
    [record] = await live(bench, instances, 5 * TELL_MS)
    numbers = [sql.execute("SELECT seq FROM sqlite_sequence") for sql in bench.logs.sql.values()]
    for run_id in before:
        row = bench.logs.look_up(run_id)
        passed_on: Any = {"answer": None, "depth": 1, "ended_ms": 0.0}
        bench.logs.tables[object_of(run_id)].add([{**row, "passed_on": passed_on}])
    assert numbers == [sql.execute("SELECT seq FROM sqlite_sequence") for sql in bench.logs.sql.values()]
    assert await live(bench, instances, 5 * TELL_MS) == [record]


async def test_a_crash_between_the_run_and_its_note_loses_nothing(bench: Bench, instances: FakeInstances) -> None:
    await push(bench, "orders")
    await follow(bench, "ship", "orders")
    await run(bench, "orders")
    service = bench.service
    assert service.lasting is not None

    class Crashing(AcceptedStarter):
        async def begin(self, due: Any) -> Any:
            await super().begin(due)
            raise RuntimeError("the object is evicted")

    for number in [*bench.logs.tables]:
        bench.logs.start(number)  # with what is stored only
    for number, alarm in bench.logs.alarms.items():
        if alarm.due_ms is not None:
            bench.clock.advance(max(0, alarm.due_ms - bench.clock.now_ms()))
            await bench.logs.tables[number].on_alarm(bench.bucket, export_nothing, tell_ends=telling(bench, number))
    with pytest.raises(RuntimeError):
        await ring(bench, Crashing(service, service.lasting))
    assert len(await live(bench, instances, 3 * ALARM_RETRY_MS)) == 1
    assert bench.workspace.sql.execute("SELECT * FROM followed_ends") == []


async def test_a_lost_alarm_is_set_again_by_a_request(bench: Bench, instances: FakeInstances) -> None:
    await push(bench, "orders")
    await follow(bench, "ship", "orders")
    await run(bench, "orders")
    for number, tables in bench.logs.tables.items():
        bench.clock.advance(TELL_MS)
        await tables.on_alarm(bench.bucket, export_nothing, tell_ends=telling(bench, number))
    bench.workspace.alarm.due_ms = None
    bench.clock.advance(60_000)
    bench.workspace.tables.watch_alarm()
    assert len(await live(bench, instances, 1_000)) == 1


async def test_a_large_answer_arrives_whole(bench: Bench, instances: FakeInstances) -> None:
    await push(bench, "orders")
    await follow(bench, "ship", "orders")
    text = "x" * 300_000
    run_id = await run(bench, "orders", body={"text": text})
    assert bench.logs.look_up(run_id)["blobs"] & Blobs.PASSED_ON
    [record] = await live(bench, instances, 5 * TELL_MS)
    assert text in (await input_of(bench, record))["text"]


async def test_an_answer_that_is_gone_is_a_failed_run(bench: Bench, instances: FakeInstances) -> None:
    await push(bench, "orders")
    await follow(bench, "ship", "orders")
    run_id = await run(bench, "orders", body={"text": "x" * 300_000})
    await bench.bucket.delete([blob_key(run_id, Blobs.PASSED_ON)])
    [record] = await live(bench, instances, 5 * TELL_MS)
    assert (record["status"], record["error"]["code"]) == ("failed", "ANSWER_LOST")


async def test_nothing_of_an_answer_lies_in_the_clear(bench: Bench) -> None:
    await push(bench, "orders")
    await follow(bench, "ship", "orders")
    await run(bench, "orders", body={"secret": "hunter2"})
    untold = [row for sql in bench.logs.sql.values() for row in sql.execute("SELECT * FROM untold_ends")]
    assert len(untold) == 1
    assert "hunter2" not in json.dumps(untold)


async def test_a_chain_that_is_too_deep_fails(bench: Bench, instances: FakeInstances) -> None:
    await push(bench, "orders")
    await follow(bench, "ship", "orders")
    run_id = await run(bench, "orders")
    for sql in bench.logs.sql.values():
        sql.execute("UPDATE untold_ends SET depth = ?", MAX_RUN_DEPTH + 1)
    [record] = await live(bench, instances, 5 * TELL_MS)
    assert (record["status"], record["error"]["code"]) == ("failed", "RUN_TOO_DEEP")
    assert run_id != record["run_id"]


async def test_a_paused_follower_leaves_out_or_queues(bench: Bench, instances: FakeInstances) -> None:
    await push(bench, "orders")
    await follow(bench, "ship", "orders")
    await ask(bench, "POST", "/webhooks/named/ship/pause", {"on_trigger": "refuse"})
    await run(bench, "orders")
    assert await live(bench, instances, 5 * TELL_MS) == []
    await ask(bench, "POST", "/webhooks/named/ship/pause", {"on_trigger": "queue"})
    await run(bench, "orders")
    [record] = await live(bench, instances, 5 * TELL_MS)
    assert record["status"] == "queued"


async def test_a_version_that_does_not_follow_any_more_starts_nothing(bench: Bench, instances: FakeInstances) -> None:
    await push(bench, "orders")
    await follow(bench, "ship", "orders")
    await run(bench, "orders")
    await push(bench, "ship")
    assert await live(bench, instances, 5 * TELL_MS) == []
    assert await bench.workspace.list_follows() == []
    assert bench.workspace.sql.execute("SELECT * FROM followed_ends") == []


async def test_a_push_that_closes_a_circle_is_refused(bench: Bench) -> None:
    await follow(bench, "b", "c")
    await follow(bench, "c", "a")
    with pytest.raises(WorkflowError) as refused:
        await follow(bench, "a", "b")
    assert "AFTER_CYCLE" in json.dumps(refused.value.to_json())
    await follow(bench, "c", "x")
    await follow(bench, "a", "b")


async def test_large_answers_begin_one_at_a_time(bench: Bench, instances: FakeInstances) -> None:
    await push(bench, "orders")
    await follow(bench, "ship", "orders")
    await follow(bench, "bill", "orders")
    for letter in "xy":
        await run(bench, "orders", body={"text": letter * 300_000})
    for number, tables in bench.logs.tables.items():
        bench.clock.advance(TELL_MS)
        await tables.on_alarm(bench.bucket, export_nothing, tell_ends=telling(bench, number))
    assert len(bench.workspace.tables.chains.list_due(4, 100)) == 1
    assert len(await live(bench, instances, 60_000)) == 4


async def test_more_than_are_told_or_begun_at_once_begin_by_and_by(bench: Bench, instances: FakeInstances) -> None:
    await push(bench, "orders")
    await follow(bench, "ship", "orders")
    await follow(bench, "bill", "orders")
    for _ in range(MAX_TOLD_ENDS + 10):
        await run(bench, "orders")
    await live(bench, instances, 60_000)
    counts = {name: await count(bench, name) for name in ("ship", "bill")}
    assert counts == {"ship": MAX_TOLD_ENDS + 10, "bill": MAX_TOLD_ENDS + 10}


async def count(bench: Bench, name: str) -> int:
    return len((await ask(bench, "GET", f"/runs?workflow={name}&trigger=after&limit=100"))["data"]["runs"])


async def test_a_workspace_that_does_not_answer_is_told_later(bench: Bench, instances: FakeInstances) -> None:
    await push(bench, "orders")
    await follow(bench, "ship", "orders")
    await run(bench, "orders")
    bench.workspace.channel.is_down = True
    for number, tables in bench.logs.tables.items():
        bench.clock.advance(TELL_MS)
        await tables.on_alarm(bench.bucket, export_nothing, tell_ends=telling(bench, number))
    bench.workspace.channel.is_down = False
    assert await list_followers(bench) == []
    assert len(await live(bench, instances, 2 * RETRY_MS)) == 1


async def test_who_follows_whom_is_shown(bench: Bench) -> None:
    await push(bench, "orders")
    for name in ("ship", "bill"):
        await follow(bench, name, "orders")
    shown = {name: (await ask(bench, "GET", f"/webhooks/named/{name}"))["data"] for name in ("orders", "ship")}
    assert ("after" in shown["orders"], shown["orders"]["followed_by"]) == (False, ["bill", "ship"])
    assert (shown["ship"]["after"], "followed_by" in shown["ship"]) == (["orders"], False)


@pytest.mark.parametrize("is_detached", [True, False], ids=["detached", "a step"])
async def test_a_run_that_a_step_starts_counts_and_a_call_does_not(
    bench: Bench, instances: FakeInstances, is_detached: bool
) -> None:
    await push(bench, "orders")
    await follow(bench, "ship", "orders")
    config = {"orders": {"input": {}, **({"detach": True} if is_detached else {})}}
    calling = {"name": "calling", "flow": ["input >> CALLS_SUBFLOW >> orders"], "config": config}
    await bench.service.push(calling, ADA)
    await run(bench, "calling")
    assert len(await live(bench, instances, 10 * TELL_MS)) == int(is_detached)


async def test_a_circle_that_a_detached_step_closes_ends(bench: Bench, instances: FakeInstances) -> None:
    await push(bench, "orders")
    config = {"orders": {"input": {}, "detach": True}}
    closing = {"name": "closing", "flow": ["input >> CALLS_SUBFLOW >> orders"], "config": config}
    await bench.service.push({**closing, "triggers": {"after": ["orders"]}}, ADA)
    await run(bench, "orders")
    found = await live(bench, instances, 120_000)
    assert [each["status"] for each in found] == ["success"] * (MAX_RUN_DEPTH // 2) + ["failed"]
    assert found[-1]["error"]["code"] == "RUN_TOO_DEEP"
    assert bench.workspace.sql.execute("SELECT * FROM followed_ends") == []


async def test_an_answer_that_does_not_fit_is_a_failed_run(instances: FakeInstances) -> None:
    errors = [{"path": "/text", "message": "must be an integer"}]
    refuse = exited({"success": True, "data": {"valid": False, "errors": errors}})
    bench = build_bench({"tell": echo, "validate_json": refuse}, instances)
    await push(bench, "orders")
    await follow(bench, "ship", "orders", input_schema={"type": "object", "properties": {"text": {"type": "integer"}}})
    await run(bench, "orders")
    [record] = await live(bench, instances, 5 * TELL_MS)
    assert (record["status"], record["error"]["code"]) == ("failed", "INVALID_INPUT")
