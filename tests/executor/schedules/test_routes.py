"""Schedules over HTTP, from a push to the runs, with the `cron` component itself: what is listed, paused, resumed, run
now, and what a rollback, a deletion and the pause of a workflow mean for them.
"""

import json
from typing import Any

import pytest

from arcrun.errors import UpstreamError
from arcrun.limits import MAX_SCHEDULES
from arcrun.wasm.abi import Execution
from executor.schedules.alarm import ScheduleAlarm
from executor.schedules.firing import AcceptedStarter
from executor.schedules.times import DAY_MS, build_times
from fakes.components import echo, exited
from fakes.cron import cron
from fakes.executor import Bench, build_bench, build_client
from fakes.instances import FakeInstances

pytestmark = pytest.mark.anyio

DAILY = {"cron": "0 9 * * MON-FRI", "zone": "Europe/Berlin", "input": {"kind": "daily"}}
FIRST, SECOND = "2026-09-22T07:00:00Z", "2026-09-23T07:00:00Z"


@pytest.fixture
def instances() -> FakeInstances:
    return FakeInstances()


@pytest.fixture
def bench(instances: FakeInstances) -> Bench:
    return build_bench({"tell": echo, "cron": cron}, instances)


def workflow(*schedules: Any, name: str = "w", **more: Any) -> dict[str, Any]:
    config = {"a": {"component": "tell", "text": '{{input.kind | default("")}} {{request.trigger | json}}'}}
    triggers = {"triggers": {"schedule": [*schedules]}} if schedules else {}
    return {"name": name, "flow": ["input >> PIPE >> a"], "config": config, **triggers, **more}


async def ask(bench: Bench, method: str, path: str, body: Any = None) -> dict[str, Any]:
    async with build_client(bench.service) as client:
        answer = await client.request(method, path, json=body)
    return {"status": answer.status_code, **answer.json()}


async def push(bench: Bench, *schedules: Any, **more: Any) -> dict[str, Any]:
    return await ask(bench, "POST", "/webhooks", {"workflow": workflow(*schedules, **more)})


async def list_schedules(bench: Bench, name: str = "w", query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await ask(bench, "GET", f"/schedules/{name}{query}"))["data"]["schedules"]
    return found


def text_of(run: dict[str, Any]) -> str:
    """What the run's node got."""
    return str(run["trace"][0]["input"]["text"])


async def ring(bench: Bench, instances: FakeInstances, days: float = 1) -> list[dict[str, Any]]:
    """Let the alarms of some days go off. Returns the records of the runs, oldest first."""
    service, until_ms = bench.service, bench.clock.now_ms() + days * DAY_MS
    assert service.lasting is not None
    tables = bench.workspace.tables.schedules
    times = build_times(service.components, service.engine.limits)
    alarm = ScheduleAlarm(
        tables,
        bench.workspace.tables.failures,
        times,
        AcceptedStarter(service, service.lasting),
        bench.clock,
        most=100,
        objects=4,
    )
    while tables.next_ms is not None and tables.next_ms <= until_ms:
        bench.clock.advance(max(0, tables.next_ms - bench.clock.now_ms()))
        await alarm.ring()
        for run_id in [each for each in instances.params if each not in instances.outputs]:
            await instances.run(service, run_id)
    bench.clock.advance(until_ms - bench.clock.now_ms())
    listed = (await ask(bench, "GET", "/runs?trigger=schedule"))["data"]["runs"]
    return [(await ask(bench, "GET", f"/runs/{run['run_id']}"))["data"] for run in reversed(listed)]


