"""Failures that start a workflow (`failure_of`), from the failed run to the run that it starts: grouped, counted once,
and never of a workflow that handles failures itself.
"""

from functools import partial
from typing import Any

import pytest

from arcrun.durable_objects import LATE_ALARM_MS
from arcrun.engine.run_id import object_of
from arcrun.engine.trigger import TriggerKind
from arcrun.errors import UpstreamError
from arcrun.limits import MAX_COUNTED_WORKFLOWS, MAX_TOLD_FAILURES
from arcrun.run_log.filter import LOST_AFTER_MS
from arcrun.workspace.failure_groups import choose_failures, gather
from arcrun.workspace.failures import ToldFailure
from executor.records.untold_failures import RETRY_MS, TELL_MS, UNWATCHED_MS
from fakes.components import echo, exited
from fakes.executor import Bench, build_bench
from fakes.instances import FakeInstances
from fakes.workflows import ADA
from fixtures.alarms import BROKEN, ask, export_nothing, next_alarm, ring

pytestmark = pytest.mark.anyio

MINUTE_MS = 60_000.0
TOLD = "{{input | json}}"


@pytest.fixture
def instances() -> FakeInstances:
    return FakeInstances()


@pytest.fixture
def bench(instances: FakeInstances) -> Bench:
    return build_bench({"tell": echo, "fail": exited(BROKEN)}, instances)


async def push(bench: Bench, name: str, component: str = "fail", **more: Any) -> None:
    config = {"a": {"component": component, "text": TOLD}}
    await bench.service.push({"name": name, "flow": ["input >> PIPE >> a"], "config": config, **more}, ADA)


async def handle(bench: Bench, failure_of: Any, name: str = "alarm", component: str = "tell") -> None:
    await push(bench, name, component, triggers={"failure_of": failure_of})


async def run(bench: Bench, name: str, query: str = "") -> str:
    run_id: str = (await ask(bench, "POST", f"/webhooks/named/{name}/trigger{query}", {}))["run_id"]
    await bench.background.finish()
    return run_id


async def live(bench: Bench, instances: FakeInstances, until_ms: float) -> list[dict[str, Any]]:
    """Let alarms go off for a while. Returns the inputs of the runs that failures have started, oldest first."""
    until_ms += bench.clock.now_ms()
    while (due := next_alarm(bench)) is not None and due[0] <= until_ms:
        bench.clock.advance(max(0, due[0] - bench.clock.now_ms()))
        if due[1] is None:
            await ring(bench)
        else:
            bench.logs.alarms[due[1]].due_ms = None
            await bench.logs.tables[due[1]].on_alarm(
                *(bench.bucket, export_nothing),
                tell=bench_tell(bench, due[1]),
                tell_ends=partial(bench.workspace.report_ends, due[1]),
            )
        for run_id in [each for each in instances.params if each not in instances.outputs]:
            await instances.run(bench.service, run_id)
    bench.clock.advance(until_ms - bench.clock.now_ms())
    listed = (await ask(bench, "GET", "/runs?trigger=failure"))["data"]["runs"]
    listed = [each for each in listed if each.get("error") != "RUN_TOO_DEEP"]
    return [(await ask(bench, "GET", f"/runs/{each['run_id']}/input"))["data"]["input"] for each in reversed(listed)]


def bench_tell(bench: Bench, number: int = 0) -> Any:
    async def tell(failures: list[ToldFailure]) -> bool:
        return await bench.workspace.report_failures(number, failures)

    return tell


async def test_a_failed_run_starts_the_handler(bench: Bench, instances: FakeInstances) -> None:
    await push(bench, "orders")
    await handle(bench, ["orders"])
    run_id = await run(bench, "orders")
    [told] = await live(bench, instances, 2 * TELL_MS)
    began = (await ask(bench, "GET", f"/runs/{run_id}"))["data"]["started_at"]
    assert told == {
        "workflow": "orders",
        "run_id": run_id,
        "error": {"code": "BROKEN", "message": "no money left"},
        "node": "a",
        "started_at": began,
        "trigger": "name",
        "count": 1,
        "since": began,
        "workflows": {"orders": 1},
    }
    [listed] = (await ask(bench, "GET", "/runs?workflow=alarm"))["data"]["runs"]
    assert (listed["status"], listed["trigger"]) == ("success", "failure")


@pytest.mark.parametrize(("node", "told"), [("", None), (None, None), ("a", "a")])
async def test_where_no_step_has_failed_the_node_is_null(bench: Bench, node: str | None, told: str | None) -> None:
    """Such as a follower whose input does not fit: its record has an empty node."""
    await push(bench, "orders")
    await handle(bench, ["orders"])
    number = object_of(await run(bench, "orders"))
    bench.logs.sql[number].execute("UPDATE runs SET node = ?", node)
    bench.clock.advance(2 * TELL_MS)
    heard = list[ToldFailure]()

    async def tell(failures: list[ToldFailure]) -> bool:
        heard.extend(failures)
        return True

    await bench.logs.tables[number].on_alarm(bench.bucket, export_nothing, tell=tell)
    assert [each["node"] for each in heard] == [told]