async def test_a_push_tells_the_next_times_and_the_alarm_starts_runs(bench: Bench, instances: FakeInstances) -> None:
    pushed = await push(bench, DAILY)
    assert pushed["status"] == 201
    [shown] = pushed["data"]["schedules"]
    assert shown["next"][0] == {"utc": FIRST, "local": "2026-09-22T09:00:00+02:00"}
    assert (len(shown["next"]), shown["number"], shown["cron"], shown["zone"]) == (5, 1, DAILY["cron"], DAILY["zone"])
    [first, second] = await ring(bench, instances, 2)
    told = json.loads(text_of(first).partition(" ")[2])
    assert told == {
        "kind": "schedule",
        "due_at": FIRST,
        "delay_ms": 0,
        "schedule": DAILY["cron"],
        "zone": DAILY["zone"],
    }
    assert (text_of(first)[:6], first["trigger"], first["started_at"][:16]) == ("daily ", "schedule", FIRST[:16])
    assert SECOND in text_of(second)
    [listed] = (await ask(bench, "GET", "/schedules"))["data"]["schedules"]
    assert (listed["last_due_at"], listed["last_run_id"]) == (SECOND, second["run_id"])
    assert (await ask(bench, "GET", "/webhooks/named/w"))["data"]["schedules"] == [listed]
    assert await list_schedules(bench, query="?count=1") == [{**listed, "next": listed["next"][:1]}]


async def test_a_schedule_is_paused_and_resumed(bench: Bench, instances: FakeInstances) -> None:
    await push(bench, DAILY, {"every": "1h"})
    paused = await ask(bench, "POST", "/schedules/w/pause", {})
    assert [each["paused"] for each in paused["data"]["schedules"]] == [True, True]
    assert await ring(bench, instances, 1) == []
    resumed = await ask(bench, "POST", "/schedules/w/resume", {})
    assert [each["paused"] for each in resumed["data"]["schedules"]] == [False, False]
    runs = await ring(bench, instances, 1)
    assert [run["started_at"] for run in runs if text_of(run).startswith("daily")] == ["2026-09-23T07:00:00.000Z"]
    assert len(runs) == 25
    lines = [line["action"] for line in (await ask(bench, "GET", "/audit"))["data"]["lines"]]
    assert lines == ["schedule.resume", "schedule.pause", "workflow.push"]


async def test_a_run_now(bench: Bench, instances: FakeInstances) -> None:
    await push(bench, {"every": "1d"}, DAILY)
    answer = await ask(bench, "POST", "/schedules/w/run", {"number": 2})
    assert answer["status"] == 202
    await instances.run(bench.service, answer["run_id"])
    run = (await ask(bench, "GET", f"/runs/{answer['run_id']}"))["data"]
    assert (run["trigger"], text_of(run)[:6]) == ("schedule", "daily ")
    for number in (0, 3, "1", True):
        refused = await ask(bench, "POST", "/schedules/w/run", {"number": number})
        assert (refused["status"], refused["error"]["code"]) == (400, "INVALID_REQUEST")


async def test_the_times_are_those_of_the_current_version(bench: Bench, instances: FakeInstances) -> None:
    await push(bench, DAILY)
    await push(bench)
    assert (await list_schedules(bench), await ring(bench, instances, 1)) == ([], [])
    assert (await ask(bench, "POST", "/webhooks/named/w/rollback", {"version": 1}))["status"] == 200
    assert [each["cron"] for each in await list_schedules(bench)] == [DAILY["cron"]]
    assert len(await ring(bench, instances, 1)) == 1
    token = (await ask(bench, "GET", "/webhooks/named/w"))["data"]["token"]
    await ask(bench, "DELETE", f"/webhooks/{token}")
    assert (await ask(bench, "GET", "/schedules"))["data"]["schedules"] == []
    assert len(await ring(bench, instances, 3)) == 1


@pytest.mark.parametrize(("on_trigger", "began", "skipped"), [("refuse", 0, 1), ("queue", 1, 0)])
async def test_a_paused_workflow_s_schedule_skips_or_queues_as_its_webhook(
    bench: Bench, instances: FakeInstances, on_trigger: str, began: int, skipped: int
) -> None:
    await push(bench, DAILY)
    await ask(bench, "POST", "/webhooks/named/w/pause", {"on_trigger": on_trigger})
    runs = await ring(bench, instances, 1)
    assert [run["status"] for run in runs] == ["queued"] * began
    assert (instances.params, (await list_schedules(bench))[0]["skipped"]) == ({}, skipped)
    answer = await ask(bench, "POST", "/webhooks/named/w/resume", {})
    assert answer["data"]["released"] == began


def find_all_wrong(_stdin: str) -> Execution:
    errors = [{"path": "/kind", "message": "must be an integer"}]
    return exited({"success": True, "data": {"valid": False, "errors": errors}})


async def test_an_input_that_does_not_fit_is_a_run_that_has_failed(instances: FakeInstances) -> None:
    bench = build_bench({"tell": echo, "cron": cron, "validate_json": find_all_wrong}, instances)
    schema = {"type": "object", "properties": {"kind": {"type": "integer"}}}
    await push(bench, DAILY, input_schema=schema)
    [run] = await ring(bench, instances, 1)
    assert (run["status"], run["error"]["code"]) == ("failed", "INVALID_INPUT")
    assert (instances.params, (await list_schedules(bench))[0]["last_run_id"]) == ({}, run["run_id"])


async def test_what_the_platform_refuses_is_tried_again_under_the_same_id(
    bench: Bench, instances: FakeInstances
) -> None:
    await push(bench, DAILY)
    instances.fails = UpstreamError("not now", code="WORKFLOWS_FAILED")
    await ring(bench, instances, 0.7)
    [waiting] = (await ask(bench, "GET", "/runs?trigger=schedule"))["data"]["runs"]
    assert (await list_schedules(bench))[0]["waiting"] == 1
    instances.fails = False
    [run] = await ring(bench, instances, 0.1)
    assert (run["run_id"], run["status"]) == (waiting["run_id"], "success")


async def test_run_ids_hold_the_time_and_are_not_to_be_guessed(bench: Bench, instances: FakeInstances) -> None:
    ids = set()
    for _ in range(2):
        other = build_bench({"tell": echo, "cron": cron}, instances)
        await push(other, DAILY)
        other.workspace.sql.execute("UPDATE workspace SET run_secret = NULL")
        [run] = await ring(other, instances, 1)
        ids.add(run["run_id"])
    assert len(ids) == 2
    assert len({each[:10] for each in ids}) == 1


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ({"cron": "61 9 * * *"}, "minute"),
        ({"cron": "0 9 * * *", "zone": "Europe/Atlantis"}, "Europe/Atlantis"),
        ({"cron": "0 0 30 2 *"}, "never due"),
        ({"at": "2026-02-30T10:00"}, "no such day"),
    ],
)
async def test_what_the_component_refuses_is_an_error_at_push(
    bench: Bench, schedule: dict[str, Any], message: str
) -> None:
    refused = await push(bench, DAILY, schedule)
    [found] = refused["error"]["details"]["diagnostics"]
    assert (refused["status"], found["code"], message in found["message"]) == (422, "INVALID_SETTING", True), found


async def test_a_workflow_without_schedules(bench: Bench) -> None:
    await push(bench)
    for path in ("/schedules/w/pause", "/schedules/w/resume", "/schedules/w/run"):
        assert (await ask(bench, "POST", path, {}))["error"]["code"] == "NO_SCHEDULES"
    for path in ("/schedules/x/pause", "/schedules/x/resume", "/schedules/x/run"):
        assert (await ask(bench, "POST", path, {}))["error"]["code"] == "WORKFLOW_NOT_FOUND"
    assert await list_schedules(bench) == []
    assert (await ask(bench, "GET", "/schedules?count=101"))["error"]["code"] == "INVALID_REQUEST"


async def test_a_platform_without_accepted_runs_refuses_schedules() -> None:
    bench = build_bench({"tell": echo, "cron": cron})
    refused = await push(bench, DAILY)
    assert (refused["status"], refused["error"]["code"]) == (503, "TRIGGER_NOT_AVAILABLE")


async def test_as_many_schedules_as_may_be(bench: Bench) -> None:
    many = [{"cron": f"{minute} 9 * * *"} for minute in range(MAX_SCHEDULES)]
    assert len((await push(bench, *many))["data"]["schedules"]) == MAX_SCHEDULES


async def test_an_every_is_counted_from_its_push_after_a_pause_too(bench: Bench) -> None:
    pushed = await push(bench, {"every": "7d"})
    times = [each["utc"] for each in pushed["data"]["schedules"][0]["next"]]
    for days, following in ((3, times[0]), (10, times[1])):
        await ask(bench, "POST", "/schedules/w/pause", {})
        bench.clock.advance(days * DAY_MS)
        resumed = await ask(bench, "POST", "/schedules/w/resume", {})
        assert resumed["data"]["schedules"][0]["next"][0]["utc"] == following