async def test_failures_are_told_though_the_platform_has_given_up_an_alarm(
    bench: Bench, instances: FakeInstances
) -> None:
    await push(bench, "orders")
    await handle(bench, ["orders"])
    number = object_of(await run(bench, "orders"))
    bench.logs.alarms[number].due_ms = None
    bench.clock.advance(2 * TELL_MS)
    bench.logs.tables[number].count_request()
    assert bench.logs.alarms[number].due_ms is None  # it may come yet
    bench.clock.advance(LATE_ALARM_MS)
    bench.logs.tables[number].count_request()
    assert len(await live(bench, instances, MINUTE_MS)) == 1


async def test_an_outage_is_told_once_and_then_by_its_count(bench: Bench, instances: FakeInstances) -> None:
    for name in ("orders", "billing"):
        await push(bench, name)
    await handle(bench, {"workflows": "*", "at_most": "1 per 10m"})
    await run(bench, "orders")
    assert [told["count"] for told in await live(bench, instances, 2 * TELL_MS)] == [1]
    for _ in range(5):
        await run(bench, "orders")
        last = await run(bench, "billing")
        assert len(await live(bench, instances, MINUTE_MS)) == 1
    first, second = await live(bench, instances, 6 * MINUTE_MS)
    assert (first["workflows"], second["count"], second["workflows"]) == (
        {"orders": 1},
        10,
        {"orders": 5, "billing": 5},
    )
    assert (second["run_id"], second["workflow"]) == (last, "billing")
    assert len(await live(bench, instances, 60 * MINUTE_MS)) == 2  # and then there is silence
    await run(bench, "orders")
    assert [told["count"] for told in await live(bench, instances, 2 * TELL_MS)] == [1, 10, 1]


@pytest.mark.parametrize("query", ["", "?async=1"])
async def test_however_it_was_run(bench: Bench, instances: FakeInstances, query: str) -> None:
    await push(bench, "orders")
    await push(bench, "lasting", durable=True)
    await handle(bench, "*")
    await run(bench, "orders", query)
    await run(bench, "lasting")
    [first, *_] = await live(bench, instances, 11 * MINUTE_MS)
    inputs = await live(bench, instances, 0)
    counted = [told["workflows"] for told in inputs]
    assert sum(told["count"] for told in inputs) == 2
    assert {name for names in counted for name in names} == {"orders", "lasting"}
    assert first["error"]["code"] == "BROKEN"


async def test_a_lost_run_is_told(bench: Bench, instances: FakeInstances) -> None:
    await push(bench, "orders", "tell")
    await push(bench, "other")
    await handle(bench, {"workflows": ["orders", "other"], "at_most": "1 per 1m"})
    await run(bench, "other")
    assert len(await live(bench, instances, MINUTE_MS)) == 1  # now the object knows that somebody wants to hear
    run_id = (await ask(bench, "POST", "/webhooks/named/orders/trigger?async=1&timeout_ms=1000", {}))["run_id"]
    instances.outputs[run_id] = ""  # it never runs
    told = (await live(bench, instances, 2 * LOST_AFTER_MS + 3_700_000))[-1]
    assert (told["run_id"], told["error"]["code"], told["count"]) == (run_id, "RUN_LOST", 1)
    assert len(await live(bench, instances, 10 * 3_600_000)) == 2


async def test_handlers_do_not_hear_of_each_other(bench: Bench, instances: FakeInstances) -> None:
    await handle(bench, "*", "broken_alarm", "fail")
    await handle(bench, "*", "alarm")
    await push(bench, "orders")
    await run(bench, "broken_alarm")
    assert await live(bench, instances, MINUTE_MS) == []
    await run(bench, "orders")
    inputs = await live(bench, instances, 60 * MINUTE_MS)
    assert [told["workflow"] for told in inputs] == ["orders"] * 2  # one run of each, and no more for that which fails


async def find_warnings(bench: Bench, name: str) -> list[tuple[str, str]]:
    """Of a push of what is stored, that the workflow may start itself."""
    source = (await ask(bench, "GET", f"/webhooks/named/{name}"))["data"]["workflow"]
    found = (await ask(bench, "POST", "/webhooks", {"workflow": source}))["data"]["diagnostics"]
    return [(each["code"], each["severity"]) for each in found if each["code"] == "FAILURE_CYCLE"]


@pytest.mark.parametrize("query", ["", "?async=1"], ids=["quick", "accepted"])
async def test_a_circle_of_failures_and_chains_ends(bench: Bench, instances: FakeInstances, query: str) -> None:
    """The handler succeeds, and what follows it fails: at the depth of 8, so that nothing starts the handler again."""
    await push(bench, "orders")
    await handle(bench, {"workflows": ["orders", "ship"], "at_most": "1 per 1m"}, "alarm")
    await push(bench, "ship", triggers={"after": ["alarm"]})
    await run(bench, "orders", query)
    told = await live(bench, instances, 60 * MINUTE_MS)
    assert [each["workflow"] for each in told] == ["orders", "ship", "ship", "ship"]
    listed = (await ask(bench, "GET", "/runs?status=failed&workflow=alarm"))["data"]["runs"]
    assert [each["error"] for each in listed] == ["RUN_TOO_DEEP"]
    assert all("depth" not in each for each in told)
    for name in ("ship", "alarm"):
        assert await find_warnings(bench, name) == [("FAILURE_CYCLE", "warning")]
    await run(bench, "orders", query)  # what fails outside of the circle is told again
    assert len(await live(bench, instances, 2 * MINUTE_MS)) > len(told)


async def test_no_handler_costs_next_to_nothing(bench: Bench, instances: FakeInstances) -> None:
    await push(bench, "orders")
    for _ in range(2):
        await run(bench, "orders")
        await live(bench, instances, 2 * TELL_MS)
    written = [bench.logs.sql[number].execute("SELECT * FROM sqlite_sequence") for number in bench.logs.sql]
    assert [row["seq"] for rows in written for row in rows] == [1]  # of the second nothing was noted
    await handle(bench, "*")
    bench.clock.advance(UNWATCHED_MS)
    await run(bench, "orders")
    assert len(await live(bench, instances, 2 * TELL_MS)) == 1


async def test_a_deleted_handler_and_one_of_an_earlier_version_hear_nothing(
    bench: Bench, instances: FakeInstances
) -> None:
    await push(bench, "orders")
    await handle(bench, "*")
    await push(bench, "alarm", "tell")
    await run(bench, "orders")
    assert await live(bench, instances, MINUTE_MS) == []
    bench.clock.advance(UNWATCHED_MS)
    await handle(bench, "*")
    token = (await ask(bench, "GET", "/webhooks/named/alarm"))["data"]["token"]
    await ask(bench, "DELETE", f"/webhooks/{token}")
    await run(bench, "orders")
    assert await live(bench, instances, MINUTE_MS) == []


async def test_what_does_not_answer_is_tried_again(bench: Bench, instances: FakeInstances) -> None:
    await push(bench, "orders")
    await handle(bench, "*")
    await run(bench, "orders")
    bench.workspace.channel.is_down = True
    assert await live(bench, instances, 2 * TELL_MS) == []
    bench.workspace.channel.is_down = False
    instances.fails = UpstreamError("not now", code="WORKFLOWS_FAILED")
    await live(bench, instances, 2 * RETRY_MS)
    assert instances.params == {}
    instances.fails = False
    assert [told["count"] for told in await live(bench, instances, 2 * RETRY_MS)] == [1]


def failure(number: int, workflow: str = "orders", trigger: str = "webhook") -> ToldFailure:
    return {
        "number": number,
        "workflow": workflow,
        "run_id": f"run-{number}",
        "trigger": trigger,
        "started_at": f"2026-11-27T10:00:{number:02}Z",
        "error": {"code": "E", "message": ""},
        "node": None,
    }


async def test_what_is_told_twice_counts_once(bench: Bench) -> None:
    await handle(bench, "*")
    for told in ([1, 2, 3], [1, 2, 3], [3, 4], [4]):
        assert await bench.workspace.report_failures(2, [failure(number) for number in told])
    assert await bench.workspace.report_failures(3, [failure(1)])
    [due] = bench.workspace.tables.failures.list_due(4, 10)
    assert (due.told["count"], due.told["run_id"]) == (5, "run-1")
    [again] = bench.workspace.tables.failures.list_due(4, 10)  # after a crash
    assert again == due


async def test_many_are_told_in_batches(bench: Bench, instances: FakeInstances) -> None:
    await push(bench, "orders")
    await handle(bench, {"workflows": "*", "at_most": "1 per 1m"})
    for _ in range(MAX_TOLD_FAILURES + 50):
        await run(bench, "orders")
    inputs = await live(bench, instances, 3 * MINUTE_MS)
    assert sum(told["count"] for told in inputs) == MAX_TOLD_FAILURES + 50


def test_the_rules_of_choosing_and_gathering() -> None:
    failures = [failure(1), failure(2, "alarm"), failure(3, "billing"), failure(4, "orders", TriggerKind.FAILURE)]
    failures.append(failure(5, "orders", TriggerKind.EXECUTE))
    assert choose_failures(failures, ["*"], {"alarm"}) == [failures[0], failures[2]]
    assert choose_failures(failures, ["orders", "alarm"], {"alarm"}) == [failures[0]]
    many = [failure(number, f"w{number}") for number in range(MAX_COUNTED_WORKFLOWS + 10)]
    gathered = gather(gather(None, many[:50]), many[50:])
    assert (gathered["count"], len(gathered["workflows"])) == (MAX_COUNTED_WORKFLOWS + 10, MAX_COUNTED_WORKFLOWS)
    assert (gathered["since"], gathered["last"]) == (many[0]["started_at"], many[-1])
